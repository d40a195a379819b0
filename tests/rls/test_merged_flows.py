"""The whole portal behind the second wall: logins, pages, API, sockets and jobs in their own roles.

One web process, logged in to PostgreSQL as `ispcore_app` and able to be nothing else.
"""

import json
import re
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from allauth.mfa.totp.internal import auth as totp
from django.contrib import admin
from django.urls import reverse

from tests.harness.databases import PostgreSQL
from tests.rls.portal import Browser, Client, Walled

if TYPE_CHECKING:
    from tests.harness.databases import Servers

pytestmark = pytest.mark.journey
SECRET = "JBSWY3DPEHPK3PXP"  # of a second factor
WORLD = f"""
import json
from datetime import timedelta
from allauth.mfa.totp.internal.auth import TOTP
from ispcore.accounts.models import Account, Tenant
from ispcore.accounts.operations import accounts, api_tokens
from ispcore.base import clock
from ispcore.base.audit import Actor
from monitoring.models import Alert
from resellers.models import Reseller
from tests.accounts.test_scope import fill

def person(name, role, tenant=None):
    return Account.objects.create_user(
        name, password=f"{{name}}-password", role=role, tenant=tenant, email=f"{{name}}@example.com"
    )

made = {{}}
for number, name in enumerate(("dhaka", "ctg"), start=1):
    tenant = Tenant.objects.create(name=f"{{name}} net")
    owner = person(name, "client", tenant)
    fill(owner, number)
    made[name] = [
        tenant.pk, Reseller.objects.get(tenant=tenant).pk, Alert.objects.get(tenant=tenant).pk
    ]
    if name == "dhaka":
        person("dhaka_viewer", "viewer", tenant)
        machine = accounts.create("crm", role="client", tenant=tenant, password=None, by=Actor("x"))
        token, text = api_tokens.create(
            machine, name="sync", scopes=("resellers:read", "alerts:read"), by=Actor("x"),
            expires_at=clock.now() + timedelta(days=1),
        )
        made["token"] = text
person("noc", "operator")
person("boss", "super_user")
TOTP.activate(person("careful", "admin"), "{SECRET}")
print(json.dumps(made))
"""


@pytest.fixture(scope="module")
def portal(
    database_servers: "Servers", tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Walled]:
    assert isinstance(database_servers.postgresql, PostgreSQL)
    portal = Walled(database_servers.postgresql, tmp_path_factory.mktemp("walled"))
    portal.manage("owner", "migrate", "--no-input")
    portal.manage("owner", "migrate", "--no-input", "--database", "radius")
    with portal.serving():
        yield portal
    log = portal.log.read_text()
    assert "Traceback" not in log, log[-5000:]
    for words in ("permission denied", "row-level security", "not written"):
        assert words not in log, log[-5000:]


@pytest.fixture(scope="module")
def world(portal: Walled) -> dict[str, Any]:
    """{"dhaka": [tenant, reseller, alert], "ctg": the same, "token": a machine's of dhaka}."""
    made: dict[str, Any] = json.loads(portal.job(WORLD).splitlines()[-1])
    return made


def browser_of(portal: Walled, name: str) -> Browser:
    browser = Browser(portal)
    assert browser.log_in(name).status == 200
    assert browser.session
    return browser


def entries(portal: Walled, action: str) -> int:
    ((count,),) = portal.rows(f"SELECT count(*) FROM audit_log WHERE action = '{action}'")  # noqa: S608
    return int(count)


def test_the_web_process_is_bound_by_policies(portal: Walled) -> None:
    query = (
        "SELECT usename, rolsuper, rolbypassrls, pg_has_role(rolname, 'ispcore_worker', 'MEMBER')"
    )
    query += " FROM pg_stat_activity JOIN pg_roles ON rolname = usename WHERE datname = "
    query += "current_database() AND usename LIKE '%_app'"
    found = set(portal.rows(query))
    assert found
    assert {row[1:] for row in found} == {(False, False, False)}


def test_the_web_process_shows_life_and_says_so(portal: Walled) -> None:
    assert portal.rows("SELECT name FROM heartbeats WHERE name LIKE 'web%'")
    assert "web" in Client(portal).get("/health/").json()["processes"]


def test_a_login_is_on_record(portal: Walled, world: dict[str, Any]) -> None:
    """No test's transaction is around this one: the operation has its own."""
    before = entries(portal, "log in")
    assert browser_of(portal, "noc").get("/admin/").status == 200
    assert entries(portal, "log in") == before + 1


def test_staff_open_every_list_and_what_they_lead_to(portal: Walled, world: dict[str, Any]) -> None:
    browser = browser_of(portal, "boss")
    paths = [reverse("admin:index"), reverse("admin:accounts_account_matrix"), "/admin/today.json"]
    for model in admin.site._registry:
        name = f"{model._meta.app_label}_{model._meta.model_name}"
        paths.append(reverse(f"admin:{name}_changelist"))
    _, reseller, alert = world["ctg"]
    paths += [
        f"/admin/resellers/reseller/{reseller}/",
        f"/admin/resellers/reseller/{reseller}/history/",
        f"/admin/resellers/reseller/{reseller}/usage.json",
        f"/admin/monitoring/alert/{alert}/",
        "/admin/search/?q=ctg",
        "/account/sessions/",
        "/account/second-factor/",
    ]
    assert {path: browser.get(path).status for path in paths} == dict.fromkeys(paths, 200)
    html = browser.get(reverse("admin:resellers_reseller_changelist")).text
    assert "dhaka net" in html
    assert "ctg net" in html
    csv = browser.get(f"/admin/resellers/reseller/{reseller}/usage.csv?step=5m")
    assert csv.status == 200
    assert csv.kind.startswith("text/csv")
    log = browser.get(reverse("admin:base_auditentry_changelist") + "?csv=1")
    assert log.status == 200


def test_a_tenants_people_see_theirs_on_each_page(portal: Walled, world: dict[str, Any]) -> None:
    for name in ("dhaka", "dhaka_viewer"):
        browser = browser_of(portal, name)
        pages = ["", "usage/", "links/", "alerts/", f"alerts/{world['dhaka'][2]}/", "profile/"]
        for page in [f"/my/{each}" for each in pages] + ["/account/sessions/"]:
            answer = browser.get(page)
            assert answer.status == 200, page
            assert "ctg net" not in answer.text
        assert "dhaka net" in browser.get("/my/").text
        for page in ("usage.json", "today.json", "usage.csv"):
            assert browser.get(f"/my/{page}").status == 200
        assert browser.get(f"/my/alerts/{world['ctg'][2]}/").status == 404
        assert browser.get("/admin/resellers/reseller/").path == "/my/"


def test_an_owner_keeps_the_own_people(portal: Walled, world: dict[str, Any]) -> None:
    owner = browser_of(portal, "dhaka")
    form = {"username": "rahim", "email": "rahim@dhaka.example", "role": "operator"}
    assert "rahim" in owner.post("/my/people/add/", **form).text
    (made,) = portal.rows("SELECT id, tenant_id, role FROM accounts WHERE username = 'rahim'")
    assert made[1:] == (world["dhaka"][0], "operator")
    shown = owner.post(f"/my/people/{made[0]}/password/").text
    found = re.search(r"password of rahim is <code>(\S+)</code>", shown)
    assert found is not None
    operator = Browser(portal)
    assert operator.log_in("rahim", found[1]).path == "/my/"
    alert = world["dhaka"][2]
    answer = operator.post(f"/my/alerts/{alert}/acknowledge/", note="seen")
    assert answer.status == 200
    assert portal.rows(f"SELECT state FROM alerts WHERE id = {alert}") == [("acknowledged",)]  # noqa: S608
    assert entries(portal, "acknowledge alert") == 1


def test_an_owner_keeps_the_own_subscribers(portal: Walled, world: dict[str, Any]) -> None:
    """Each is a unit of work, whose journal is nobody's, under the sight of one tenant."""
    owner, tenant = browser_of(portal, "dhaka"), world["dhaka"][0]
    adding = {"username": "karim", "package": package_of(portal, tenant)}
    assert 'id="new-password"' in owner.post("/my/subscribers/add/", **adding).text
    ((key, number),) = portal.rows(
        "SELECT id, account_number FROM network_users WHERE username = 'karim'"
    )
    assert number == "X1-000002"
    forms = {"suspend": {}, "resume": {}, "renew": {"periods": "1"}}
    for act, form in forms.items():
        answer = owner.post(f"/my/subscribers/{key}/{act}/", reason="asked by phone", **form)
        assert answer.path == f"/my/subscribers/{key}/"
        assert answer.status == 200
    assert owner.post(f"/my/subscribers/{key}/contact/", full_name="Karim Mia").status == 200
    shown = owner.post(f"/my/subscribers/{key}/password/", confirmed="yes").text
    found = re.search(r'id="new-password"[^>]* value="([^"]+)"', shown)
    assert found is not None
    wanted = "Check.objects.filter(username='karim', attribute='Cleartext-Password').get().value"
    assert portal.job(f"from radius.models import Check; print({wanted})") == found[1]
    query = "SELECT action, actor, tenant_id FROM audit_log WHERE object_kind = "
    query += f"'subscribers.subscriber' AND object_id = '{key}' ORDER BY id"
    acts = ("create", *forms, "change", "change password")
    assert portal.rows(query) == [(act, "dhaka", tenant) for act in acts]
    query = "SELECT old, new, by FROM subscriber_status_changes WHERE subscriber_id = "
    assert portal.rows(f"{query}{key} ORDER BY id") == [
        ("active", "suspended", "dhaka"),
        ("suspended", "active", "dhaka"),
    ]
    query = "SELECT DISTINCT outcome FROM provisioning_journal WHERE what LIKE '%karim'"
    assert len(portal.rows(query)) == 1


def package_of(portal: Walled, tenant: int) -> str:
    ((key,),) = portal.rows(f"SELECT id FROM packages WHERE tenant_id = {tenant}")  # noqa: S608
    return str(key)


def test_subscribers_of_others_are_not_there(portal: Walled, world: dict[str, Any]) -> None:
    owner, add = browser_of(portal, "dhaka"), "/my/subscribers/add/"
    own, other = (package_of(portal, world[name][0]) for name in ("dhaka", "ctg"))
    assert "is taken" in owner.post(add, username="X2", package=own).text
    assert "Select a valid choice" in owner.post(add, username="more", package=other).text
    ((theirs,),) = portal.rows("SELECT id FROM network_users WHERE username = 'x2'")
    assert owner.get(f"/my/subscribers/{theirs}/").status == 404
    assert "x2" not in owner.get("/my/subscribers/").text


def test_sessions_are_listed_and_ended(portal: Walled, world: dict[str, Any]) -> None:
    here, there = browser_of(portal, "dhaka_viewer"), browser_of(portal, "dhaka_viewer")
    assert there.get("/my/").path == "/my/"
    assert here.get("/account/sessions/").status == 200
    here.post("/account/sessions/", others="1")
    assert there.get("/my/").path == "/account/login/"
    assert here.get("/my/").path == "/my/"


def test_a_login_with_a_second_factor(portal: Walled, world: dict[str, Any]) -> None:
    browser = Browser(portal)
    asked = browser.log_in("careful")
    assert asked.path == "/account/second-factor/authenticate/"
    _, counter, _ = totp.yield_hotp_counters_from_time()  # one before and one after are taken too
    code = totp.format_hotp_value(totp.hotp_value(SECRET, counter))
    assert browser.post(asked.path, code=code).path.startswith("/admin/")
    assert browser.get("/account/second-factor/recovery-codes/generate/").status == 200


def test_the_api_by_login(portal: Walled, world: dict[str, Any]) -> None:
    anyone = Client(portal)
    assert anyone.get("/api/resellers").status == 401
    wrong = {"username": "dhaka", "password": "wrong"}
    assert anyone.post("/api/auth/login", **wrong).status == 401
    said = {"username": "dhaka", "password": "dhaka-password"}
    pair = anyone.post("/api/auth/login", **said).json()
    client = Client(portal, pair["access"])
    _, own, _ = world["dhaka"]
    assert [row["id"] for row in client.get("/api/resellers").json()["results"]] == [own]
    assert client.get(f"/api/resellers/{own}/usage").status == 200
    assert len(client.get("/api/alerts").json()["results"]) == 1
    following = anyone.post("/api/auth/refresh", refresh=pair["refresh"]).json()
    assert Client(portal, following["access"]).get("/api/resellers").status == 200
    logged_out = anyone.post("/api/auth/logout", refresh=following["refresh"])
    assert logged_out.status == 204
    assert Client(portal, following["access"]).get("/api/resellers").status == 401


def test_a_refresh_token_that_comes_twice(portal: Walled, world: dict[str, Any]) -> None:
    anyone = Client(portal)
    said = {"username": "ctg", "password": "ctg-password"}
    old = anyone.post("/api/auth/login", **said).json()["refresh"]
    new = anyone.post("/api/auth/refresh", refresh=old).json()
    assert anyone.post("/api/auth/refresh", refresh=old).status == 401
    assert Client(portal, new["access"]).get("/api/resellers").status == 401
    assert len(security_alerts(portal, "second time")) == 1


def security_alerts(portal: Walled, words: str) -> list[Any]:
    return portal.rows(f"SELECT id FROM alerts WHERE summary LIKE '%{words}%'")  # noqa: S608


def test_who_asks_for_another_tenants_rows_is_told_of(
    portal: Walled, world: dict[str, Any]
) -> None:
    browser = browser_of(portal, "ctg")
    for _ in range(3):
        assert browser.get(f"/api/alerts/{world['dhaka'][2]}").status == 404
    assert len(security_alerts(portal, "belongs to another tenant")) == 1


def test_who_guesses_passwords_is_told_of(portal: Walled, world: dict[str, Any]) -> None:
    browser = Browser(portal)
    for _ in range(6):
        browser.log_in("dhaka_viewer", "wrong")
    assert len(security_alerts(portal, "failed logins")) == 1


def test_sockets_of_pages(portal: Walled, world: dict[str, Any]) -> None:
    (tenant, own, _), (other, others, _) = world["dhaka"], world["ctg"]
    watched = [["my", str(own)], ["my-usage", str(own)], ["my-alerts", str(tenant)]]
    refused = [["my", str(others)], ["my-alerts", str(other)], ["overview", ""], ["alerts", ""]]
    owner = browser_of(portal, "dhaka")
    heard = portal.hear(watched + refused, session=owner.session)
    assert all(heard[tuple(one)] for one in watched)
    assert [heard[tuple(one)] for one in refused] == [None] * 4
    noc = browser_of(portal, "noc")
    staff = [["overview", ""], ["alerts", ""], ["reseller", str(own)], ["reseller", str(others)]]
    assert all(portal.hear(staff, session=noc.session).values())


def test_sockets_of_api_clients(portal: Walled, world: dict[str, Any]) -> None:
    (tenant, own, _), (_, others, _) = world["dhaka"], world["ctg"]
    client = Client(portal, world["token"])
    assert [row["id"] for row in client.get("/api/resellers").json()["results"]] == [own]
    (used,) = portal.rows("SELECT last_used_at FROM api_tokens WHERE last_used_at IS NOT NULL")
    assert used
    ticket = client.post("/api/live/ticket").json()["ticket"]
    watched = [["my", str(own)], ["my", str(others)], ["my-alerts", str(tenant)]]
    heard = portal.hear(watched, ticket=ticket)
    assert heard["my", str(own)]
    assert heard["my", str(others)] is None
    assert heard["my-alerts", str(tenant)]
    said = {"username": "noc", "password": "noc-password"}
    login = Client(portal).post("/api/auth/login", **said).json()
    ticket = Client(portal, login["access"]).post("/api/live/ticket").json()["ticket"]
    assert portal.hear([["reseller", str(others)]], ticket=ticket)["reseller", str(others)]


def test_a_forgotten_password(portal: Walled, world: dict[str, Any]) -> None:
    """The page only orders the mail: a job finds the account, and sends it."""
    old = browser_of(portal, "ctg")
    browser = Browser(portal)
    browser.get("/account/password/reset/")
    asked = browser.post("/account/password/reset/", email="ctg@example.com")
    assert asked.path == "/account/password/reset/done/"
    ((queued,),) = portal.rows("SELECT count(*) FROM django_q_ormq")
    assert queued == 1
    job = f"from ispcore.accounts import tasks; tasks.send_reset_links('ctg@example.com', '{portal.url}', None)"
    found = re.search(rf"{portal.url}(/account/password/reset/key/\S+)", portal.job(job))
    assert found is not None
    form = browser.get(found[1])
    new = "a quite new password 7"
    done = browser.post(form.path, password1=new, password2=new)
    assert done.path == "/account/password/reset/key/done/"
    assert old.get("/my/").path == "/account/login/"
    assert Browser(portal).log_in("ctg", new).path == "/my/"


def test_what_a_role_may_is_changed_for_everybody(portal: Walled, world: dict[str, Any]) -> None:
    """The table is read once for all who ask, whoever asks first."""
    viewer = browser_of(portal, "dhaka_viewer")

    def resellers_once_allowed(*, allowed: bool) -> int:
        job = (
            "from ispcore.accounts.models import RolePermission; "
            "print(RolePermission.objects.filter(group='tenant_viewer', capability='view')"
            f".update(is_allowed={allowed}))"
        )
        assert portal.job(job) == "1"
        time.sleep(2.1)  # remembered.FRESH_S
        answer = viewer.get("/api/resellers")
        return len(answer.json()["results"]) if answer.status == 200 else 0

    assert resellers_once_allowed(allowed=False) == 0
    assert resellers_once_allowed(allowed=True) == 1


def test_staff_write_what_is_nobodys(portal: Walled, world: dict[str, Any]) -> None:
    """Plans, rules, roles; and the buttons by which the web process does what jobs do."""
    boss = browser_of(portal, "boss")
    plan = {"name": "Gold", "down_bps": "100M", "up_bps": "100M"}
    boss.post("/admin/resellers/plan/add/", **plan)
    assert portal.rows("SELECT down_bps FROM reseller_plans WHERE name = 'Gold'") == [(10**8,)]
    ((rule,),) = portal.rows("SELECT id FROM role_policies WHERE role = 'viewer'")
    boss.post(f"/admin/accounts/rolepolicy/{rule}/change/", idle_timeout_s="7200")
    told = portal.rows("SELECT idle_timeout_s FROM role_policies WHERE role = 'viewer'")
    assert told == [(7200,)]
    matrix = {"confirm": "yes", "change": "viewer.handle_alerts.yes"}
    assert (
        "One permission is changed" in boss.post("/admin/accounts/account/matrix/", **matrix).text
    )
    ((router,),) = portal.rows("SELECT id FROM router_configs ORDER BY id LIMIT 1")
    polled = boss.post(f"/admin/routers/router/{router}/poll/")
    assert polled.status == 200
    assert "othing was c" in polled.text  # nobody answers there


def test_jobs_keep_house(portal: Walled, world: dict[str, Any]) -> None:
    """Retention, partitions and upkeep in the role of jobs; the checks have nothing to say."""
    lines = (
        "from ispcore.accounts import tasks; from ispcore.base import audit_retention; "
        "print(tasks.tidy(), audit_retention.forget())"
    )
    assert "forgotten 0" in portal.job(lines)
    portal.manage("worker", "series", "--tidy")
    for role in ("owner", "worker"):
        assert "base." not in portal.manage(role, "check", "--database", "default")
