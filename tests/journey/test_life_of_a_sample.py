"""docs/life-of-a-sample.md is true: what it names exists, and a sample takes the six hops."""

import ast
import re
import threading
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection

from ispcore import wiring
from ispcore.base import clock
from ispcore.base.audit import Actor
from ispcore.base.spool import Spool
from ispcore.live import topics
from ispcore.live.models import LiveEvent
from ispcore.protocols.interfaces import CounterReading
from lab.spec import RouterSpec, VlanSpec
from lab.testing import RunningLab, running_lab
from monitoring.models import Alert, Rule
from resellers.models import Mapping, Plan, Reseller, Usage, UsageDaily, UsageHourly
from resellers.operations import mappings, plans, resellers, usage
from routers import hooks
from routers.models import Interface, InterfaceUsage, Router
from routers.operations import collection, routers
from routers.operations import plan as plan_of_polls
from routers.operations.collector import Collector
from routers.operations.poll_records import PollRecord
from routers.operations.polling_rounds import Poller
from routers.operations.reading import read_all
from tests.routers.conftest import five_minutes_pass

PROJECT = Path(__file__).resolve().parents[2]
DOCUMENT = PROJECT / "docs" / "life-of-a-sample.md"
BY = Actor("test")
VLAN = "vlan312"
IN_OCTETS, OUT_OCTETS = 7_500_000, 75_000_000  # in 5 minutes: 200 kbps up, 2 Mbps down
PLAN_BPS = 1_000_000


# ---- what the document names


def hops() -> list[str]:
    """The text of each numbered hop."""
    return re.split(r"^\d\. ", DOCUMENT.read_text(), flags=re.MULTILINE)[1:]


def files_in(text: str) -> list[Path]:
    """Every path in backticks; one that is shortened is found by its end."""
    named = re.findall(r"`([\w./-]+(?:\.(?:py|js)|/snmp))`", text)
    return [found for name in named for found in [_file(name)]]


def _file(name: str) -> Path:
    if (PROJECT / name).exists():
        return PROJECT / name
    tops = ("routers", "resellers", "monitoring", "ispcore")
    found = [path for top in tops for path in (PROJECT / top).rglob(name)]
    assert len(found) == 1, f"{name} is {len(found)} files"
    return found[0]


def functions_of(path: Path) -> set[str]:
    sources = sorted(path.glob("*.py")) if path.is_dir() else [path]
    return {
        node.name
        for source in sources
        if source.suffix == ".py"
        for node in ast.walk(ast.parse(source.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def test_there_are_six_hops() -> None:
    assert len(hops()) == 6


@pytest.mark.parametrize("number", range(1, 7))
def test_every_file_and_function_of_a_hop_exists(number: int) -> None:
    text = hops()[number - 1]
    files = files_in(text)
    assert files
    known = {name for path in files for name in functions_of(path)}
    named = set(re.findall(r"`(\w+)\(", text))
    assert named <= known, f"not in {[path.name for path in files]}: {named - known}"


# ---- the walk


@pytest.fixture
def lab_router(
    transactional_db: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Router, RunningLab]]:
    monkeypatch.setattr(collection, "SECOND_LOOK_S", 0.05)
    spec = RouterSpec(name="utt-edge-01", vlans=(VlanSpec(VLAN, 312, "sfp-sfpplus2"),))
    with running_lab([spec]) as lab:
        device = lab.routers["utt-edge-01"]
        router = Router(
            name="utt-edge-01",
            address=device.spec.address,
            ping_method=Router.PingMethod.OFF,
            snmp_port=device.snmp_port,
            snmp_community=device.spec.community,
        )
        yield routers.save(router, by=BY), lab
        time.sleep(0.03)  # for the lab to see that we hung up


@pytest.fixture
def mapping(lab_router: tuple[Router, RunningLab]) -> Mapping:
    """The reseller's VLAN, read once, with five minutes to go until the next reading."""
    at_once = {"metric": "reseller.utilisation_percent", "warning": 80, "critical": 100, "for_s": 0}
    Rule.objects.update_or_create(name="Reseller over its plan", defaults=at_once)
    collection.collect()
    plan = plans.save(Plan(name="Tiny", down_bps=PLAN_BPS, up_bps=PLAN_BPS), by=BY)
    reseller = resellers.create("Dhaka Fibre", plan=plan, by=BY)
    interface = Interface.objects.get(name=VLAN)
    a_day_ago = clock.now() - timedelta(days=1)
    made = mappings.add(reseller, interface=interface, started_at=a_day_ago, by=BY)
    five_minutes_pass()
    _, lab = lab_router
    status = lab.control("status")["routers"]["utt-edge-01"]["interfaces"]
    now = next(row for row in status if row["name"] == VLAN)
    lab.control(
        "preset",
        router="utt-edge-01",
        interface=VLAN,
        rx=now["rx_octets"] + IN_OCTETS,
        tx=now["tx_octets"] + OUT_OCTETS,
    )
    return made


class Heard:
    """The live events of this test, as the web process' listener gets them."""

    def __init__(self) -> None:
        if connection.vendor == "postgresql":
            with connection.cursor() as cursor:
                cursor.execute("LISTEN live")
        self._before = LiveEvent.objects.count()

    def names(self) -> set[str]:
        if connection.vendor != "postgresql":
            rows = LiveEvent.objects.order_by("pk")[self._before :]
            return {f"{row.topic}|{row.key}" for row in rows}
        heard = connection.connection.notifies(timeout=1.0)
        return {notice.payload for notice in heard}


def test_a_sample_goes_from_the_counter_to_the_page(mapping: Mapping, tmp_path: Path) -> None:
    reseller, heard = mapping.reseller, Heard()
    _hop_2_the_router_is_read()

    spool = Spool(tmp_path, most_octets=10**6)
    here = Collector(spool, tmp_path / "plan", Poller(spool, 300, threading.Event()))
    here.turn()
    here.poller.poll()
    _hop_1_the_reading_is_on_disk_before_it_is_stored(spool)
    here.turn()
    assert not spool.names()
    spool.close()
    _hop_3_a_bucket_is_finished(mapping.interface)
    _hop_4_it_is_the_resellers_usage_and_judged(mapping)
    assert f"reseller|{reseller.pk}" in heard.names()
    _hop_5_the_page_is_rendered(reseller)


def test_the_browser_is_sent_what_live_js_expects() -> None:
    """Hop 6 in a browser: tests/live, tests/look and tests/journey/test_main_job.py."""
    script = (PROJECT / "static/ispcore/live.js").read_text()
    for word in ("frames", "spots", "data-live", "morph"):
        assert word in script


def _hop_1_the_reading_is_on_disk_before_it_is_stored(spool: Spool) -> None:
    (name,) = spool.names()
    (line,) = spool.lines(name)
    record = PollRecord.from_json(line)
    assert record.result == "ok"
    assert record.rows


def _hop_2_the_router_is_read() -> None:
    (attempt,) = read_all(plan_of_polls.load())
    assert isinstance(attempt.reading, CounterReading)
    assert attempt.source == "snmp"
    assert VLAN in {row.name for row in attempt.reading.rows}


def _hop_3_a_bucket_is_finished(interface: Interface) -> None:
    wiring.connect()
    assert hooks.listeners == [usage]
    sample = InterfaceUsage.objects.filter(interface=interface).latest("bucket")
    assert sample.bucket.timestamp() % 300 == 0
    assert sample.in_octets is not None


def _hop_4_it_is_the_resellers_usage_and_judged(mapping: Mapping) -> None:
    sample = Usage.objects.filter(mapping=mapping).latest("bucket")
    twin = InterfaceUsage.objects.get(interface=mapping.interface, bucket=sample.bucket)
    assert (sample.in_octets, sample.out_octets) == (twin.in_octets, twin.out_octets)
    for rollup in (UsageHourly, UsageDaily):
        rolled = rollup.objects.filter(mapping=mapping)
        assert sum(row.out_octets for row in rolled) >= (sample.out_octets or 0) > 0
    alert = Alert.objects.get(subject_kind="resellers.reseller", subject_id=mapping.reseller_id)
    assert (alert.severity, alert.state) == ("critical", "open")
    assert "of 1" in alert.summary


def _hop_5_the_page_is_rendered(reseller: Reseller) -> None:
    topic = topics.get("reseller")
    assert topic is not None
    current = topic.spots(str(reseller.pk))["current"]
    down = re.search(r"<b>([\d.]+)</b> <i>of 1\WMbps</i>", current)
    assert down is not None, current
    assert float(down[1]) == pytest.approx(2, rel=0.1)  # a slow machine reads some seconds later
