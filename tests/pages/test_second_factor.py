"""Second factors: set up, asked for at the login, required by a role, lost and taken away."""

import re
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.test import Client, override_settings
from django.urls import reverse

from ispcore.accounts.models import RolePolicy
from ispcore.accounts.operations import api_logins
from ispcore.accounts.operations.api_logins import LoginEnded
from ispcore.base.models import AuditEntry
from monitoring.models import Alert
from tests.pages.test_sessions import is_in, logged_in

if TYPE_CHECKING:
    from ispcore.accounts.models import Account

pytestmark = [pytest.mark.django_db, pytest.mark.one_database]
ACTIVATE = "/account/second-factor/totp/activate/"
AUTHENTICATE = "/account/second-factor/authenticate/"
OVERVIEW = "/account/second-factor/"
LOGIN = {"login": "noc", "password": "noc-password"}
Commits = Callable[..., Any]


def code(secret: str, *, steps_ahead: int = 0) -> str:
    """What an app shows now (RFC 6238), or will in so many half minutes."""
    return str(format_hotp_value(hotp_value(secret, int(time.time()) // 30 + steps_ahead)))


def enrolled(client: Client, commits: Commits) -> tuple[str, list[str]]:
    """Set an app up by the pages; its secret, and the recovery codes shown then."""
    page = client.get(ACTIVATE).content.decode()
    secret = re.search(r'code-text"><code>(\w+)</code>', page)
    assert secret
    with commits(execute=True):
        answer = client.post(ACTIVATE, {"code": code(secret[1])}, follow=True)
    return secret[1], re.findall(r"<li><code>(\d+)</code>", answer.content.decode())


def half_in() -> Client:
    client = Client()
    assert client.post("/account/login/", LOGIN)["Location"] == AUTHENTICATE
    assert not is_in(client)
    return client


def test_it_is_set_up_and_then_asked_for(
    noc: "Account", django_capture_on_commit_callbacks: Commits
) -> None:
    client, elsewhere = logged_in("noc"), logged_in("noc")
    proved_less = api_logins.start(noc, address=None, by=noc.actor)
    secret, recovery = enrolled(client, django_capture_on_commit_callbacks)
    assert len(recovery) == 10
    assert is_in(client)
    assert not is_in(elsewhere)  # it proved only a password
    with pytest.raises(LoginEnded):
        api_logins.refresh(str(proved_less), address=None)
    fresh = half_in()
    assert "not right" in fresh.post(AUTHENTICATE, {"code": "000000"}).content.decode()
    assert fresh.post(AUTHENTICATE, {"code": code(secret, steps_ahead=1)}).status_code == 302
    assert is_in(fresh)
    entries = AuditEntry.objects.filter(action="add second factor").values_list("new", flat=True)
    assert {entry["kind"] for entry in entries} == {"totp", "recovery_codes"}
    assert "with password and second factor" in AuditEntry.objects.values_list("reason", flat=True)


def test_a_refused_code_does_not_stand_in_the_way_of_the_next(
    noc: "Account", django_capture_on_commit_callbacks: Commits
) -> None:
    enrolled(logged_in("noc"), django_capture_on_commit_callbacks)
    fresh = half_in()
    for page in (fresh.get(AUTHENTICATE), fresh.post(AUTHENTICATE, {"code": "731905"})):
        field = re.search(r'<input[^>]*name="code"[^>]*>', page.content.decode())
        assert field
        assert "autofocus" in field[0]
        assert 'inputmode="numeric"' in field[0]
        assert "731905" not in page.content.decode()


def test_a_code_works_once(noc: "Account", django_capture_on_commit_callbacks: Commits) -> None:
    secret, recovery = enrolled(logged_in("noc"), django_capture_on_commit_callbacks)
    for used in (code(secret, steps_ahead=1), recovery[0]):
        assert half_in().post(AUTHENTICATE, {"code": used}).status_code == 302
        assert half_in().post(AUTHENTICATE, {"code": used}).status_code == 200


def test_recovery_codes_are_shown_once(
    noc: "Account", django_capture_on_commit_callbacks: Commits
) -> None:
    client = logged_in("noc")
    _, recovery = enrolled(client, django_capture_on_commit_callbacks)
    again = client.get("/account/second-factor/recovery-codes/").content.decode()
    assert not any(each in again for each in recovery)
    assert "not shown again" in again


def test_codes_cannot_be_guessed(
    noc: "Account", django_capture_on_commit_callbacks: Commits
) -> None:
    secret, _ = enrolled(logged_in("noc"), django_capture_on_commit_callbacks)
    client = half_in()
    for number in range(4):
        client.post(AUTHENTICATE, {"code": f"00000{number}"})
    assert not Alert.objects.exists()
    half_in()  # the password once more buys no further tries
    client.post(AUTHENTICATE, {"code": "000004"})
    assert Alert.objects.get().summary == "5 failed logins of noc from 127.0.0.1"
    answer = client.post(AUTHENTICATE, {"code": code(secret, steps_ahead=1)})
    assert "Too many failed tries" in answer.content.decode()
    assert not is_in(client)


def test_what_is_stored_is_encrypted_and_follows_new_keys(
    noc: "Account", django_capture_on_commit_callbacks: Commits
) -> None:
    secret, _ = enrolled(logged_in("noc"), django_capture_on_commit_callbacks)
    before = Authenticator.objects.get(type="totp").data["secret"]
    assert secret not in str(list(Authenticator.objects.values_list("data", flat=True)))
    from django.conf import settings

    new = Fernet.generate_key().decode()
    with override_settings(FIELD_ENCRYPTION_KEYS=[new, *settings.FIELD_ENCRYPTION_KEYS]):
        call_command("rotate_keys")
    after = Authenticator.objects.get(type="totp").data["secret"]
    assert before != after
    assert Fernet(new).decrypt(after.encode()).decode() == secret


def test_a_role_that_asks_for_one_leads_there_before_anything_else(
    noc: "Account", django_capture_on_commit_callbacks: Commits
) -> None:
    RolePolicy.objects.filter(role="operator").update(needs_second_factor=True)
    client = logged_in("noc")
    assert client.get("/admin/resellers/reseller/")["Location"] == OVERVIEW
    assert client.get("/api/resellers").status_code == 403
    assert "Your role asks for a second factor" in client.get(OVERVIEW).content.decode()
    enrolled(client, django_capture_on_commit_callbacks)
    assert is_in(client)
    assert client.get("/api/resellers").status_code == 200
    answer = client.post("/account/second-factor/totp/deactivate/")
    assert "Your role asks for a second factor" in answer.content.decode()
    assert Authenticator.objects.filter(type="totp").exists()


def test_who_lost_it_is_let_in_by_an_administrator_who_says_why(
    noc: "Account", admin_account: "Account", django_capture_on_commit_callbacks: Commits
) -> None:
    enrolled(logged_in("noc"), django_capture_on_commit_callbacks)
    open_login = api_logins.start(noc, address=None, by=noc.actor)
    url = reverse("admin:accounts_account_second_factor", args=[noc.pk])
    staff = logged_in("admin")
    assert "This field is required" in staff.post(url, {"reason": ""}).content.decode()
    staff.post(url, {"reason": "he stood before me"})
    assert not Authenticator.objects.filter(user=noc).exists()
    with pytest.raises(LoginEnded):  # whoever found the phone may hold this one
        api_logins.refresh(str(open_login), address=None)
    entry = AuditEntry.objects.get(action="reset second factor")
    assert (entry.actor, entry.reason) == ("admin", "he stood before me")
    assert is_in(logged_in("noc"))


def test_or_by_a_command(noc: "Account", django_capture_on_commit_callbacks: Commits) -> None:
    lost = logged_in("noc")
    enrolled(lost, django_capture_on_commit_callbacks)
    call_command("reset_second_factor", username="noc", reason="phone stolen")
    assert not is_in(lost)
    assert AuditEntry.objects.get(action="reset second factor").surface == "command"


def test_an_own_app_is_taken_away_again(
    noc: "Account", django_capture_on_commit_callbacks: Commits
) -> None:
    client = logged_in("noc")
    enrolled(client, django_capture_on_commit_callbacks)
    assert client.get("/account/second-factor/totp/deactivate/").status_code == 200
    client.post("/account/second-factor/totp/deactivate/")
    assert not Authenticator.objects.filter(user=noc).exists()
    assert AuditEntry.objects.filter(action="remove second factor").exists()
