"""The login form brakes whoever guesses passwords, and nobody else."""

from typing import Any

import pytest
from django.test import Client

from ispcore.accounts.backend import RoleBackend
from ispcore.accounts.models import Account, LoginBrake
from ispcore.accounts.operations import brakes
from ispcore.accounts.operations.brakes import (
    FREE_TRIES,
    FREE_TRIES_OF_ACCOUNT,
    FREE_TRIES_OF_ADDRESS,
    Attempt,
)
from ispcore.base.models import AuditEntry
from monitoring.models import Alert

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
        address = f"10.0.{number % 100}.{number // 100}"
        brakes.count_failure(brakes.Attempt(f"name-{number}", address))
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


def log_in(client: Client, name: str = "noc") -> int:
    form = {"login": name, "password": f"{name}-password"}
    return client.post(LOGIN, form).status_code


def guess_from_everywhere() -> None:
    """One name, each time from another address."""
    for number in range(FREE_TRIES_OF_ACCOUNT):
        attempt("wrong", address=f"198.51.100.{number}")


def test_who_guesses_from_many_addresses_waits_too(noc: Account) -> None:
    guess_from_everywhere()
    said = attempt("noc-password", address="203.0.113.9")
    assert "Too many failed logins for this name from many addresses" in said


def test_they_do_not_keep_the_owner_out_who_comes_from_a_known_address(noc: Account) -> None:
    assert attempt("noc-password", address="192.0.2.7") == "in"
    guess_from_everywhere()
    assert attempt("noc-password", address="192.0.2.7") == "in"


def test_nor_from_a_known_browser_wherever_it_is(noc: Account) -> None:
    own = Client(REMOTE_ADDR="192.0.2.7")
    assert log_in(own) == 302
    own.post("/account/logout/")
    guess_from_everywhere()
    own.defaults["REMOTE_ADDR"] = "203.0.113.9"
    assert log_in(own) == 302


def test_one_guesser_in_the_office_keeps_no_known_browser_out(noc: Account) -> None:
    own = Client()
    assert log_in(own) == 302
    own.post("/account/logout/")
    for number in range(FREE_TRIES_OF_ADDRESS):
        attempt("wrong", name=f"name-{number}")
    assert "Too many" in attempt("noc-password")
    assert log_in(own) == 302


def test_a_known_browser_buys_no_tries_for_another_account(noc: Account, viewer: Account) -> None:
    own = Client()
    log_in(own, "viewer")
    own.post("/account/logout/")
    for _ in range(FREE_TRIES):
        own.post(LOGIN, {"login": "noc", "password": "wrong"})
    assert b"Too many" in own.post(LOGIN, {"login": "noc", "password": "noc-password"}).content


def test_a_stolen_browser_guesses_no_further_than_any_other(noc: Account) -> None:
    own = Client()
    log_in(own)
    own.post("/account/logout/")
    for _ in range(FREE_TRIES):
        own.post(LOGIN, {"login": "noc", "password": "wrong"})
    assert b"Too many" in own.post(LOGIN, {"login": "noc", "password": "noc-password"}).content


def test_guessing_is_told_once(noc: Account) -> None:
    for _ in range(FREE_TRIES + 3):
        attempt("wrong", address="203.0.113.9")
    alert = Alert.objects.get(subject_kind="security")
    assert (alert.subject, alert.value) == ("noc", 1)
    assert alert.summary == "5 failed logins of noc from 203.0.113.9"


def test_a_super_user_from_a_new_address_is_told(super_user: Account) -> None:
    for address in ("192.0.2.7", "192.0.2.7", "203.0.113.9"):
        assert attempt("super-password", name="super", address=address) == "in"
    alert = Alert.objects.get(subject_kind="security")
    assert alert.summary.startswith("super, a super user, logged in from 203.0.113.9")


def test_a_login_is_in_the_audit_log_with_its_address(noc: Account) -> None:
    attempt("noc-password", address="192.0.2.7")
    entry = AuditEntry.objects.get(action="log in")
    assert (entry.actor, entry.address, entry.reason) == ("noc", "192.0.2.7", "with password")


def test_the_login_takes_no_form_of_another_site(noc: Account) -> None:
    strict = Client(enforce_csrf_checks=True)
    assert log_in(strict) == 403


@pytest.mark.parametrize("next_page", ["/admin/\r\nSet-Cookie: a=b", "/admin/%0d%0aSet-Cookie:a=b"])
def test_where_to_go_next_sets_no_header(noc: Account, next_page: str) -> None:
    client = Client()
    form = {"login": "noc", "password": "noc-password", "next": next_page}
    answer = client.post(LOGIN, form)
    assert answer.status_code == 302
    assert "\n" not in answer["Location"]
    assert "a" not in client.cookies


def test_nobody_signs_up() -> None:
    for path in ("/account/signup/", "/account/email/", "/account/login/code/"):
        assert Client().get(path).status_code == 404


def test_an_account_that_is_called_nearly_alike_buys_no_tries(noc: Account) -> None:
    """Who keeps a tenant's accounts may name one of them so."""
    Account.objects.create_user("NOC", password="NOC-password", role="viewer")
    browser = Client()
    for _ in range(FREE_TRIES):
        browser.post(LOGIN, {"login": "noc", "password": "wrong"})
        browser.post(LOGIN, {"login": "NOC", "password": "NOC-password"})
        browser.post("/account/logout/")
    answer = browser.post(LOGIN, {"login": "noc", "password": "wrong"})
    assert "Too many failed logins for this name" in answer.content.decode()


class OthersMeanwhile(RoleBackend):
    """A password that takes as long to check as others need to fail with theirs."""

    def authenticate(self, *args: Any, **credentials: Any) -> Account | None:
        for _ in range(FREE_TRIES):
            brakes.count_failure(Attempt("noc", "127.0.0.1"))
        return super().authenticate(*args, **credentials)


@pytest.mark.parametrize("password", ["noc-password", "wrong"])
def test_who_tries_many_at_once_has_no_more_tries(
    noc: Account, settings: Any, password: str
) -> None:
    """And does not learn from the answer which of them was right."""
    settings.AUTHENTICATION_BACKENDS = [f"{__name__}.OthersMeanwhile"]
    assert "Too many failed logins for this name from your address" in attempt(password)
    given = {"username": "noc", "password": password}
    answer = Client().post("/api/auth/login", given, content_type="application/json")
    assert answer.status_code == 429


def test_the_old_password_is_not_guessed_on_the_page_that_changes_it(noc: Account) -> None:
    browser = Client()
    browser.force_login(noc)

    def change(old: str) -> str:
        new = {"new_password1": "a quite new password 7", "new_password2": "a quite new password 7"}
        answer = browser.post("/admin/password_change/", {"old_password": old} | new)
        return "changed" if answer.status_code == 302 else answer.content.decode()

    for _ in range(FREE_TRIES):
        assert "Too many" not in change("wrong")
    assert "Too many failed logins" in change("noc-password")
    LoginBrake.objects.all().delete()
    assert change("noc-password") == "changed"
