"""API logins: a password becomes tokens, each refresh token is good once, and all of it ends."""

import json
import threading
from base64 import urlsafe_b64encode
from typing import TYPE_CHECKING, Any

import pytest
from allauth.mfa.totp.internal import auth as totp
from django.db import connection, connections
from rest_framework_simplejwt.tokens import AccessToken, RefreshToken

from ispcore.accounts import policies
from ispcore.accounts.models import Account, ApiLogin, RolePolicy
from ispcore.accounts.operations import accounts, api_logins
from ispcore.accounts.operations.api_logins import LoginEnded
from ispcore.accounts.operations.brakes import FREE_TRIES
from ispcore.base.audit import Actor
from ispcore.base.models import AuditEntry
from monitoring.models import Alert
from tests.api.conftest import ApiClient, MakeToken

if TYPE_CHECKING:
    from django.test import Client

ADMIN = Actor("admin")


def alive(pair: dict[str, Any]) -> bool:
    """Whether the access token still opens something."""
    status, answer = ApiClient(bearer=pair["access"]).get("/api/alerts")
    assert status in {200, 401}, answer
    return status == 200


def refreshed(pair: dict[str, Any]) -> dict[str, Any] | None:
    status, answer = ApiClient().post("/api/auth/refresh", refresh=pair["refresh"])
    assert status in {200, 401}, answer
    return answer if status == 200 else None


def codes_of(account: Account) -> str:
    """Give the account an app; what that shows now."""
    secret = totp.generate_totp_secret()
    totp.TOTP.activate(account, secret)
    _, counter, _ = totp.yield_hotp_counters_from_time()  # one before and one after are taken too
    return str(totp.format_hotp_value(totp.hotp_value(secret, counter)))


def test_a_login_opens_what_the_account_sees(
    api: ApiClient, reseller_dhaka: Account, noc: Account
) -> None:
    pair = api.log_in("reseller_dhaka")
    assert pair["access_expires_in_s"] == 300
    assert pair["refresh_expires_in_s"] == 7 * 86_400
    assert alive(pair)
    assert AuditEntry.objects.get(action="log in").actor == "reseller_dhaka"
    reseller_dhaka.refresh_from_db()
    assert reseller_dhaka.last_login is not None


def test_one_query_finds_the_account_behind_an_access_token(
    api: ApiClient, noc: Account, django_assert_num_queries: Any
) -> None:
    api.bearer = api.log_in("noc")["access"]
    assert api.get("/api/alerts")[0] == 200  # what roles may is read once and remembered
    with django_assert_num_queries(2):  # who it is; the count of no alerts
        assert api.get("/api/alerts")[0] == 200


@pytest.mark.parametrize(
    ("name", "password"), [("noc", "wrong"), ("nobody", "noc-password"), ("noc\0", "x"), ("", "")]
)
def test_a_wrong_password_gets_nothing_and_tells_nothing(
    api: ApiClient, noc: Account, name: str, password: str
) -> None:
    status, answer = api.post("/api/auth/login", username=name, password=password)
    assert status in {400, 401}
    assert "access" not in answer
    if status == 401:
        assert answer == {"detail": "user name and password (or the code) do not fit"}


@pytest.mark.usefixtures("frozen_clock")  # the pause after the last guess is short
def test_guesses_are_braked_as_at_the_form(api: ApiClient, noc: Account, client: "Client") -> None:
    for _ in range(FREE_TRIES):
        assert api.post("/api/auth/login", username="noc", password="wrong")[0] == 401
    body = {"username": "noc", "password": "noc-password"}
    response = api.response("POST", "/api/auth/login", data=body, content_type="application/json")
    assert response.status_code == 429
    assert 0 < int(response["Retry-After"]) <= 300
    form = {"login": "noc", "password": "noc-password"}
    page = client.post("/account/login/", form, REMOTE_ADDR=api.address).content.decode()
    assert "Too many failed logins for this name" in page
    assert ApiClient(address="198.51.100.1").log_in("noc")


def test_a_second_factor_is_asked_for_where_there_is_one(api: ApiClient, noc: Account) -> None:
    code = codes_of(noc)
    body = {"username": "noc", "password": "noc-password"}
    status, answer = api.post("/api/auth/login", **body)
    assert (status, answer["code"]) == (401, "second_factor_needed")
    assert api.post("/api/auth/login", **body, code="000000")[0] == 401
    assert api.log_in("noc", code=code)
    assert api.post("/api/auth/login", **body, code=code)[0] == 401  # each code is good once


def test_guessed_codes_are_braked_and_told(api: ApiClient, noc: Account) -> None:
    code = codes_of(noc)
    body = {"username": "noc", "password": "noc-password"}
    for number in range(FREE_TRIES):
        assert not Alert.objects.exists()
        assert api.post("/api/auth/login", **body, code=f"00000{number}")[0] == 401
        assert api.post("/api/auth/login", **body)[0] in {401, 429}  # buys no further tries
    assert api.post("/api/auth/login", **body, code=code)[0] == 429
    assert Alert.objects.get().summary == "5 failed logins of noc from 203.0.113.7"


def test_a_role_that_asks_for_one_lets_nobody_in_without(api: ApiClient, noc: Account) -> None:
    RolePolicy.objects.filter(role="operator").update(needs_second_factor=True)
    policies.forget()
    body = {"username": "noc", "password": "noc-password"}
    for _ in range(FREE_TRIES + 1):  # the password was right: it is no guess
        status, answer = api.post("/api/auth/login", **body)
        assert (status, answer["code"]) == (401, "second_factor_missing")
    assert api.post("/api/auth/login", **body | {"password": "wrong"})[1].get("code") is None
    assert api.log_in("noc", code=codes_of(noc))


def test_who_was_in_before_the_role_asked_gets_no_further(api: ApiClient, noc: Account) -> None:
    pair = api.log_in("noc")
    RolePolicy.objects.filter(role="operator").update(needs_second_factor=True)
    policies.forget()
    assert refreshed(pair) is None
    codes_of(noc)
    assert refreshed(pair)


def test_a_refresh_token_is_good_once(api: ApiClient, noc: Account) -> None:
    first = api.log_in("noc")
    second = refreshed(first)
    assert second is not None
    third = refreshed(second)
    assert third is not None
    assert alive(first)  # its five minutes are not over
    assert alive(third)
    assert ApiLogin.objects.count() == 1


def test_one_that_comes_twice_ends_the_login_and_raises_an_alert(
    api: ApiClient, noc: Account
) -> None:
    other = api.log_in("noc")
    stolen = api.log_in("noc")
    kept = refreshed(stolen)
    assert kept is not None
    assert refreshed(stolen) is None
    assert refreshed(kept) is None
    assert not alive(kept)
    assert alive(other)
    alert = Alert.objects.get()
    assert (alert.subject_kind, alert.subject, alert.tenant) == ("security", "noc", None)
    assert "came a second time" in alert.summary
    assert AuditEntry.objects.get(action="revoke").actor == "portal"
    for _ in range(5):
        assert refreshed(stolen) is None
    assert alert.events.count() == 1


def test_an_access_token_refreshes_nothing_and_a_refresh_token_opens_nothing(
    api: ApiClient, noc: Account
) -> None:
    pair = api.log_in("noc")
    assert refreshed({"refresh": pair["access"]}) is None
    assert not alive({"access": pair["refresh"]})


@pytest.mark.parametrize("token", ["x", "a.b.c", "", "é", "ispcore_x", "Bearer x"])
def test_strange_tokens_open_nothing(api: ApiClient, db: None, token: str) -> None:
    api.bearer = token.encode().decode("latin-1")
    assert api.get("/api/alerts")[0] == 401
    assert api.post("/api/auth/refresh", refresh=token)[0] in {400, 401}


def test_what_another_key_signed_or_no_login_stands_behind_opens_nothing(
    noc: Account, settings: Any
) -> None:
    import jwt

    claims = {"token_type": "access", "user_id": str(noc.pk), "exp": 2_000_000_000 * 2, "jti": "x"}
    forged = jwt.encode(claims | {"login": 1, "iss": "ispcore"}, settings.SECRET_KEY)
    unsigned = jwt.encode(claims | {"login": 1, "iss": "ispcore"}, "", algorithm="none")
    bare = str(AccessToken.for_user(noc))
    unknown = AccessToken.for_user(noc)
    unknown["login"] = 999
    for token in (forged, unsigned, bare, str(unknown)):
        assert not alive({"access": token})


def test_what_is_nested_without_end_is_refused(client: "Client", db: None) -> None:
    nested = "[" * 3_000
    token = f"{urlsafe_b64encode(nested.encode()).decode()}.e30.e30"
    bodies = (nested * 10, json.dumps({"refresh": token[:4096]}))
    for url in ("/api/auth/login", "/api/auth/refresh", "/api/auth/logout"):
        for body in bodies:
            answer = client.generic("POST", url, body, content_type="application/json")
            assert answer.status_code in {204, 400, 401}, (url, answer.content)
    answer = client.get("/api/alerts", headers={"Authorization": f"Bearer {token}"})
    assert answer.status_code == 401


def test_an_expired_token_is_refused(api: ApiClient, noc: Account) -> None:
    pair = api.log_in("noc")
    from datetime import timedelta

    access, refresh = AccessToken(pair["access"]), RefreshToken(pair["refresh"])
    for token in (access, refresh):
        token.set_exp(lifetime=timedelta(seconds=-1))
    assert not alive({"access": str(access)})
    assert refreshed({"refresh": str(refresh)}) is None


def test_no_login_outlives_its_month(
    api: ApiClient, noc: Account, frozen_clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    from tests.conftest import NOON

    pair = api.log_in("noc")
    frozen_clock(NOON + api_logins.LONGEST - timedelta(hours=1))
    pair = refreshed(pair) or {}
    assert pair["refresh_expires_in_s"] == 3600
    frozen_clock(NOON + api_logins.LONGEST)
    assert refreshed(pair) is None
    frozen_clock(NOON + api_logins.LONGEST + api_logins.KEPT + timedelta(seconds=1))
    assert api_logins.forget_ended() == 1


def test_logging_out_ends_its_own_login(api: ApiClient, noc: Account) -> None:
    here, there = api.log_in("noc"), api.log_in("noc")
    assert api.post("/api/auth/logout", refresh=here["refresh"]) == (204, None)
    assert not alive(here)
    assert refreshed(here) is None
    assert alive(there)
    assert api.post("/api/auth/logout", refresh=here["refresh"])[0] == 204
    assert api.post("/api/auth/logout", refresh="nonsense")[0] == 204
    assert AuditEntry.objects.filter(action="log out").count() == 1
    assert not Alert.objects.exists()  # a token of a login that has ended is no news


def test_logging_out_everywhere_ends_all(api: ApiClient, noc: Account, viewer: Account) -> None:
    pairs = [api.log_in("noc") for _ in range(3)]
    others = api.log_in("viewer")
    api.bearer = pairs[0]["access"]
    assert api.post("/api/auth/logout-everywhere") == (200, {"ended": 3})
    assert [alive(pair) for pair in pairs] == [False] * 3
    assert alive(others)


@pytest.mark.parametrize("how", ["operation", "page", "elsewhere"])
def test_a_new_password_ends_every_login(
    api: ApiClient, noc: Account, client: "Client", how: str
) -> None:
    pair = api.log_in("noc")
    if how == "operation":
        accounts.set_password(noc, password="entirely-different-9", by=ADMIN)
    elif how == "page":
        client.force_login(noc)
        form = {"old_password": "noc-password"}
        form |= {"new_password1": "entirely-different-9", "new_password2": "entirely-different-9"}
        assert client.post("/admin/password_change/", form).status_code == 302
    else:
        noc.set_password("entirely-different-9")
        noc.save()
    assert not alive(pair)
    assert refreshed(pair) is None


def test_an_account_that_is_switched_off_is_out_for_good(api: ApiClient, noc: Account) -> None:
    pair = api.log_in("noc")
    noc.is_active = False
    accounts.save(noc, by=ADMIN)
    assert not alive(pair)
    noc.is_active = True
    accounts.save(noc, by=ADMIN)
    assert not alive(pair)
    assert refreshed(pair) is None


def test_a_machine_has_no_password_to_log_in_with(
    api: ApiClient, make_token: MakeToken, client: "Client"
) -> None:
    make_token("billing")
    for password in ("", "!", "billing", "None"):
        status, _ = api.post("/api/auth/login", username="billing", password=password)
        assert status in {400, 401}


def test_no_cookie_and_no_csrf_token_is_needed_or_made(api: ApiClient, noc: Account) -> None:
    body = {"username": "noc", "password": "noc-password"}
    response = api.response("POST", "/api/auth/login", data=body, content_type="application/json")
    assert response.status_code == 200
    assert not response.cookies
    assert response["Cache-Control"] == "private, no-store"


@pytest.mark.django_db(transaction=True)
def test_of_two_refreshes_at_the_same_time_one_wins(noc: Account) -> None:
    """Twenty threads, one token: one gets tokens, and since it came twice the login is over."""
    for _ in range(5):
        text = str(api_logins.start(noc, address=None, by=ADMIN))
        won = _at_once(20, text)
        assert won == 1
        login = ApiLogin.objects.latest("pk")
        assert login.revoked_why == "a refresh token came twice"
    assert AuditEntry.objects.filter(action="revoke").count() == 5


def _at_once(threads: int, text: str) -> int:
    start = threading.Barrier(threads)
    results: list[RefreshToken | None] = []

    def refresh() -> None:
        start.wait()
        try:
            results.append(api_logins.refresh(text, address=None))
        except LoginEnded:
            results.append(None)
        finally:
            connections.close_all()

    running = [threading.Thread(target=refresh) for _ in range(threads)]
    for each in running:
        each.start()
    for each in running:
        each.join()
    assert len(results) == threads, connection.vendor
    return sum(result is not None for result in results)
