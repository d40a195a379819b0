"""The embedded database files hold everybody's data and are for our user's eyes only."""

import contextlib
from pathlib import Path
from typing import Any

MODE = 0o600


def keep_private(*, connection: Any, **_rest: Any) -> None:
    """Called at every new connection: take SQLite's files away from group and others."""
    if connection.vendor != "sqlite" or connection.is_in_memory_db():
        return
    for suffix in ("", "-wal", "-shm"):
        file = Path(f"{connection.settings_dict['NAME']}{suffix}")
        with contextlib.suppress(FileNotFoundError, PermissionError):
            if file.stat().st_mode & 0o077:
                file.chmod(MODE)
