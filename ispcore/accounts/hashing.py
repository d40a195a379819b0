"""Password hashes, at most a few at once: each takes a core and 100 MB on purpose."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from django.conf import settings
from django.contrib.auth.hashers import Argon2PasswordHasher

WAIT_S = 5.0


class TooManyHashes(Exception):
    """So many passwords are being checked that one more would wait for too long."""


_places = threading.BoundedSemaphore(settings.PASSWORD_HASHES_AT_ONCE)


@contextmanager
def _place() -> Iterator[None]:
    if not _places.acquire(timeout=WAIT_S):
        raise TooManyHashes
    try:
        yield
    finally:
        _places.release()


class BoundedArgon2(Argon2PasswordHasher):
    """Argon2 as Django sets it; who comes when all places are taken waits WAIT_S at most.

    Else a flood of logins would take the machine's memory and cores from everybody else. Raises
    TooManyHashes, which becomes 503 (see ispcore.accounts.middleware).
    """

    def encode(self, password: str, salt: str) -> str:
        with _place():
            return super().encode(password, salt)

    def verify(self, password: str, encoded: str) -> bool:
        with _place():
            return super().verify(password, encoded)
