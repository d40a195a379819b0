"""Addresses that no page of ours links to: they find nothing out, and nothing falls over."""

from typing import TYPE_CHECKING

import pytest
from django.db import transaction
from django.test import Client, override_settings
from django.urls import reverse

from ispcore.accounts.models import Account

if TYPE_CHECKING:
    from tests.pages.conftest import Isp

HUGE = "9" * 25
LISTS = (
    *("routers_router", "routers_interface", "resellers_reseller", "resellers_mapping"),
    *("resellers_plan", "monitoring_alert", "monitoring_rule", "accounts_account"),
    "base_auditentry",
    *("base_journalentry", "subscribers_subscriber", "subscribers_package"),
)
QUERIES = (
    *("q=%00", "q=%25_%5C", "q=%F0%9F%98%80", "q=%FF%FE", "q=" + "x" * 60_000),
    *("q=" + "a+" * 3000, "p=" + HUGE, "p=-1", "p=x", "o=99", "o=-99.1.x", "o=1;drop"),
    *("o=" + ".".join("1" * 3000), "all=1", f"id={HUGE}", "id__in=1,x", f"tenant_id={HUGE}"),
    *(f"plan={HUGE}", f"plan__id__exact={HUGE}", "plan__id__exact=x", "plan__id__exact=%00"),
    *(f"router__id__exact={HUGE}", "router__id__exact=%00", "status__exact=%00", "site=%00"),
    *("name__regex=((a", "username__regex=(a%2B)%2B$", "actor__regex=((a", "created_at__year=x"),
    *("at__year=99999", "at__year=0&at__month=13", "at__year=2026&at__month=2&at__day=31"),
    *("_popup=1", "_facets=1", "e=1", "object_kind=%00", "old__x__y=1", "kind=%00", "tab=%00"),
    *("plan__resellers__notes__startswith=a", "tenant__accounts__password__startswith=a"),
    *("expiry=%00", f"package__id__exact={HUGE}", "package__radius_password__startswith=a"),
    *("radius_password__startswith=a", "web_password__startswith=a", "mac__startswith=A"),
    *("alert=%D9%A3", f"alert={HUGE}", "severity=%00"),
)
API_QUERIES = (
    *(f"page={HUGE}", "page=0", "page=-1", "page=%00", f"page_size={HUGE}", "format=xml"),
    *("from=%00", "from=0001-01-01T00:00:00%2B14:00", "to=9999-12-31T23:59:59-23:59"),
    *("from=0001-01-01T00:00:00Z&to=9999-12-31T23:59:59Z", "to=9999-12-31T23:59:59Z"),
    *("resolution=day&from=0001-01-01T00:00:00Z&to=0003-01-01T00:00:00Z", "resolution=%00"),
    *("resolution=day&to=9999-12-31T23:59:59Z", "resolution=hour&to=9999-12-31T23:59:59Z"),
    *("resolution=day&to=0001-01-01T00:00:01Z", "to=0001-01-01T00:00:00Z", "state=%00"),
)
RANGES = ("%00", "999d", "2099-12", "2000-01", "20999-01", "x" * 5000, "month%0d%0aSet-Cookie: a=b")


@pytest.fixture
def as_super(super_user: Account) -> Client:
    client = Client(raise_request_exception=False)
    client.force_login(super_user)
    return client


def _status(client: Client, url: str) -> int:
    with transaction.atomic():
        status = client.get(url).status_code
        transaction.set_rollback(True)
    return status


def _failed(client: Client, urls: list[str]) -> dict[str, int]:
    found = {url: _status(client, url) for url in urls}
    return {url[:120]: status for url, status in found.items() if status >= 500}


@pytest.mark.parametrize("name", LISTS)
def test_no_list_falls_over_what_its_address_asks(isp: "Isp", as_super: Client, name: str) -> None:
    base = reverse(f"admin:{name}_changelist")
    assert _failed(as_super, [f"{base}?{query}" for query in QUERIES]) == {}


def test_no_page_falls_over_an_impossible_key(isp: "Isp", as_super: Client) -> None:
    keys = (HUGE, "x", "%00", "-1", "1e3", "_00", "_5F", "%D9%A3", "1%2F..%2F2")
    ends = ("", "change/", "history/", "delete/", "usage.csv", "end/")
    bases = [reverse(f"admin:{name}_changelist") for name in LISTS]
    urls = [f"{base}{key}/{end}" for base in bases for key in keys for end in ends]
    assert _failed(as_super, urls) == {}


def test_the_api_bounds_what_is_asked(isp: "Isp", as_super: Client) -> None:
    bases = ("/api/resellers", "/api/alerts", f"/api/resellers/{isp.dhaka.pk}/usage")
    assert _failed(as_super, [f"{base}?{query}" for base in bases for query in API_QUERIES]) == {}
    years = "from=2016-01-01T00:00:00Z&to=2026-01-01T00:00:00Z"
    assert as_super.get(f"{bases[2]}?{years}").status_code == 400


@pytest.mark.parametrize("asked", RANGES)
def test_a_range_that_is_none_names_no_file(isp: "Isp", as_super: Client, asked: str) -> None:
    page = reverse("admin:resellers_reseller_page", args=[isp.dhaka.pk])
    assert as_super.get(f"{page}?range={asked}").status_code == 200
    csv = as_super.get(f"{page}usage.csv?range={asked}")
    assert csv.status_code in {200, 400}
    assert "\n" not in csv.headers.get("Content-Disposition", "")
    assert "Set-Cookie" not in csv.headers.get("Content-Disposition", "")


@pytest.mark.parametrize(
    "lookup", ["password__startswith", "password__regex", "password", "last_login__gt"]
)
def test_a_password_hash_cannot_be_spelt_out(
    super_user: Account, as_admin: Client, lookup: str
) -> None:
    base = reverse("admin:accounts_account_changelist")
    assert as_admin.get(f"{base}?{lookup}={super_user.password[:6]}").status_code == 400


@pytest.mark.parametrize("lookup", ["snmp_community", "api_password__isnull", "snmp_auth_key__gt"])
def test_a_routers_secrets_cannot_be_asked_for(isp: "Isp", as_viewer: Client, lookup: str) -> None:
    base = reverse("admin:routers_router_changelist")
    assert as_viewer.get(f"{base}?{lookup}=s3cret").status_code == 400


def test_what_the_filters_offer_still_works(isp: "Isp", as_viewer: Client) -> None:
    asked = {
        "resellers_reseller": f"plan__id__exact={isp.plan.pk}&status__exact=active",
        "routers_interface": f"router__id__exact={isp.edge.pk}&oper_state=up",
        "resellers_mapping": f"router__id__exact={isp.edge.pk}&state=all",
        "routers_router": "site=Uttara&is_polled__exact=1",
        "monitoring_rule": "is_enabled__exact=1",
        "base_auditentry": "at__year=2026&action=map&object_kind=resellers.mapping&object_id=1",
    }
    for name, query in asked.items():
        url = f"{reverse(f'admin:{name}_changelist')}?{query}"
        assert as_viewer.get(url).status_code == 200, url


@pytest.mark.parametrize(
    "target", ["//evil.example", "https://evil.example/", "/\\evil.example", "http:///evil.example",
               "javascript:alert(1)", "\thttps://evil.example", "https:evil.example", "///evil.example/"]
)  # fmt: skip
def test_the_login_leads_to_no_other_site(noc: Account, target: str) -> None:
    client = Client()
    form = {"login": "noc", "password": "noc-password", "next": target}
    answer = client.post(f"{reverse('account_login')}?next={target}", form)
    assert answer.status_code == 302
    assert answer["Location"] == reverse("home")


def test_a_session_made_up_before_the_login_is_not_kept(noc: Account) -> None:
    client = Client()
    client.cookies["sessionid"] = "chosenbytheattacker0000000000000"
    client.post(reverse("account_login"), {"login": "noc", "password": "noc-password"})
    assert client.cookies["sessionid"].value != "chosenbytheattacker0000000000000"
    before = client.cookies["sessionid"].value
    client.post(reverse("admin:logout"))
    thief = Client()
    thief.cookies["sessionid"] = before
    assert thief.get(reverse("admin:index")).status_code == 302


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example", "localhost:80@evil", "a b"]
)
def test_another_host_name_is_refused_with_the_policy(db: None, host: str) -> None:
    for path in ("/account/login/", "/health/", "/api/resellers"):
        answer = Client().get(path, HTTP_HOST=host)
        assert answer.status_code == 400
        assert "default-src 'none'" in answer["Content-Security-Policy"]
        assert "evil" not in answer.content.decode()


def test_errors_and_static_files_carry_the_policy(isp: "Isp", as_super: Client) -> None:
    for path in ("/nowhere", "/admin/nowhere/", "/api/nowhere", "/static/nowhere.js",
                 "/static/ispcore/live.js", "/static/../secrets.env", "/static/%2e%2e/manage.py",
                 "/static/..%2fmanage.py", "/static//etc/passwd"):  # fmt: skip
        answer = as_super.get(path)
        assert "default-src 'none'" in answer["Content-Security-Policy"], path
        body = b"".join(answer) if answer.streaming else answer.content
        assert b"SECRET_KEY" not in body
        assert b"root:" not in body
        assert answer.status_code == (200 if path.endswith("live.js") else 404), path


def test_the_way_to_https_carries_the_policy(db: None) -> None:
    with override_settings(SECURE_SSL_REDIRECT=True):
        answer = Client().get("/account/login/")
    assert answer.status_code == 301
    assert "default-src 'none'" in answer["Content-Security-Policy"]
