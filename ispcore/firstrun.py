"""Makes what a first start needs before settings can be read: var/ and the secrets in it."""

import os
import secrets
from pathlib import Path

from cryptography.fernet import Fernet

from ispcore.environment import var_dir

MAKERS = {
    "SECRET_KEY": lambda: secrets.token_urlsafe(50),
    "FIELD_ENCRYPTION_KEYS": lambda: Fernet.generate_key().decode("ascii"),
}


class FirstRunError(Exception):
    """The start cannot go on; the message says what to mend."""


def ensure_secrets() -> None:
    """Write the secrets that neither the environment nor var/secrets.env gives, mode 0600.

    Raises FirstRunError when they are needed and var/ cannot be written.
    """
    path = var_dir() / "secrets.env"
    try:
        present = _names(path)
    except OSError as error:
        raise FirstRunError(f"cannot read {path}: {error.strerror}") from error
    missing = [name for name in MAKERS if name not in present and not _in_environment(name)]
    if not missing:
        return
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        _append(path, missing)
    except OSError as error:
        raise FirstRunError(
            f"cannot write {path}: {error.strerror}. Make {path.parent} writable for this user, "
            f"or give {' and '.join(missing)} in the environment"
        ) from error


def _in_environment(name: str) -> bool:
    return bool(os.environ.get(name) or os.environ.get(f"{name}_FILE"))


def _names(path: Path) -> set[str]:
    if not path.exists():
        return set()
    return {line.partition("=")[0] for line in path.read_text().splitlines() if "=" in line}


def _append(path: Path, names: list[str]) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(descriptor, "w") as file:
        os.fchmod(file.fileno(), 0o600)
        file.writelines(f"{name}={MAKERS[name]()}\n" for name in names)
