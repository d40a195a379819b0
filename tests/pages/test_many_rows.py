"""Pages with more rows than a person can choose from: what they leave out, and how it is found."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from django import forms
from django.urls import reverse

from ispcore.base.selects import LongSelect
from tests.conftest import NOON

if TYPE_CHECKING:
    from django.test import Client

    from routers.models import Interface, Router
    from tests.pages.conftest import Isp

HOSTILE = "<b>'\"&</b>"


@pytest.fixture
def many_routers(isp: "Isp") -> "list[Router]":
    """More than a filter or a strip shows, the last of them without an answer for an hour."""
    from routers.models import Router, RouterCheck

    routers = Router.objects.bulk_create(
        Router(
            name=f"many-{n:03}",
            site=f"site {n}",
            address=f"10.7.0.{n}",
            polled_at=NOON,
            read_at=NOON,
        )
        for n in range(130)
    )
    RouterCheck.objects.bulk_create(
        RouterCheck(
            router=router,
            method="ping",
            state="failed" if router is routers[-1] else "ok",
            since=NOON - timedelta(hours=1),
            checked_at=NOON,
        )
        for router in routers
    )
    return routers


@pytest.fixture
def many_interfaces(isp: "Isp") -> "list[Interface]":
    """More free interfaces than one list offers, on both routers."""
    from routers.models import Interface

    return Interface.objects.bulk_create(
        Interface(
            router=router,
            name=f"more-{n}",
            index=1000 + n,
            vlan_id=1000 + n,
            first_seen_at=NOON,
            last_seen_at=NOON,
        )
        for router in (isp.edge, isp.silent)
        for n in range(260)
    )


# ---- filters


def test_a_filter_by_many_routers_is_left_out(
    many_routers: "list[Router]", as_noc: "Client"
) -> None:
    url = reverse("admin:routers_interface_changelist")
    assert "By router" not in as_noc.get(url).content.decode()


def test_an_address_can_still_name_one_of_them(
    isp: "Isp", many_routers: "list[Router]", as_noc: "Client"
) -> None:
    url = reverse("admin:routers_interface_changelist")
    html = as_noc.get(url, {"router__id__exact": isp.edge.pk}).content.decode()
    assert "By router" in html
    assert "4 interfaces" in html
    assert many_routers[0].name not in html
    nobody = as_noc.get(url, {"router__id__exact": many_routers[0].pk}).content.decode()
    assert "0 interfaces" in nobody


def test_a_filter_by_few_routers_is_there(isp: "Isp", as_noc: "Client") -> None:
    html = as_noc.get(reverse("admin:routers_interface_changelist")).content.decode()
    assert "By router" in html
    assert f"?router__id__exact={isp.silent.pk}" in html


def test_a_filter_by_many_values_is_left_out_and_still_works(
    many_routers: "list[Router]", as_noc: "Client"
) -> None:
    url = reverse("admin:routers_router_changelist")
    assert "?site=site+7" not in as_noc.get(url).content.decode()
    assert "1 router" in as_noc.get(url, {"site": "site 7"}).content.decode()


# ---- pickers


def _offered(html: str, name: str) -> list[str]:
    select = html.partition(f'<select name="{name}"')[2].partition("</select>")[0]
    return [
        part.partition("</option>")[0].rpartition(">")[2] for part in select.split("<option")[1:]
    ]


def test_of_many_interfaces_those_of_the_chosen_router_are_offered(
    isp: "Isp", many_interfaces: "list[Interface]", as_noc: "Client"
) -> None:
    url = reverse("admin:resellers_mapping_add")
    html = as_noc.get(url, {"reseller": isp.ctg.pk}).content.decode()
    assert _offered(html, "interface") == ["choose an interface"]
    assert "choose the router first" in _offered(html, "router")
    chosen = {"reseller": isp.ctg.pk, "router": isp.silent.pk}
    html = as_noc.get(url, chosen).content.decode()
    assert len(_offered(html, "interface")) == 261
    assert f'<option value="{isp.ctg.pk}" selected>' in html
    assert f'<option value="{isp.silent.pk}" selected>' in html


def test_an_interface_of_the_chosen_router_is_mapped(
    isp: "Isp", many_interfaces: "list[Interface]", as_noc: "Client"
) -> None:
    from resellers.models import Mapping

    last = many_interfaces[-1]
    values: dict[str, object] = {
        "reseller": isp.ctg.pk,
        "router": isp.silent.pk,
        "interface": last.pk,
    }
    values |= {"vlan_id": "", "carries": "Internet", "side": "reseller"}
    as_noc.post(reverse("admin:resellers_mapping_add"), values)
    made = Mapping.objects.get(interface=last)
    assert (made.router, made.vlan_id) == (isp.silent, last.vlan_id)


def test_a_form_that_is_refused_offers_the_same_interfaces_again(
    isp: "Isp", many_interfaces: "list[Interface]", as_noc: "Client"
) -> None:
    values: dict[str, object] = {
        "reseller": isp.ctg.pk,
        "router": isp.silent.pk,
        "interface": many_interfaces[-1].pk,
    }
    values |= {"vlan_id": "9999", "carries": "Internet", "side": "reseller"}
    html = as_noc.post(reverse("admin:resellers_mapping_add"), values).content.decode()
    assert "VLAN 9999 is impossible" in html
    assert f'<option value="{many_interfaces[-1].pk}" data-vlan="1259" selected>' in html


def test_few_interfaces_are_offered_at_once(isp: "Isp", as_noc: "Client") -> None:
    html = as_noc.get(reverse("admin:resellers_mapping_add")).content.decode()
    assert "ether1 · alias of ether1" in _offered(html, "interface")
    assert _offered(html, "router") == []


@pytest.mark.parametrize("value", [None, "2", "a"])
def test_a_long_select_is_written_as_django_writes_one(value: str | None) -> None:
    choices = [("", "none"), (1, "one"), ("a", HOSTILE), (HOSTILE, [(2, "two"), (3, HOSTILE)])]
    ours, stock = (kind(attrs={"id": "x", "data-y": True}) for kind in (LongSelect, forms.Select))
    ours.choices = stock.choices = choices
    written = [each.render("name", value, {"required": True}) for each in (ours, stock)]
    assert _plain(written[0]) == _plain(written[1])


def _plain(html: str) -> str:
    return "".join(line.strip() for line in html.splitlines())


# ---- the overview


def test_a_strip_of_many_shows_the_worst(many_routers: "list[Router]", as_noc: "Client") -> None:
    html = as_noc.get(reverse("admin:index")).content.decode()
    tile = html.partition('data-live="routers"')[2].partition("</section>")[0]
    assert tile.count('class="cell') == 100
    first = tile.partition('class="cell ')[2]
    assert first.startswith("critical")
    assert "many-129: No answer for 1" in tile
    assert "of 132 up" in tile


@pytest.mark.parametrize("polled", [True, False])
@pytest.mark.parametrize(
    "said",
    [
        {},
        {"ping": {}},
        {"api": {}},  # the method is not in use
        {"snmp": {}},
        {"ping": {}, "snmp": {}},
        {"ping": {"state": "failed", "error": "no answer"}},
        {"ping": {"state": "failed"}, "snmp": {}},
        {"ping": {"state": "unknown", "error_kind": "uplink"}, "snmp": {}},
        {"ping": {"state": "unknown"}},
        {"ping": {"flips": "1772452000,1772452700", "flapping_since": NOON}, "snmp": {}},
    ],
)
def test_the_overview_says_of_a_router_what_its_page_says(
    isp: "Isp", said: dict[str, dict[str, object]], polled: bool
) -> None:
    from dashboards import fleet
    from routers.models import Router, RouterCheck
    from routers.pages.states import health

    router = Router.objects.create(
        name="zz", address="10.8.0.1", snmp_community="x", is_polled=polled, polled_at=NOON
    )
    times = {"since": NOON - timedelta(hours=1), "checked_at": NOON}
    for method, values in said.items():
        RouterCheck.objects.create(
            router=router, method=method, **({"state": "ok"} | times | values)
        )
    assert fleet.look().healths[-1] == health(router, router.checks.all(), NOON)


def test_kept_sums_are_those_of_the_rows(isp: "Isp", frozen_clock: Callable[..., None]) -> None:
    from dashboards import queries

    span = (NOON - timedelta(hours=30), NOON)
    read = queries.totals(*span)
    assert len(read) > 200
    assert queries.totals(*span) == read
    part = queries.totals(NOON - timedelta(hours=5, minutes=35), NOON - timedelta(minutes=20))
    assert part == {at: read[at] for at in part}
    assert len(part) == (5 * 60 + 15) // 5


def test_what_comes_late_to_the_last_hours_counts_at_once(isp: "Isp") -> None:
    from dashboards import queries
    from resellers.models import Usage

    span = (NOON - timedelta(hours=6), NOON)
    before = queries.totals(*span)
    late = NOON - timedelta(minutes=50)
    Usage.objects.filter(bucket=late).update(out_bps=1)
    assert queries.totals(*span)[late] == 2 != before[late]
