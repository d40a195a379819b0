"""The overview: is anything wrong, can this picture be trusted?"""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from dashboards.overview import verdict
from ispcore.base import lost_jobs
from ispcore.base.models import AuditEntry, Heartbeat
from monitoring.models import Alert
from monitoring.operations import alerts
from resellers.models import Mapping
from routers.models import Router, RouterCheck
from tests import counter_states
from tests.conftest import NOON
from tests.pages.conftest import GAP

if TYPE_CHECKING:
    from django.test import Client

    from tests.pages.conftest import Isp

pytestmark = pytest.mark.one_database


def _overview(client: "Client") -> Any:
    return client.get(reverse("admin:index")).context


@pytest.mark.parametrize(
    ("counts", "kind", "words"),
    [
        ({}, "ok", "No: nothing is wrong"),
        ({("open", "critical"): 2}, "critical", "Yes: 2 critical, neither taken yet"),
        ({("open", "critical"): 1}, "critical", "Yes: 1 critical, not taken yet"),
        (
            {("open", "critical"): 2, ("acknowledged", "critical"): 1},
            "critical",
            "Yes: 3 critical, 1 of them taken",
        ),
        ({("acknowledged", "high"): 2, ("open", "low"): 9}, "warning", "Yes: 2 high, both taken"),
        ({("open", "medium"): 3}, "warning", "Yes: 3 medium, none taken yet"),
    ],
)
def test_the_verdict_names_the_worst_and_who_has_it(
    counts: dict[tuple[str, str], int], kind: str, words: str
) -> None:
    found = verdict(counts, seen=True)
    assert (found.kind, found.words) == (kind, words)


def test_where_nothing_is_seen_the_verdict_is_unknown_and_not_well(
    isp: "Isp", as_noc: "Client"
) -> None:
    Alert.objects.update(state="resolved", resolved_at=NOON)
    Router.objects.update(read_at=None)
    assert _overview(as_noc)["verdict"].words == "Unknown: nothing can be seen now"
    Router.objects.all().update(is_polled=False)
    assert _overview(as_noc)["verdict"].kind == "unknown"


def test_a_total_with_a_router_missing_is_left_out(isp: "Isp", as_noc: "Client") -> None:
    chart = as_noc.get(reverse("admin:today")).json()
    lost = [t for t, now in zip(chart["t"], chart["now"], strict=True) if now is None]
    assert [t for t in lost if t < NOON.timestamp()] == [
        t for t in chart["t"] if GAP[0].timestamp() <= t < GAP[1].timestamp()
    ]


def test_a_silent_router_makes_the_picture_partial(isp: "Isp", as_noc: "Client") -> None:
    trust = _overview(as_noc)["trust"]
    assert (trust.kind, trust.words) == ("warning", "Mostly: 1 of 2 routers is silent")
    assert "ctg-edge-01" in trust.detail
    assert "2 of 2 mappings have a current rate" in trust.detail


def test_with_all_routers_read_the_picture_is_trusted(isp: "Isp", as_noc: "Client") -> None:
    Router.objects.update(read_at=NOON - timedelta(minutes=1))
    assert _overview(as_noc)["trust"].words == "Yes: all 2 routers were read"


def test_an_hour_without_readings_is_no_picture(
    isp: "Isp", as_noc: "Client", frozen_clock: Callable[[datetime], None]
) -> None:
    frozen_clock(NOON + timedelta(hours=1))
    context = _overview(as_noc)
    assert context["trust"].kind == "critical"
    assert context["trust"].words.startswith("No: nothing was read for 1")
    assert context["traffic"].now_bps is None
    assert [row.percent for row in context["closest"]] == [None, None]
    assert "unknown" in as_noc.get(reverse("admin:index")).content.decode()


def test_traffic_is_the_sum_of_all_mappings_and_compared_with_yesterday(
    isp: "Isp", as_noc: "Client"
) -> None:
    traffic = _overview(as_noc)["traffic"]
    assert (traffic.now_bps, traffic.known, traffic.total) == (590_000_000, 2, 2)
    yesterday = 440_000_000 + 2 * 287 * 1000  # the sample of 11:55 a day before, of both
    assert traffic.versus_yesterday_percent == pytest.approx(
        100 * (590_000_000 - yesterday) / yesterday
    )
    assert len(traffic.spark) == 72
    assert None not in traffic.spark


def test_a_mapping_that_faces_the_uplink_counts_what_comes_in(isp: "Isp", as_noc: "Client") -> None:
    Mapping.objects.filter(pk=isp.ctg_mapping.pk).update(side="uplink")
    assert _overview(as_noc)["traffic"].now_bps == 540_000_000 + 10_000_000


def test_a_mapping_without_a_rate_is_left_out_and_said(isp: "Isp", as_noc: "Client") -> None:
    counter_states.drop(isp.interfaces["vlan-401"])
    context = _overview(as_noc)
    assert context["traffic"].now_bps == 540_000_000
    assert "1 of 2 mappings have a current rate" in context["trust"].detail
    cells = {cell.name: cell.word for cell in context["resellers"].cells}
    assert cells == {"Dhaka Fibre": "108 % of plan", "Chattogram Net": "unknown"}


def test_tiles_count_routers_and_resellers(isp: "Isp", as_noc: "Client") -> None:
    context = _overview(as_noc)
    assert (context["routers"].up, context["routers"].total) == (1, 2)
    assert (context["resellers"].over_80, context["resellers"].total) == (1, 2)
    assert [(row.name, round(row.percent)) for row in context["closest"]] == [
        ("Dhaka Fibre", 108),
        ("Chattogram Net", 25),
    ]


def test_what_changed_tells_people_and_alerts(isp: "Isp", as_noc: "Client", noc: Any) -> None:
    alerts.acknowledge(isp.away, by=noc, note="driving there")
    feed = [(change.who, change.what) for change in _overview(as_noc)["changes"]]
    assert ("noc", "took ctg-edge-01: driving there") in feed
    assert ("test", "mapped 2 interfaces") in feed
    assert len(feed) == len(set(feed))


def test_one_change_is_named_and_an_import_hides_nothing_before_it(
    isp: "Isp", as_noc: "Client"
) -> None:

    def entry(action: str, name: str, pk: int, minutes: int) -> None:
        AuditEntry.objects.create(
            at=NOON - timedelta(minutes=minutes),
            actor="rafi",
            action=action,
            object_kind="resellers.reseller",
            object_id=str(pk),
            object_name=name,
        )

    entry("delete", "Old Link", 900, 60)
    for number in range(30):
        entry("create", f"New {number}", 1000 + number, 5)
    feed = [(c.who, c.what) for c in _overview(as_noc)["changes"] if c.who == "rafi"]
    assert feed == [("rafi", "added 30 resellers"), ("rafi", "deleted reseller Old Link")]


def test_collection_shows_each_way_and_each_process(isp: "Isp", as_noc: "Client") -> None:
    Heartbeat.objects.create(
        name="jobs default",
        node="h",
        pid=1,
        started_at=NOON,
        beat_at=NOON - timedelta(hours=1),
        stale_after_s=240,
    )
    rows = {row.name: (row.kind, row.detail) for row in _overview(as_noc)["collection"]}
    assert rows["Ping"] == ("warning", "1 of 2 routers answer")
    assert rows["Router traffic"] == ("warning", "1 of 2 routers; silent: ctg-edge-01")
    assert rows["Jobs default"] == ("critical", "no sign of life")


def _beat(name: str, node: str, *, minutes_ago: int) -> None:
    beat_at = NOON - timedelta(minutes=minutes_ago)
    Heartbeat.objects.create(
        name=name, node=node, pid=1, started_at=beat_at, beat_at=beat_at, stale_after_s=90
    )


def test_a_host_that_left_is_shown_as_gone_while_another_has_its_work(
    isp: "Isp", as_noc: "Client"
) -> None:
    _beat("watch", "dhaka-1", minutes_ago=5)
    _beat("watch", "ctg-1", minutes_ago=0)
    _beat("web", "dhaka-1", minutes_ago=5)
    rows = {row.name: (row.kind, row.detail) for row in _overview(as_noc)["collection"]}
    assert rows["Watch on ctg-1"] == ("ok", "runs")
    kind, detail = rows["Watch on dhaka-1"]
    assert (kind, detail.partition(":")[0]) == ("warning", "gone")
    assert rows["Web on dhaka-1"] == ("critical", "no sign of life")


def test_jobs_that_were_lost_are_counted(isp: "Isp", as_noc: "Client") -> None:
    assert "Lost jobs" not in {row.name for row in _overview(as_noc)["collection"]}
    lost_jobs.record("evaluate", function="x", cluster="default", why="dropped: 90 s late")
    rows = {row.name: (row.kind, row.detail) for row in _overview(as_noc)["collection"]}
    kind, detail = rows["Lost jobs"]
    assert (kind, detail.partition(" failed")[0]) == ("warning", "1 job")


def test_a_ping_that_cannot_be_made_is_unknown(isp: "Isp", as_noc: "Client") -> None:
    RouterCheck.objects.filter(method="ping").update(state="unknown")
    rows = {row.name: row.kind for row in _overview(as_noc)["collection"]}
    assert rows["Ping"] == "unknown"


def test_the_day_has_288_steps_and_no_made_up_values(isp: "Isp", as_noc: "Client") -> None:
    chart = as_noc.get(reverse("admin:today")).json()
    assert {len(chart[name]) for name in ("t", "now", "before")} == {288}
    assert chart["now"][143] is not None
    assert set(chart["now"][144:]) == {None}
    assert None not in chart["before"]
    assert 0 not in chart["now"]


def test_the_day_is_cut_in_the_isps_zone(isp: "Isp", as_noc: "Client", settings: Any) -> None:
    settings.TIME_ZONE = "Asia/Dhaka"
    chart = as_noc.get(reverse("admin:today")).json()
    assert chart["t"][0] % 86_400 == 18 * 3600
    assert chart["zone"] == "Asia/Dhaka"


def test_only_staff_see_the_sum_of_all(isp: "Isp", as_dhaka: "Client") -> None:
    answer = as_dhaka.get(reverse("admin:today"))
    assert answer["Location"] == reverse("my:index")


def test_the_live_overview_is_what_the_page_shows(
    isp: "Isp", as_noc: "Client", noc: Any, reseller_dhaka: Any
) -> None:
    from dashboards.live import TOPICS

    spots = TOPICS[0].spots("")
    html = as_noc.get(reverse("admin:index")).content.decode()
    assert all(f'data-live="{name}"' in html for name in spots)
    assert spots["verdict"] in html
    assert [TOPICS[0].allowed(who, "") for who in (noc, reseller_dhaka)] == [True, False]


def test_the_live_alerts_of_the_console_are_for_staff(
    isp: "Isp", noc: Any, reseller_dhaka: Any
) -> None:
    from monitoring.live import TOPICS

    topic, tenant = TOPICS[0], str(isp.dhaka.tenant_id)
    assert "ctg-edge-01" in topic.spots("")["rows"]
    assert "ctg-edge-01" not in topic.spots(tenant)["rows"]
    assert "Dhaka Fibre" in topic.spots(tenant)["rows"]
    other = str(isp.ctg.tenant_id)
    assert not any(topic.allowed(reseller_dhaka, key) for key in ("", tenant, other))
    assert topic.allowed(noc, "")
    with pytest.raises(LookupError):
        topic.spots("all")


def test_the_wallboard_is_the_overview(isp: "Isp", as_noc: "Client") -> None:
    assert as_noc.get(reverse("admin:index") + "?wall").context["wall"] is True


def test_nothing_wrong_is_said_plainly(isp: "Isp", as_noc: "Client") -> None:
    Alert.objects.update(state="resolved", resolved_at=NOON)
    assert _overview(as_noc)["verdict"].words == "No: nothing is wrong"
