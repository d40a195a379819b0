"""A reseller's page: numbers, chart, CSV, and the forms that change a reseller."""

import csv
import io
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.urls import reverse

from ispcore.base.models import AuditEntry
from resellers.models import Mapping, Plan, Reseller
from tests import counter_states
from tests.conftest import NOON
from tests.pages.conftest import GAP

if TYPE_CHECKING:
    from django.test import Client

    from ispcore.accounts.models import Account
    from tests.pages.conftest import Isp

pytestmark = pytest.mark.one_database


def _page(isp: "Isp", query: str = "") -> str:
    return reverse("admin:resellers_reseller_page", args=[isp.dhaka.pk]) + query


def _chart(client: "Client", isp: "Isp", range_: str) -> dict[str, Any]:
    url = reverse("admin:resellers_reseller_usage", args=[isp.dhaka.pk])
    found: dict[str, Any] = client.get(f"{url}?range={range_}").json()
    return found


def _csv(client: "Client", isp: "Isp", range_: str) -> list[dict[str, str]]:
    url = reverse("admin:resellers_reseller_usage_csv", args=[isp.dhaka.pk])
    text = client.get(f"{url}?range={range_}").content.decode()
    return list(csv.DictReader(io.StringIO(text)))


def _said(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


def test_now_is_measured_against_the_plan(isp: "Isp", as_noc: "Client") -> None:
    current = as_noc.get(_page(isp)).context["current"]
    assert (current.down_bps, current.plan_down_bps) == (540_000_000, 500_000_000)
    assert current.down_percent == pytest.approx(108)
    assert current.down_kind == "critical"
    assert "over plan" in current.state_words


def test_an_old_rate_is_unknown_and_never_zero(isp: "Isp", as_noc: "Client") -> None:
    hour_ago_ms = round((NOON - timedelta(hours=1)).timestamp() * 1000)
    counter_states.change_all(lambda state: setattr(state, "rated_ms", hour_ago_ms))
    context = as_noc.get(_page(isp)).context
    assert context["current"].down_bps is None
    assert (context["current"].known, context["current"].total) == (0, 1)
    assert context["mappings"][0].down_bps is None
    assert [chip.word for chip in context["chips"]] == ["Use unknown", "Business 500"]


def test_the_gap_is_a_gap_with_its_reason(isp: "Isp", as_noc: "Client") -> None:
    chart = _chart(as_noc, isp, "24h")
    assert chart["gaps"] == [
        [
            int(GAP[0].timestamp()),
            int(GAP[1].timestamp()),
            "no data 03:00–04:15: the router restarted",
        ]
    ]
    holes = [t for t, down in zip(chart["t"], chart["down"], strict=True) if down is None]
    assert len(holes) == 15
    assert 0 not in chart["down"]


@pytest.mark.parametrize("range_", ["24h", "7d", "30d", "month", "2026-02"])
def test_the_csv_is_exactly_what_the_chart_shows(isp: "Isp", as_noc: "Client", range_: str) -> None:
    chart, rows = _chart(as_noc, isp, range_), _csv(as_noc, isp, range_)
    assert len(chart["t"]) <= 2000
    assert chart["t"]

    def number(text: str) -> int | None:
        return int(text) if text else None

    assert [int(datetime.fromisoformat(row["from"]).timestamp()) for row in rows] == chart["t"]
    assert [number(row["down_bps"]) for row in rows] == chart["down"]
    assert [number(row["up_bps"]) for row in rows] == chart["up"]


def test_a_month_has_at_most_two_thousand_points(
    isp: "Isp", as_noc: "Client", noc: "Account", frozen_clock: Callable[[datetime], None]
) -> None:
    frozen_clock(NOON + timedelta(days=29))
    as_noc.force_login(noc)
    chart = _chart(as_noc, isp, "30d")
    assert 1000 < len(chart["t"]) <= 2000
    assert chart["resolution_s"] > 300


def test_the_csv_says_why_a_value_is_missing(isp: "Isp", as_noc: "Client") -> None:
    empty = [row for row in _csv(as_noc, isp, "24h") if not row["down_bps"]]
    assert {row["note"] for row in empty} == {"the router restarted"}


@pytest.mark.parametrize("range_", ["1h", "2026-13", "", "../etc", "2026-02-01", "٢٠٢٦-٠٢"])
def test_a_range_that_cannot_be_shown_is_named(isp: "Isp", as_noc: "Client", range_: str) -> None:
    url = reverse("admin:resellers_reseller_usage", args=[isp.dhaka.pk])
    response = as_noc.get(url, {"range": range_})
    assert response.status_code == 400
    assert "range" in response.json()["detail"]
    assert as_noc.get(_page(isp), {"range": range_}).status_code == 200


def test_the_percentile_says_how_complete_it_is(isp: "Isp", as_noc: "Client") -> None:
    p95 = as_noc.get(_page(isp)).context["p95"]
    assert (p95.expected - p95.missing, p95.missing) == (36 * 12 - 15, 15)
    assert p95.completeness_percent == 96
    assert not p95.estimated


def test_the_live_spots_show_what_the_page_shows(isp: "Isp", as_noc: "Client") -> None:
    from resellers.live import TOPICS

    spots = TOPICS[0].spots(str(isp.dhaka.pk))
    assert "540" in spots["current"]
    assert "vlan-312" in spots["mappings"]
    html = as_noc.get(_page(isp)).content.decode()
    assert all(f'data-live="{name}"' in html for name in spots)


def test_only_staff_watch_the_staffs_page_of_a_reseller(
    isp: "Isp", noc: Any, viewer: Any, reseller_dhaka: Any, reseller_ctg: Any
) -> None:
    from resellers.live import TOPICS

    key = str(isp.dhaka.pk)
    for topic in TOPICS:
        allowed = [topic.allowed(who, key) for who in (noc, viewer, reseller_dhaka, reseller_ctg)]
        assert allowed == [True, True, False, False]
    assert not TOPICS[0].allowed(noc, "999999")
    for key in ("", "x", "9" * 30, "999999"):
        with pytest.raises(LookupError):
            TOPICS[0].spots(key)


# ---- plan


def test_a_plan_is_changed_after_a_preview(isp: "Isp", as_noc: "Client") -> None:
    url = reverse("admin:resellers_reseller_plan", args=[isp.dhaka.pk])
    first = as_noc.post(url, {"plan": isp.small_plan.pk, "reason": "asked for it"})
    assert next(row["new"] for row in first.context["preview"]) == "Start 200"
    assert Reseller.objects.get(pk=isp.dhaka.pk).plan == isp.plan
    form = {"plan": isp.small_plan.pk, "reason": "asked for it", "previewed": isp.small_plan.pk}
    done = as_noc.post(url, form, follow=True)
    assert Reseller.objects.get(pk=isp.dhaka.pk).plan == isp.small_plan
    assert "Start 200" in _said(done)
    changes = [row.change for row in done.context["plan_history"]]
    assert changes[0] == "500\u00a0Mbps → 200\u00a0Mbps"
    assert AuditEntry.objects.filter(action="change plan", reason="asked for it").exists()


def test_what_is_confirmed_is_what_was_previewed(isp: "Isp", as_noc: "Client") -> None:
    url = reverse("admin:resellers_reseller_plan", args=[isp.dhaka.pk])
    again = as_noc.post(url, {"plan": isp.small_plan.pk, "previewed": "none"})
    assert again.status_code == 200
    assert Reseller.objects.get(pk=isp.dhaka.pk).plan == isp.plan


@pytest.mark.parametrize(
    ("down", "fault"),
    [
        ("fast", "is not a bit rate"),
        ("-5M", "is not a bit rate"),
        ("12", "below 1 kbps"),
        ("900T", "above 100 Tbps"),
        ("", "required"),
    ],
)
def test_an_impossible_plan_is_named_and_nothing_stored(
    isp: "Isp", as_noc: "Client", down: str, fault: str
) -> None:
    form = {"name": "Odd", "down_bps": down, "up_bps": "10M"}
    html = as_noc.post(reverse("admin:resellers_plan_add"), form).content.decode()
    assert fault in html
    assert not Plan.objects.filter(name="Odd").exists()


def test_a_plans_rates_are_typed_and_shown_as_people_write_them(
    isp: "Isp", as_noc: "Client"
) -> None:
    form = {"name": "Fibre", "down_bps": "1.5 Gbps", "up_bps": "300m"}
    as_noc.post(reverse("admin:resellers_plan_add"), form)
    plan = Plan.objects.get(name="Fibre")
    assert (plan.down_bps, plan.up_bps) == (1_500_000_000, 300_000_000)
    html = as_noc.get(reverse("admin:resellers_plan_change", args=[plan.pk])).content.decode()
    assert 'value="1.5G"' in html
    assert 'value="300M"' in html


def test_a_plan_in_use_is_not_deleted(isp: "Isp", as_noc: "Client") -> None:
    url = reverse("admin:resellers_plan_delete", args=[isp.plan.pk])
    said = _said(as_noc.post(url, {"post": "yes"}, follow=True))
    assert "Business 500 is the plan of Dhaka Fibre" in said
    assert Plan.objects.filter(pk=isp.plan.pk).exists()


# ---- mappings


def _add(client: "Client", isp: "Isp", **values: object) -> str:
    form = {"reseller": isp.ctg.pk, "carries": "Internet", "side": "reseller", "vlan_id": ""}
    response = client.post(reverse("admin:resellers_mapping_add"), form | values)
    return response.content.decode() if response.status_code == 200 else ""


def test_an_interface_is_mapped_with_its_own_vlan(isp: "Isp", as_noc: "Client") -> None:
    free = isp.interfaces["ether1"]
    assert not _add(as_noc, isp, interface=free.pk, vlan_id="900")
    mapping = Mapping.objects.get(interface=free)
    assert (mapping.vlan_id, mapping.router, mapping.reseller) == (900, isp.edge, isp.ctg)
    assert AuditEntry.objects.filter(action="map", actor="noc", surface="admin").exists()


@pytest.mark.parametrize("vlan_id", ["0", "4095", "5000", "-1"])
def test_an_impossible_vlan_is_named(isp: "Isp", as_noc: "Client", vlan_id: str) -> None:
    html = _add(as_noc, isp, interface=isp.interfaces["ether1"].pk, vlan_id=vlan_id)
    assert f"VLAN {vlan_id} is impossible: a VLAN id lies between 1 and 4094" in html
    assert Mapping.objects.count() == 2


def test_a_vlan_that_is_taken_says_by_whom(isp: "Isp", as_noc: "Client") -> None:
    html = _add(as_noc, isp, interface=isp.interfaces["ether1"].pk, vlan_id="312")
    assert "VLAN 312 is already mapped on dhk-edge-01 to Dhaka Fibre" in html
    assert html.count("Nothing was changed.") == 1
    assert Mapping.objects.count() == 2


def test_an_interface_that_is_taken_says_by_whom(isp: "Isp", as_noc: "Client") -> None:
    html = _add(as_noc, isp, interface=isp.interfaces["vlan-312"].pk, vlan_id="77")
    assert "vlan-312 is already mapped on dhk-edge-01 to Dhaka Fibre" in html
    assert Mapping.objects.count() == 2


def test_only_free_interfaces_are_offered(isp: "Isp", as_noc: "Client") -> None:
    html = as_noc.get(reverse("admin:resellers_mapping_add")).content.decode()
    assert "ether1" in html
    assert "alias of vlan-312" not in html


def test_a_mapping_ends_and_leaves_its_usage(isp: "Isp", as_noc: "Client") -> None:
    url = reverse("admin:resellers_mapping_end", args=[isp.dhaka_mapping.pk])
    assert as_noc.get(url).status_code == 200
    assert "no longer" in _said(as_noc.post(url, {"reason": "moved"}, follow=True))
    assert not Mapping.objects.get(pk=isp.dhaka_mapping.pk).is_live
    assert "ended already" in _said(as_noc.post(url, follow=True))
    assert _chart(as_noc, isp, "24h")["t"]


# ---- the reseller itself


NEW = {
    "name": "Turag Link",
    "contact": "",
    "phone": "",
    "email": "",
    "address": "",
    "notes": "",
    "warning_percent": "80",
    "critical_percent": "100",
    "plan": "",
}


def test_a_reseller_is_made_with_tenant_and_plan(isp: "Isp", as_noc: "Client") -> None:
    url = reverse("admin:resellers_reseller_add")
    done = as_noc.post(url, NEW | {"plan": isp.plan.pk, "phone": "+8801811111111"}, follow=True)
    made = Reseller.objects.get(tenant__name="Turag Link")
    assert (made.plan, made.phone) == (isp.plan, "+8801811111111")
    assert done.redirect_chain[-1][0] == reverse("admin:resellers_reseller_page", args=[made.pk])


@pytest.mark.parametrize(
    ("values", "fault"),
    [
        ({"name": "Dhaka Fibre"}, "already exists"),
        ({"phone": "01712"}, "Write the phone number as +8801712345678"),
        (
            {"warning_percent": "90", "critical_percent": "50"},
            "Critical must not lie below warning",
        ),
        ({"name": ""}, "required"),
    ],
)
def test_a_faulty_reseller_is_not_stored(
    isp: "Isp", as_noc: "Client", values: dict[str, str], fault: str
) -> None:
    html = as_noc.post(reverse("admin:resellers_reseller_add"), NEW | values).content.decode()
    assert fault in html
    assert Reseller.objects.count() == 2


def test_renaming_a_reseller_keeps_its_plan(isp: "Isp", as_noc: "Client") -> None:
    url = reverse("admin:resellers_reseller_change", args=[isp.dhaka.pk])
    as_noc.post(url, NEW | {"name": "Dhaka Fibre Ltd", "status": "active"})
    reseller = Reseller.objects.select_related("tenant").get(pk=isp.dhaka.pk)
    assert (reseller.name, reseller.plan) == ("Dhaka Fibre Ltd", isp.plan)


def test_thresholds_are_set_on_their_own_page(isp: "Isp", as_noc: "Client") -> None:
    url = reverse("admin:resellers_reseller_thresholds", args=[isp.dhaka.pk])
    faulty = as_noc.post(url, {"warning_percent": "110", "critical_percent": "100"})
    assert "Critical must not lie below warning" in faulty.content.decode()
    as_noc.post(url, {"warning_percent": "70", "critical_percent": "95"})
    reseller = Reseller.objects.get(pk=isp.dhaka.pk)
    assert (reseller.warning_percent, reseller.critical_percent) == (70, 95)


def test_a_reseller_with_mappings_is_not_deleted(isp: "Isp", as_noc: "Client") -> None:
    url = reverse("admin:resellers_reseller_delete", args=[isp.dhaka.pk])
    assert "set its status to ended instead" in _said(
        as_noc.post(url, {"post": "yes"}, follow=True)
    )
    assert Reseller.objects.filter(pk=isp.dhaka.pk).exists()
