"""Processes and database servers that are killed at every step of every kind of provisioning."""
