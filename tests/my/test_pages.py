"""What a tenant's people see: their own rows, in words of their own, within few queries."""

import csv
import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from ispcore.accounts.models import Tenant
from monitoring.models import Alert
from resellers.models import Mapping, Reseller
from tests.conftest import NOON, _account
from tests.look.markup import faults, read
from tests.pages.test_smoke import INLINE

if TYPE_CHECKING:
    from django.test import Client

    from ispcore.accounts.models import Account
    from tests.pages.conftest import Isp

pytestmark = pytest.mark.one_database
ACTS = ("contact", "renew", "suspend", "resume", "password")
OF_SUBSCRIBER = [f"subscriber_{act}" for act in ACTS]
# every page, and the most queries that it may make, session and account included
BUDGETS = {
    "index": 20,
    "today": 6,
    "usage": 16,
    "usage_json": 9,
    "usage_csv": 6,
    "links": 9,
    "alerts": 9,
    "alert": 8,
    "subscribers": 9,
    "subscriber": 13,
    "people": 6,
    "person_add": 5,
    "person": 6,
    "person_password": 6,
    "history": 12,
    "history_csv": 10,
    "profile": 6,
    "password_change": 5,
} | dict.fromkeys([*OF_SUBSCRIBER, "subscriber_add"], 7)
DATA = {"today", "usage_json", "usage_csv", "history_csv"}


@pytest.fixture
def address(isp: "Isp", reseller_dhaka: "Account") -> Callable[[str], str]:
    """The address of a page of dhaka's, by its name."""
    people = dict.fromkeys(("person", "person_password"), reseller_dhaka.pk)
    subscribers = dict.fromkeys(("subscriber", *OF_SUBSCRIBER), isp.rahim.pk)
    keys = {"alert": isp.over_plan.pk} | people | subscribers
    return lambda name: reverse(f"my:{name}", args=[keys[name]] if name in keys else [])


def _html(client: "Client", name: str) -> str:
    return client.get(reverse(f"my:{name}")).content.decode()


def test_the_budgets_name_every_page() -> None:
    from dashboards.my.site import my_site

    named = {url.name for url in my_site.get_urls()} - {None, "login", "logout"}
    assert named == set(BUDGETS) | {"acknowledge", "note"}


@pytest.mark.parametrize("name", BUDGETS)
def test_a_page_keeps_its_budget_of_queries(
    as_dhaka: "Client", address: Callable[[str], str], name: str
) -> None:
    url = address(name)
    as_dhaka.get(url)
    with CaptureQueriesContext(connection) as queries:
        assert as_dhaka.get(url).status_code == 200
    assert len(queries) <= BUDGETS[name], "\n".join(q["sql"][:150] for q in queries)


def test_more_links_alerts_and_people_cost_no_more_queries(
    isp: "Isp", as_dhaka: "Client", address: Callable[[str], str]
) -> None:
    def cost() -> dict[str, int]:
        found = {}
        for name in ("index", "links", "alerts", "people"):
            with CaptureQueriesContext(connection) as queries:
                assert as_dhaka.get(address(name)).status_code == 200
            found[name] = len(queries)
        return found

    _alert(isp.dhaka.tenant, "first", isp.dhaka_mapping.pk)
    cost()  # the first page of a session says that somebody is there
    few = cost()
    for n, interface in enumerate(("ether1",), start=1):
        Mapping.objects.create(
            reseller=isp.dhaka, router=isp.edge, interface=isp.interfaces[interface], vlan_id=n
        )
    for n in range(4):
        _account(f"more_{n}", "viewer", isp.dhaka.tenant)
        _alert(isp.dhaka.tenant, f"more-{n}", isp.dhaka_mapping.pk)
    assert cost() == few


@pytest.mark.parametrize("name", sorted(set(BUDGETS) - DATA))
def test_a_page_can_be_read_without_eyes_and_has_nothing_inline(
    as_dhaka: "Client", address: Callable[[str], str], name: str
) -> None:
    response = as_dhaka.get(address(name))
    html = response.content.decode()
    assert faults(html) == []
    assert not INLINE.search(html)
    assert "default-src 'none'" in response["Content-Security-Policy"]


def test_nothing_of_the_staff_admin_is_on_a_page(
    as_dhaka: "Client", address: Callable[[str], str]
) -> None:
    for name in sorted(set(BUDGETS) - DATA):
        page = read(as_dhaka.get(address(name)).content.decode())
        links = [each.get("href") for each in page.all("a")]
        sent = [each.get("action") or each.get("formaction") for each in page.all("form", "button")]
        assert not [url for url in links + sent if url.startswith("/admin/")], name


def test_a_page_has_words_of_its_own_tenant_only(
    isp: "Isp", as_ctg: "Client", as_dhaka: "Client", address: Callable[[str], str]
) -> None:
    foreign = ("Dhaka Fibre", "vlan-312", "Business 500", "reseller_dhaka", isp.over_plan.summary)
    for name in ("index", "usage", "links", "alerts", "people", "profile"):
        html = _html(as_ctg, name)
        assert "Chattogram Net" in html
        assert not [words for words in foreign if words in html], name


def test_what_opens_a_router_is_nowhere(
    isp: "Isp", as_dhaka: "Client", address: Callable[[str], str]
) -> None:
    for name in BUDGETS:
        text = as_dhaka.get(address(name)).content.decode()
        for secret in ("10.0.0.1", "s3cret", "portal", "CCR2004", "alias of", "vlan-401"):
            assert secret not in text, (name, secret)
    assert "dhk-edge-01" in _html(as_dhaka, "links")


def test_another_tenants_rows_do_not_exist(as_ctg: "Client", address: Callable[[str], str]) -> None:
    for name in ("alert", "person", "person_password"):
        assert as_ctg.get(address(name)).status_code == 404
        assert as_ctg.get(address(name) + "?fragment=detail").status_code == 404


@pytest.mark.parametrize("name", ["index", "usage", "links", "alerts"])
def test_every_role_within_a_tenant_sees_the_same(
    isp: "Isp", as_dhaka: "Client", as_operator: "Client", as_viewer_dhaka: "Client", name: str
) -> None:
    url = reverse(f"my:{name}")
    assert {c.get(url).status_code for c in (as_dhaka, as_operator, as_viewer_dhaka)} == {200}


# ---- home


def test_home_answers_is_anything_wrong_and_can_it_be_trusted(
    isp: "Isp", as_dhaka: "Client"
) -> None:
    context = as_dhaka.get(reverse("my:index")).context
    assert context["verdict"].words == "Yes: over your plan"
    assert context["trust"].words == "Yes: your link was read"
    down, up = context["directions"]
    assert (down.bps, round(down.percent), down.words) == (
        540_000_000,
        108,
        "108\u00a0%, over your plan",
    )
    assert (up.bps, up.words) == (80_000_000, "80\u00a0%, close to your plan")


def test_home_is_calm_when_all_is_normal(isp: "Isp", as_ctg: "Client") -> None:
    context = as_ctg.get(reverse("my:index")).context
    assert context["verdict"].words == "No: all is normal"
    assert context["directions"][0].words == "25\u00a0% of your plan"


def test_home_says_unknown_where_nothing_was_read_lately(
    isp: "Isp", as_ctg: "Client", frozen_clock: Any
) -> None:
    frozen_clock(NOON + timedelta(hours=2))
    context = as_ctg.get(reverse("my:index")).context
    assert context["verdict"].kind == "unknown"
    assert context["trust"].words == "No: nothing was read for 2\u00a0h 1\u00a0min"
    assert context["directions"][0].bps is None


def test_home_shows_the_month_so_far(isp: "Isp", as_ctg: "Client") -> None:
    month = as_ctg.get(reverse("my:index")).context["month"]
    assert month.name == "March"
    # 1 and 2 March until noon: 432 samples, each a little higher than the one before
    down = [40_000_000 + n * 1000 for n in range(144, 576)]
    assert month.p95.bps == sorted(down)[int(0.95 * len(down) + 0.999) - 1]
    assert month.down_octets == sum(bps * 300 // 8 for bps in down)


def test_home_shows_other_months_nothing(
    isp: "Isp", reseller_ctg: "Account", client_for: Any, frozen_clock: Any
) -> None:
    frozen_clock(NOON + timedelta(days=40))
    month = client_for(reseller_ctg).get(reverse("my:index")).context["month"]
    assert (month.name, month.p95.bps, month.down_octets) == ("April", None, None)


def test_todays_chart_lays_today_on_yesterday(isp: "Isp", as_dhaka: "Client") -> None:
    chart = as_dhaka.get(reverse("my:today")).json()
    assert len(chart["t"]) == len(chart["now"]) == len(chart["before"]) == 288
    assert chart["now"][0] == 400_000_000 + 288 * 1000 + 144 * 1000
    assert chart["now"][3 * 12 : 3 * 12 + 15] == [None] * 15  # while the router restarted
    assert chart["now"][144:] == [None] * 144  # the day has not been yet
    assert chart["before"][287] == 400_000_000 + 431 * 1000
    assert chart["plan_down"] == 500_000_000


# ---- nothing there yet


@pytest.fixture
def as_new(db: None, client_for: Any) -> "Client":
    """The first person of a tenant that the provider has not set up yet."""
    client: Client = client_for(_account("new", "client", Tenant.objects.create(name="New Net")))
    return client


def test_an_empty_site_says_what_comes_next(as_new: "Client") -> None:
    assert "Your provider has made this account" in _html(as_new, "index")
    assert "appears with the first reading" in _html(as_new, "usage")
    assert "Your provider maps a port or VLAN" in _html(as_new, "links")
    assert "No open alert." in _html(as_new, "alerts")
    assert "Only you, so far." in _html(as_new, "people")
    assert "No change is on record" in _html(as_new, "history")
    for name in DATA - {"history_csv"}:
        assert as_new.get(reverse(f"my:{name}")).status_code == 404


def test_a_reseller_without_plan_and_link_has_no_made_up_value(as_new: "Client") -> None:
    Reseller.objects.create(tenant=Tenant.objects.get(name="New Net"))
    context = as_new.get(reverse("my:index")).context
    assert context["verdict"].words == "No link is mapped to you yet"
    assert [d.words for d in context["directions"]] == ["no link yet"] * 2
    for name in ("usage", "links"):
        html = as_new.get(reverse(f"my:{name}")).content.decode()
        assert faults(html) == []
        assert "0</b>" not in html


def test_a_suspended_reseller_is_told(isp: "Isp", as_ctg: "Client") -> None:
    Reseller.objects.filter(pk=isp.ctg.pk).update(status="suspended")
    context = as_ctg.get(reverse("my:index")).context
    assert context["verdict"].words == "Your service is suspended"


# ---- links


def test_a_link_tells_router_interface_state_and_age(isp: "Isp", as_dhaka: "Client") -> None:
    (link,) = as_dhaka.get(reverse("my:links")).context["links"]
    assert (link.name, link.router, link.site, link.interface) == (
        *("VLAN 312", "dhk-edge-01"),
        *("Uttara", "vlan-312"),
    )
    assert (link.kind, link.word) == ("ok", "Up")
    assert link.read_at == NOON - timedelta(minutes=1)
    assert (link.down_bps, link.up_bps) == (540_000_000, 80_000_000)
    assert len(link.spark) == 72
    assert link.spark[-1] == 400_000_000 + 575 * 1000


@pytest.mark.parametrize(
    ("change", "kind", "word"),
    [
        ({"oper_state": "down"}, "critical", "Down"),
        ({"admin_state": "down"}, "warning", "Switched off"),
        ({"gone_at": NOON}, "warning", "Not on the router"),
        ({"oper_state": ""}, "unknown", "Unknown"),
    ],
)
def test_a_link_that_is_not_up_says_how(
    isp: "Isp", as_dhaka: "Client", change: dict[str, Any], kind: str, word: str
) -> None:
    type(isp.interfaces["vlan-312"]).objects.filter(name="vlan-312").update(**change)
    (link,) = as_dhaka.get(reverse("my:links")).context["links"]
    assert (link.kind, link.word) == (kind, word)


def test_a_link_facing_the_uplink_is_turned(isp: "Isp", as_dhaka: "Client") -> None:
    Mapping.objects.filter(pk=isp.dhaka_mapping.pk).update(side="uplink")
    (link,) = as_dhaka.get(reverse("my:links")).context["links"]
    assert (link.down_bps, link.up_bps) == (80_000_000, 540_000_000)
    assert link.spark[-1] == 60_000_000 + 575 * 100


def test_a_link_that_ended_is_past(isp: "Isp", as_dhaka: "Client") -> None:
    Mapping.objects.filter(pk=isp.dhaka_mapping.pk).update(ended_at=NOON)
    context = as_dhaka.get(reverse("my:links")).context
    assert context["links"] == []
    assert [(link.name, link.ended_at) for link in context["past"]] == [("VLAN 312", NOON)]


# ---- usage


def _rows(client: "Client", query: str) -> Iterator[dict[str, str]]:
    answer = client.get(f"{reverse('my:usage_csv')}?{query}")
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    return csv.DictReader(io.StringIO(answer.content.decode()))


def test_five_minutes_come_as_csv_with_units_and_gaps(isp: "Isp", as_dhaka: "Client") -> None:
    rows = list(_rows(as_dhaka, "range=24h&step=5m"))
    assert list(rows[0]) == ["from", "down_bps", "up_bps", "seen_percent", "note"]
    assert len(rows) == 288
    assert rows[-1] == {
        "from": "2026-03-02T11:55:00+00:00",
        "down_bps": "400575000",
        "up_bps": "60057500",
        "seen_percent": "100.0",
        "note": "",
    }
    gap = [row for row in rows if row["down_bps"] == ""]
    assert len(gap) == 15
    assert {row["note"] for row in gap} == {"the router restarted"}


def test_hours_and_days_come_as_csv(isp: "Isp", as_ctg: "Client") -> None:
    hours = list(_rows(as_ctg, "range=24h&step=hour"))
    assert len(hours) == 24
    assert hours[-1]["from"] == "2026-03-02T11:00:00+00:00"
    assert hours[-1]["down_bps"] == str(sum(40_000_000 + n * 1000 for n in range(564, 576)) // 12)
    days = list(_rows(as_ctg, "range=7d&step=day"))
    assert [row["from"][:10] for row in days] == ["2026-02-28", "2026-03-01", "2026-03-02"]
    assert days[1]["seen_percent"] == "100.0"


def test_a_file_names_its_owner_range_and_step(isp: "Isp", as_dhaka: "Client") -> None:
    answer = as_dhaka.get(reverse("my:usage_csv") + "?range=7d&step=hour")
    assert answer["Content-Disposition"] == 'attachment; filename="dhaka-fibre-7d-hour.csv"'


def test_no_address_asks_for_another_tenants_usage(isp: "Isp", as_ctg: "Client") -> None:
    for query in (
        f"reseller={isp.dhaka.pk}",
        f"pk={isp.dhaka.pk}",
        f"tenant={isp.dhaka.tenant_id}",
    ):
        rows = list(_rows(as_ctg, query))
        assert rows[-1]["down_bps"] == "40575000"
        chart = as_ctg.get(f"{reverse('my:usage_json')}?{query}").json()
        assert max(v for v in chart["down"] if v) < 41_000_000


@pytest.mark.parametrize("query", ["range=1y", "range=2026-13", "step=1m", "range=%00", "step="])
def test_a_range_or_step_that_is_none_is_refused_with_words(
    isp: "Isp", as_dhaka: "Client", query: str
) -> None:
    answer = as_dhaka.get(f"{reverse('my:usage_csv')}?{query}")
    assert answer.status_code == 400
    assert "step: 5m, hour or day" in answer.json()["detail"]


def test_the_page_goes_on_with_24_hours_where_the_range_is_none(
    isp: "Isp", as_dhaka: "Client"
) -> None:
    answer = as_dhaka.get(reverse("my:usage") + "?range=1y")
    assert answer.context["chart"].range == "24h"
    assert "24 h are shown" in " ".join(map(str, answer.context["messages"]))


def test_earlier_months_go_back_to_the_first_and_not_for_ever(
    isp: "Isp", as_dhaka: "Client"
) -> None:
    def months() -> list[str]:
        return [key for key, *_ in as_dhaka.get(reverse("my:usage")).context["months"]]

    Reseller.objects.filter(pk=isp.dhaka.pk).update(created_at=NOON - timedelta(days=60))
    assert months() == ["2026-02", "2026-01"]
    Reseller.objects.filter(pk=isp.dhaka.pk).update(created_at=NOON - timedelta(days=6000))
    assert (len(months()), months()[-1]) == (13, "2025-02")


def _alert(tenant: Any, name: str, mapping_id: int) -> Alert:
    about = {"subject_kind": "resellers.mapping", "subject_id": mapping_id, "subject": name}
    return Alert.objects.create(
        fingerprint=name, tenant=tenant, severity="medium", summary="x", **about
    )
