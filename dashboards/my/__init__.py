"""The site of a tenant's people at /my/: their usage, links, alerts, subscribers, accounts and history, and no more."""
