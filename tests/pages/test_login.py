"""The login form brakes whoever guesses passwords, and nobody else."""

import pytest
from django.test import Client

from ispcore.accounts.models import Account
from ispcore.accounts.operations.brakes import FREE_TRIES, FREE_TRIES_OF_ADDRESS

pytestmark = pytest.mark.django_db
LOGIN = "/account/login/"


def attempt(password: str, *, name: str = "noc", address: str = "127.0.0.1") -> str:
    form = {"login": name, "password": password}
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


def test_one_password_tried_on_many_names_is_braked(noc: Account) -> None:
    for number in range(FREE_TRIES_OF_ADDRESS):
        assert "Too many" not in attempt("Spring2026!", name=f"name-{number}")
    said = attempt("noc-password")
    assert "Too many failed logins for several names from your address" in said
    assert attempt("noc-password", address="127.0.0.2") == "in"


def test_ones_own_account_buys_no_tries(noc: Account, viewer: Account) -> None:
    for number in range(FREE_TRIES_OF_ADDRESS):
        attempt("wrong", name=f"name-{number}")
        if number % 10 == 0:
            attempt("viewer-password", name="viewer")
    assert "Too many" in attempt("noc-password")


def test_guesses_are_not_forgotten_under_a_flood_of_names(noc: Account) -> None:
    for _ in range(FREE_TRIES):
        attempt("wrong")
    for number in range(400):
        attempt("wrong", name=f"name-{number}", address=f"10.0.{number % 100}.{number // 100}")
    attempt("wrong")  # the first wait may be over by now: this is the sixth failure, not the first
    assert "Too many" in attempt("noc-password")


def test_an_ipv6_host_has_no_fresh_tries_at_its_next_address(noc: Account) -> None:
    for number in range(FREE_TRIES):
        attempt("wrong", address=f"2001:db8:1:2::{number}")
    assert "Too many" in attempt("noc-password", address="2001:db8:1:2:ffff::1")
    assert attempt("noc-password", address="2001:db8:1:3::1") == "in"


@pytest.mark.parametrize("name", ["a b\x7f", "x" * 5000, "\u202enoc", "नमस्ते", "noc\0"])
def test_strange_names_are_only_wrong(noc: Account, name: str) -> None:
    assert attempt("noc-password", name=name) != "in"


def test_an_ended_account_is_not_told_apart_from_a_wrong_password(noc: Account) -> None:
    Account.objects.filter(pk=noc.pk).update(is_active=False)
    ended, unknown = attempt("noc-password"), attempt("noc-password", name="nobody")
    fault = "This user name and this password do not belong together."
    assert fault in ended
    assert fault in unknown
