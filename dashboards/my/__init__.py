"""The site of a tenant's people at /my/: their usage, links, alerts, accounts and history, and no more."""
