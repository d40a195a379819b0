"""Joins apps that may not import each other: hooks of lower apps, filled by higher ones."""


def connect() -> None:
    """Called once all apps are loaded."""
