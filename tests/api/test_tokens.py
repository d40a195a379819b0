"""API tokens: limited to scopes, networks, a rate and a time; shown once, revocable at once."""

from datetime import timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from rest_framework.response import Response
from rest_framework.test import APIRequestFactory
from rest_framework.views import APIView

from ispcore.accounts import rates, token_text
from ispcore.accounts.models import Account, ApiToken
from ispcore.accounts.operations import accounts, api_tokens
from ispcore.accounts.operations.api_tokens import AlreadyRevoked
from ispcore.accounts.roles import May
from ispcore.base import audit, clock
from ispcore.base.audit import Actor
from ispcore.base.models import AuditEntry
from tests.api.conftest import ApiClient, MakeToken
from tests.conftest import NOON
from tests.pages.conftest import Isp

ADMIN = Actor("admin")


def status(text: str, path: str = "/api/alerts", *, address: str = "203.0.113.7") -> int:
    return ApiClient(address=address, bearer=text).get(path)[0]


# ---- the text


def test_a_token_is_found_by_scanners_and_by_its_checksum() -> None:
    texts = {token_text.make() for _ in range(200)}
    assert len(texts) == 200
    for text in texts:
        assert token_text.is_well_formed(text)
        assert text.startswith("ispcore_")
        assert len(text) == 57
        assert text.removeprefix("ispcore_").isalnum()


def test_a_mistyped_token_is_known_without_the_database(django_assert_num_queries: Any) -> None:
    text = token_text.make()
    swapped = text[:20] + ("b" if text[20] == "a" else "a") + text[21:]
    for strange in (swapped, text[:-1], text + "x", "ispcore_", "ispcore_é", text.upper()):
        assert not token_text.is_well_formed(strange)


def test_the_token_itself_is_kept_nowhere(make_token: MakeToken) -> None:
    token, text = make_token()
    row = ApiToken.objects.filter(pk=token.pk).values().get()
    assert text not in str(row)
    assert row["digest"] == token_text.digest(text)
    entry = AuditEntry.objects.get(object_kind="accounts.apitoken")
    assert text not in str(entry.new)
    assert token.digest not in str(entry.new)


# ---- what it opens


def test_it_acts_for_its_account_within_its_scopes(isp: Isp, make_token: MakeToken) -> None:
    _, text = make_token(scopes=["alerts:read"])
    assert status(text, "/api/alerts") == 200
    assert status(text, "/api/resellers") == 403
    assert status(text, f"/api/resellers/{isp.dhaka.pk}/usage") == 403
    assert status(text, "/api/") == 403


def test_a_tenants_machine_sees_that_tenant_only(
    isp: Isp, make_token: MakeToken, reseller_dhaka: Account
) -> None:
    _, text = make_token("dhaka-crm", role="client", tenant=reseller_dhaka.tenant)
    client = ApiClient(bearer=text)
    names = [row["name"] for row in client.get("/api/resellers")[1]["results"]]
    assert names == ["Dhaka Fibre"]
    assert client.get(f"/api/resellers/{isp.ctg.pk}")[0] == 404


def test_both_keywords_are_understood(db: None, make_token: MakeToken) -> None:
    _, text = make_token()
    for header in (f"Bearer {text}", f"Token {text}", f"bearer {text}"):
        response = ApiClient().response("GET", "/api/alerts", headers={"Authorization": header})
        assert response.status_code == 200


def test_pages_are_not_opened_by_a_token(make_token: MakeToken) -> None:
    _, text = make_token(role="operator")
    assert ApiClient(bearer=text).response("GET", "/admin/").status_code == 302


class Written(APIView):
    """A view that changes something."""

    capability = May.HANDLE_ALERTS
    resource = "alerts"

    def post(self, request: Any) -> Response:
        with transaction.atomic():
            audit.record("note alert", request.user, by=request.user.actor)
        return Response({})


@pytest.mark.parametrize(
    ("role", "scopes", "answer"),
    [
        ("operator", ["alerts:read", "alerts:write"], 200),
        ("operator", ["alerts:read"], 403),
        ("operator", ["resellers:write"], 403),
        ("viewer", ["alerts:read"], 403),
    ],
)
def test_writing_needs_the_scope_and_the_role(
    make_token: MakeToken, role: str, scopes: list[str], answer: int
) -> None:
    _, text = make_token(role=role, scopes=scopes)
    request = APIRequestFactory().post("/", headers={"Authorization": f"Bearer {text}"})
    assert Written.as_view()(request).status_code == answer
    if answer == 200:
        assert AuditEntry.objects.latest("pk").actor == "token sync of billing"


def test_a_view_without_a_resource_is_closed_to_tokens(make_token: MakeToken) -> None:
    class Unnamed(Written):
        resource = ""

    _, text = make_token(role="operator", scopes=["alerts:write"])
    request = APIRequestFactory().post("/", headers={"Authorization": f"Bearer {text}"})
    assert Unnamed.as_view()(request).status_code == 403


def test_a_role_that_is_taken_away_is_taken_from_its_tokens(make_token: MakeToken) -> None:
    token, text = make_token(role="operator", scopes=["alerts:write"])
    Account.objects.filter(pk=token.account_id).update(role="viewer")
    request = APIRequestFactory().post("/", headers={"Authorization": f"Bearer {text}"})
    assert Written.as_view()(request).status_code == 403


# ---- what it is limited to


@pytest.mark.parametrize(
    ("address", "answer"),
    [
        ("203.0.113.7", 200),
        ("::ffff:203.0.113.7", 200),
        ("2001:db8::5", 200),
        ("203.0.114.7", 401),
        ("2001:db9::5", 401),
        ("", 401),
        ("nonsense", 401),
    ],
)
def test_it_is_good_from_its_networks_only(
    make_token: MakeToken, address: str, answer: int
) -> None:
    _, text = make_token(allowed_networks=["203.0.113.0/24", "2001:db8::/32"])
    assert status(text, address=address) == answer


def test_it_expires(make_token: MakeToken, frozen_clock: Any) -> None:
    _, text = make_token(expires_at=NOON + timedelta(days=1))
    assert status(text) == 200
    frozen_clock(NOON + timedelta(days=1))
    assert status(text) == 401


def test_a_revoked_token_is_refused_at_once(make_token: MakeToken) -> None:
    token, text = make_token()
    assert status(text) == 200
    api_tokens.revoke(token, by=ADMIN)
    assert status(text) == 401
    with pytest.raises(AlreadyRevoked):
        api_tokens.revoke(token, by=ADMIN)
    make_token()  # its name is free again


def test_an_account_that_is_switched_off_takes_its_tokens_along(make_token: MakeToken) -> None:
    token, text = make_token()
    token.account.is_active = False
    accounts.save(token.account, by=ADMIN)
    assert status(text) == 401


def test_more_than_its_rate_is_answered_with_429(make_token: MakeToken) -> None:
    _, text = make_token(rate_per_min=5)
    _, other_text = make_token("other", rate_per_min=5)
    assert [status(text) for _ in range(7)] == [200] * 5 + [429] * 2
    response = ApiClient(bearer=text).response("GET", "/api/alerts")
    assert 1 <= int(response["Retry-After"]) <= 12
    assert status(other_text) == 200


def test_a_rate_refills_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    at = 1000.0
    monkeypatch.setattr(clock, "monotonic_s", lambda: at)
    counted = rates.Rates()
    assert [counted.wait_s("x", per_min=2) for _ in range(2)] == [0, 0]
    assert counted.wait_s("x", per_min=2) == pytest.approx(30)
    at += 29
    assert counted.wait_s("x", per_min=2) == pytest.approx(1)
    at += 1.001
    assert counted.wait_s("x", per_min=2) == 0
    at += 3600
    assert [counted.wait_s("x", per_min=2) > 0 for _ in range(3)] == [False, False, True]


def test_its_last_use_is_written_once_a_minute(
    make_token: MakeToken, frozen_clock: Any, django_assert_num_queries: Any
) -> None:
    token, text = make_token()
    with django_assert_num_queries(3):  # the token with its account, its last use, no alerts
        assert status(text) == 200
    frozen_clock(NOON + timedelta(seconds=59))
    with django_assert_num_queries(2):
        assert status(text, address="203.0.113.8") == 200
    token.refresh_from_db()
    assert (token.last_used_at, token.last_used_address) == (NOON, "203.0.113.7")
    frozen_clock(NOON + timedelta(seconds=60))
    assert status(text, address="203.0.113.8") == 200
    token.refresh_from_db()
    assert token.last_used_address == "203.0.113.8"


# ---- how it is made


@pytest.mark.parametrize(
    ("fault", "options"),
    [
        ("scopes", {"scopes": ["alerts:write"]}),
        ("scopes", {"scopes": ["everything:read"]}),
        ("scopes", {"scopes": []}),
        ("expires_at", {"expires_at": NOON - timedelta(days=400)}),
        ("expires_at", {"expires_at": NOON + timedelta(days=367)}),
        ("allowed_networks", {"allowed_networks": ["203.0.113.1/24"]}),
        ("allowed_networks", {"allowed_networks": ["home"]}),
        ("rate_per_min", {"rate_per_min": 0}),
        ("name", {"name": ""}),
    ],
)
def test_a_refusal_names_its_field(
    make_token: MakeToken, frozen_clock: Any, fault: str, options: dict[str, Any]
) -> None:
    with pytest.raises(ValidationError) as refused:
        make_token(**options)
    named = refused.value.message_dict
    assert fault in named or (fault == "rate_per_min" and "__all__" in named)
    assert not ApiToken.objects.exists()


def test_two_live_tokens_of_one_account_have_two_names(make_token: MakeToken) -> None:
    token, _ = make_token()
    with pytest.raises(ValidationError, match="a token of that name already"):
        make_token()
    with pytest.raises(IntegrityError), transaction.atomic():
        ApiToken.objects.create(
            account=token.account, name="sync", digest="x", expires_at=token.expires_at
        )


def test_people_have_no_tokens_and_machines_no_passwords(noc: Account) -> None:
    with pytest.raises(ValidationError, match="Only an active machine"):
        api_tokens.create(
            noc, name="x", scopes=["alerts:read"], expires_at=NOON + timedelta(days=1), by=ADMIN
        )
    machine = accounts.create("crm", role="viewer", password=None, by=ADMIN)
    assert not machine.has_usable_password()
    with pytest.raises(ValidationError, match="A machine has no password"):
        accounts.set_password(machine, password="entirely-different-9", by=ADMIN)
    machine.set_password("entirely-different-9")
    with pytest.raises(IntegrityError), transaction.atomic():
        machine.save()


def test_a_machine_is_no_last_super_user(super_user: Account) -> None:
    accounts.create("robot", role="super_user", password=None, by=ADMIN)
    super_user.is_active = False
    with pytest.raises(ValidationError, match="last super user"):
        accounts.save(super_user, by=ADMIN)
