"""The site of a tenant's people at /my/: their usage, links, alerts and accounts, and no more."""
