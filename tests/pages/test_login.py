"""The login form brakes whoever guesses passwords, and nobody else."""

import pytest
from django.core.cache import cache
from django.test import Client

from ispcore.accounts.login import FREE_TRIES
from ispcore.accounts.models import Account

pytestmark = pytest.mark.django_db
LOGIN = "/admin/login/"


@pytest.fixture(autouse=True)
def _nothing_counted_yet() -> None:
    cache.clear()


def attempt(password: str, *, name: str = "noc", address: str = "127.0.0.1") -> str:
    form = {"username": name, "password": password}
    answer = Client(REMOTE_ADDR=address).post(LOGIN, form)
    return "in" if answer.status_code == 302 else answer.content.decode()


def test_guesses_wait_and_the_right_password_waits_with_them(noc: Account) -> None:
    for _ in range(FREE_TRIES):
        assert "Too many" not in attempt("wrong")
    assert "Too many failed logins for this name from your address" in attempt("noc-password")


def test_the_same_name_from_elsewhere_is_not_locked_out(noc: Account) -> None:
    for _ in range(FREE_TRIES):
        attempt("wrong")
    assert attempt("noc-password", address="127.0.0.2") == "in"


def test_another_name_from_the_same_address_is_not_locked_out(
    noc: Account, viewer: Account
) -> None:
    for _ in range(FREE_TRIES):
        attempt("wrong")
    assert attempt("viewer-password", name="viewer") == "in"


def test_a_success_forgets_the_failures_before_it(noc: Account) -> None:
    for _ in range(FREE_TRIES - 1):
        attempt("wrong")
    assert attempt("noc-password") == "in"
    assert "Too many" not in attempt("wrong")


def test_a_name_that_does_not_exist_is_braked_alike() -> None:
    for _ in range(FREE_TRIES):
        attempt("wrong", name="nobody")
    assert "Too many" in attempt("wrong", name="nobody")
