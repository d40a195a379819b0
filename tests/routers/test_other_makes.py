"""Routers of other makes, by SNMP only: entered, known for what they are, polled, mapped."""

import time
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.test import override_settings

from resellers.forms import MappingForm
from routers import targets
from routers.models import Interface, InterfaceUsage, Router, RouterCheck
from routers.operations import collection, connection, discovery
from tests.protocols.test_recorded_devices import RECORDINGS, UNCOUNTED, with_uptime
from tests.routers.conftest import BY, MakePlace, Place

ByName = Callable[[str], Place]
needs_recordings = pytest.mark.skipif(
    not RECORDINGS.is_dir(), reason="the recorded devices are not beside the checkout"
)


@pytest.fixture
def recorded(place: MakePlace, tmp_path: Path) -> ByName:
    """recorded(device) is a router that answers as the recording, with nothing but a community."""

    def enter(device: str) -> Place:
        spec = {"recording": str(with_uptime(device, tmp_path)), "community": "*"}
        return place(spec=spec, counter_source="snmp", api_user="", snmp_community="public")

    return enter


@needs_recordings
@pytest.mark.parametrize(
    ("device", "what"),
    [
        ("ios_stp-vlans", ("Cisco", "C2960S", "IOS", "15.2(2a)E1")),
        ("vrp_ne", ("Huawei", "", "VRP", "")),
        ("apc_smt750x-nmc2", ("APC", "Smart-UPS X 750", "", "v7.0.8")),
        ("huaweiups_ups2000", ("Huawei", "UPS2000 6kVA", "", "V100R001C00SPC602")),
        ("routeros_rb760igs", ("MikroTik", "RB760iGS", "RouterOS", "7.1.1")),
    ],
)
def test_a_router_of_any_make_is_polled_by_snmp_alone(
    recorded: ByName, device: str, what: tuple[str, str, str, str]
) -> None:
    one = recorded(device)
    summary = collection.collect()
    assert (summary.answered, summary.failed) == (1, [])
    router = Router.objects.get()
    assert (router.vendor, router.board, router.os_name, router.os_version) == what
    assert router.sys_object_id.startswith("1.3.6.1.4.1.")
    assert one.last_poll().result == "ok"
    assert {check.method: check.state for check in router.checks.all()} == {"snmp": "ok"}
    uncounted = set(Interface.objects.filter(counter_bits=0).values_list("name", flat=True))
    assert uncounted == UNCOUNTED.get(device, set())
    read = Interface.objects.filter(counters__isnull=False)
    assert not read.filter(name__in=uncounted).exists()
    assert read.count() == Interface.objects.count() - len(uncounted)


@needs_recordings
def test_the_discontinuity_time_is_stored_where_the_model_has_it(recorded: ByName) -> None:
    recorded("vrp_ne"), recorded("routeros_rb760igs")
    collection.collect()
    known = Interface.objects.filter(counters__discontinuity_ticks__isnull=False)
    assert set(known.values_list("router__vendor", flat=True)) == {"Huawei"}


@needs_recordings
def test_the_recorded_rate_is_the_rate_on_the_page(place: MakePlace) -> None:
    recording = str(RECORDINGS / "rates_synthetic.snmprec")
    place(spec={"recording": recording, "community": "*"}, counter_source="snmp", api_user="")
    time.sleep(1.6)  # past the wrap of the 64-bit counter of what goes out
    collection.collect()
    time.sleep(2.0)
    collection.collect()
    (port,) = Interface.objects.select_related("counters")
    assert port.counters.in_bps == pytest.approx(100_000_000, rel=0.02)
    assert port.counters.out_bps == pytest.approx(50_000_000, rel=0.02)
    assert not InterfaceUsage.objects.exclude(quality=0).exists()


@needs_recordings
def test_a_vlan_by_name_is_offered_to_the_mapping_and_taken_by_nobody(recorded: ByName) -> None:
    one = recorded("vrp_ne")
    discovery.discover(one.router, by=BY)
    sub = one.interface("GigabitEthernet0/3/11.1673")
    assert (sub.vlan_id, sub.vlan_by_name) == (None, 1673)
    html = str(MappingForm()["interface"])
    words = f"{sub.name} · VLAN 1673 by its name · {sub.alias}"
    assert f'<option value="{sub.pk}" data-vlan="1673">{words}</option>' in html
    form = MappingForm({"interface": str(sub.pk), "vlan_id": ""})
    assert not form.is_valid()  # a reseller is missing; the rest is read all the same
    assert form.cleaned_data["vlan_id"] is None


@needs_recordings
def test_the_connection_test_says_what_answers(recorded: ByName) -> None:
    steps = connection.test(recorded("ios_stp-vlans").router)
    assert [step.ok for step in steps] == [None, None, True]
    assert "Cisco C2960S, 34 interfaces" in steps[2].words


@needs_recordings
def test_add_router_needs_no_api_user(recorded: ByName, monkeypatch: pytest.MonkeyPatch) -> None:
    port = recorded("ios_stp-vlans").router.snmp_port
    Router.objects.all().delete()
    monkeypatch.setenv("ROUTER_SNMP_COMMUNITY", "public")
    out = StringIO()
    call_command("add_router", "sw-1", "127.0.0.1", "--snmp-port", str(port), stdout=out)
    assert "sw-1: Cisco C2960S, IOS 15.2(2a)E1\nsw-1: 34 interfaces: Vl1, " in out.getvalue()
    router = Router.objects.get()
    assert (router.counter_source, router.uses_api) == ("snmp", False)
    assert RouterCheck.objects.filter(method="api").count() == 0


def test_what_snmp_told_stays_where_the_api_is_asked(edge: Place) -> None:
    edge.router.refresh_from_db()
    told = (edge.router.sys_object_id, edge.router.vendor, edge.router.os_name)
    assert told == ("1.3.6.1.4.1.14988.1", "MikroTik", "RouterOS")
    edge.change(snmp_community="wrong")
    discovery.discover(edge.router, by=BY)
    edge.router.refresh_from_db()
    assert (edge.router.sys_object_id, edge.router.vendor, edge.router.os_name) == told


def test_a_mikrotik_is_not_asked_for_what_it_does_not_have(edge: Place) -> None:
    edge.router.refresh_from_db()
    asked = targets.wanted(edge.router, Interface.objects.all())
    assert {one.discontinuity for one in asked} == {False}
    assert {one.discontinuity for one in targets.wanted(Router(), Interface.objects.all())} == {
        True
    }


# ---- models of one's own


@pytest.fixture
def fresh_models() -> Any:
    def forget() -> None:
        targets.device_models.cache_clear()
        targets._chosen.cache_clear()

    forget()
    yield forget
    forget()


def test_a_model_of_ones_own_is_used(place: MakePlace, tmp_path: Path, fresh_models: Any) -> None:
    own = tmp_path / "own.toml"
    own.write_text(
        '[[device]]\nsys_object_id = "1.3.6.1.4.1.14988.1"\nvendor = "Ours"\nmodel = "Box"\n'
        'speed_from = "none"\n'
    )
    with override_settings(DEVICE_MODELS=str(own)):
        one = place(api_user="")
        discovery.discover(one.router, by=BY)
    router = Router.objects.get()
    assert (router.vendor, router.board) == ("Ours", "Box")
    assert not Interface.objects.exclude(speed_bps=None).exists()


def test_a_faulty_file_stops_everything_at_the_start(tmp_path: Path, fresh_models: Any) -> None:
    own = tmp_path / "own.toml"
    own.write_text('[[device]]\nvendor = "x"\nsize = 3\n')
    with override_settings(DEVICE_MODELS=str(own)):
        faults = [each for each in run_checks() if each.id == "routers.E001"]
    assert [str(fault.msg).split(":")[0] for fault in faults] == ["own.toml, device 1 (x)"] * 2
    assert "sys_object_id is missing" in faults[1].msg
