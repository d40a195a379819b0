"""Files that are whole or not there: written aside, synced, and put in place by one rename."""

import os
from pathlib import Path

ASIDE = ".part"


def replace_file(path: Path, content: bytes, *, mode: int = 0o600) -> None:
    """Write `path` so that a crash leaves the old content or the new. Raises OSError; then the old
    content is still there."""
    aside = path.with_name(f"{path.name}{ASIDE}")
    try:
        with open(aside, "wb", opener=lambda name, flags: os.open(name, flags, mode)) as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
    except OSError:
        aside.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make renames and removals in a directory durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
