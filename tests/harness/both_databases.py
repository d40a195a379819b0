"""Tests of pages that read FreeRADIUS' database too: both are theirs, and both are undone."""

import pytest


def given(items: list[pytest.Item], folder: str) -> None:
    """Let the tests under `folder` use both databases."""
    for item in items:
        if f"{folder}/" in item.nodeid:
            marked = item.get_closest_marker("django_db")
            real = bool(marked and marked.kwargs.get("transaction"))
            both = pytest.mark.django_db(transaction=real, databases=["default", "radius"])
            item.add_marker(both, append=False)
