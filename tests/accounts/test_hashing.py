"""A flood of logins takes neither the machine's cores nor its memory."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.test import Client, override_settings

from ispcore.accounts import hashing
from ispcore.accounts.hashing import BoundedArgon2, TooManyHashes

ARGON2 = ["ispcore.accounts.hashing.BoundedArgon2"]


@pytest.fixture
def full(monkeypatch: pytest.MonkeyPatch) -> threading.BoundedSemaphore:
    """One place, which is taken, and no patience."""
    places = threading.BoundedSemaphore(1)
    places.acquire()
    monkeypatch.setattr(hashing, "_places", places)
    monkeypatch.setattr(hashing, "WAIT_S", 0.05)
    return places


def test_no_more_than_a_few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from argon2 import low_level

    lock, running, most = threading.Lock(), [0], [0]
    hash_it = low_level.hash_secret

    def counted(*args: object, **kwargs: object) -> bytes:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        try:
            return hash_it(*args, **kwargs)  # type: ignore[arg-type]
        finally:
            with lock:
                running[0] -= 1

    monkeypatch.setattr("argon2.low_level.hash_secret", counted)
    monkeypatch.setattr(hashing, "WAIT_S", 300)
    hasher = BoundedArgon2()
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(lambda n: hasher.encode(f"password {n}", "saltsalt"), range(8)))
    assert most[0] == 2
    assert hasher.verify("password 3", made[3])


def test_who_finds_no_place_is_told_so(full: threading.BoundedSemaphore) -> None:
    hasher = BoundedArgon2()
    with pytest.raises(TooManyHashes):
        hasher.encode("password", "saltsalt")
    full.release()
    assert hasher.encode("password", "saltsalt").startswith("argon2")


def test_the_login_answers_503_and_counts_no_failure(
    db: None, full: threading.BoundedSemaphore
) -> None:
    from ispcore.accounts.models import LoginBrake

    with override_settings(PASSWORD_HASHERS=ARGON2):
        answer = Client().post("/account/login/", {"login": "nobody", "password": "x"})
    assert answer.status_code == 503
    assert answer["Retry-After"] == "5"
    assert b"Too many people log in at this moment" in answer.content
    assert not LoginBrake.objects.exists()
