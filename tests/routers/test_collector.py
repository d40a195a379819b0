"""The collector: what it read while nobody could store it, in order, once, and told."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import connection

from ispcore.base import clock, leases, shares
from ispcore.base.models import Heartbeat
from ispcore.base.spool import InUse, Spool
from monitoring.models import Alert, Rule
from routers.models import Collector as Row
from routers.models import InterfaceUsage, Poll
from routers.operations import collection, plan, poll_records
from routers.operations import collector as collectors
from routers.operations.collector import Collector
from routers.operations.poll_records import PollRecord
from routers.operations.polling_rounds import Poller
from routers.operations.reading import read_all
from tests.routers.conftest import MakePlace, Place, five_minutes_pass

PERIOD_S = 300
Open = Callable[[], Collector]


@pytest.fixture(autouse=True)
def _always_speaks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each turn gives a sign of life, not one every ten seconds."""
    monkeypatch.setattr(collectors, "BEAT_S", 0.0)


@pytest.fixture
def open_one(tmp_path: Path) -> Iterator[Open]:
    """open_one() is what the next process on this node is; the one before is gone."""
    opened: list[Collector] = []

    def make() -> Collector:
        for before in opened:
            before.spool.close()
        spool = Spool(tmp_path, most_octets=10**8)
        opened.append(
            Collector(spool, tmp_path / "plan", Poller(spool, PERIOD_S, threading.Event()))
        )
        return opened[-1]

    yield make
    for each in opened:
        each.spool.close()


def test_what_is_polled_is_stored_and_the_spool_is_empty(edge: Place, open_one: Open) -> None:
    here = open_one()
    here.turn()
    five_minutes_pass()
    edge.traffic("vlan101", rx=3_000, tx=4_000)
    here.poller.poll()
    assert len(here.spool.names()) == 1
    here.turn()
    assert here.spool.names() == []
    assert edge.counted("vlan101") == (3_000, 4_000)
    row = Row.objects.get()
    assert (row.routers, row.answered, row.spool_batches, row.share) == (1, 1, 0, "share 1 of 1")
    assert Heartbeat.objects.filter(name="collector").exists()


def test_batches_of_an_earlier_process_are_stored_in_order_each_with_its_rate(
    edge: Place, open_one: Open
) -> None:
    here = open_one()
    here.turn()
    before = Poll.objects.count()
    for octets in (1_000, 2_000, 3_000):
        five_minutes_pass_for_readings(here)
        edge.traffic("vlan101", rx=octets, tx=octets)
        here.poller.poll()
    assert edge.counted("vlan101") == (0, 0)
    later = open_one()
    assert len(later.spool.names()) == 3
    later.turn()
    assert later.spool.names() == []
    assert edge.counted("vlan101") == (6_000, 6_000)
    assert Poll.objects.count() == before + 3


def five_minutes_pass_for_readings(here: Collector) -> None:
    """The batches that wait were read five minutes earlier than they were."""
    for name in here.spool.names():
        records = [PollRecord.from_json(line) for line in here.spool.lines(name)]
        for record in records:
            record.at_s -= PERIOD_S
            record.taken_at_s = (record.taken_at_s or 0) - PERIOD_S
            record.uptime_ticks -= PERIOD_S * 100
            record.rows = poll_records.pack(
                row._replace(
                    at_ms=row.at_ms - PERIOD_S * 1000,
                    uptime_ticks=row.uptime_ticks - PERIOD_S * 100,
                )
                for row in poll_records.unpack(record.rows)
            )
        _rewrite(here.spool, name, [record.to_json() for record in records])
    five_minutes_pass()


def _rewrite(spool: Spool, name: str, lines: list[bytes]) -> None:
    import zlib

    content = b"".join(b"%08x %b\n" % (zlib.crc32(line), line) for line in lines)
    (spool._directory / name).write_bytes(content)


def test_a_batch_that_was_stored_before_the_crash_is_not_counted_again(
    edge: Place, open_one: Open, tmp_path: Path
) -> None:
    here = open_one()
    here.turn()
    five_minutes_pass()
    edge.traffic("vlan101", rx=3_000, tx=4_000)
    here.poller.poll()
    (name,) = here.spool.names()
    copy = (tmp_path / name).read_bytes()
    here.turn()
    polls, samples = Poll.objects.count(), InterfaceUsage.objects.count()
    (tmp_path / name).write_bytes(copy)  # killed between the commit and the removal of the file
    later = open_one()
    later.turn()
    assert later.spool.names() == []
    assert edge.counted("vlan101") == (3_000, 4_000)
    assert (Poll.objects.count(), InterfaceUsage.objects.count()) == (polls, samples)


def test_what_another_collector_read_meanwhile_makes_late_batches_harmless(
    edge: Place, open_one: Open
) -> None:
    here = open_one()
    here.turn()
    edge.traffic("vlan101", rx=1_000, tx=1_000)
    here.poller.poll()
    edge.traffic("vlan101", rx=2_000, tx=2_000)
    collection.collect()
    edge.traffic("vlan101", rx=4_000, tx=4_000)
    collection.collect()
    open_one().turn()
    assert edge.counted("vlan101") == (7_000, 7_000)


def test_a_batch_that_cannot_be_stored_holds_up_no_other_and_alerts(
    edge: Place, open_one: Open, tmp_path: Path
) -> None:
    here = open_one()
    here.turn()
    here.spool.put([b'{"not": "a record"}'])
    edge.traffic("vlan101", rx=3_000, tx=4_000)
    here.poller.poll()
    here.turn()
    assert here.spool.names() == []
    assert edge.counted("vlan101") == (3_000, 4_000)
    assert len(list(tmp_path.glob("*.refused"))) == 1
    assert Row.objects.get().refused == 1
    alert = Alert.objects.get(rule__name="Readings were lost")
    assert alert.summary == (
        "Readings lost: 1 refused by the database; later readings hold their traffic"
    )


def test_a_batch_that_the_database_refuses_is_put_aside_once_another_is_stored(
    edge: Place, open_one: Open, tmp_path: Path
) -> None:
    here = open_one()
    here.turn()
    poison = PollRecord(edge.router.pk, 1.0, "snmp", "ok", wanted=1, got=2)  # more than was asked
    here.spool.put([poison.to_json()])
    for _ in range(collectors.TRIES + 2):
        here.turn()
    assert len(here.spool.names()) == 1, "nothing else was stored: the database may be to blame"
    edge.traffic("vlan101", rx=3_000, tx=4_000)
    here.poller.poll()
    here.turn()
    assert here.spool.names() == []
    assert edge.counted("vlan101") == (3_000, 4_000)
    assert len(list(tmp_path.glob("*.refused"))) == 1


def test_a_database_that_refuses_everything_loses_nothing(
    edge: Place, open_one: Open, tmp_path: Path
) -> None:
    """A migration that is missing, a right that was lost: nothing of it is the readings' fault."""
    here = open_one()
    here.turn()
    for _ in range(4):
        edge.traffic("vlan101", rx=1_000, tx=1_000)
        here.poller.poll()
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE router_polls RENAME TO elsewhere")
    for _ in range(8):
        here.turn()
    assert len(here.spool.names()) == 4
    with connection.cursor() as cursor:
        cursor.execute("ALTER TABLE elsewhere RENAME TO router_polls")
    here.turn()
    assert here.spool.names() == []
    assert edge.counted("vlan101") == (4_000, 4_000)
    assert not list(tmp_path.glob("*.refused"))


def test_what_waits_for_longer_than_a_period_is_kept_on_disk_only(
    edge: Place, open_one: Open
) -> None:
    here = open_one()
    here.turn()
    here.poller.poll()
    here.poller.rounds[0].began_s -= 2 * PERIOD_S
    edge.traffic("vlan101", rx=1_000, tx=1_000)
    here.poller.poll()
    assert list(here.poller.fresh) == here.spool.names()[1:]
    assert len(here.poller.rounds) == 1
    here.turn()
    assert here.spool.names() == []
    assert edge.counted("vlan101") == (1_000, 1_000)


def test_waiting_readings_alert_with_their_age_and_resolve_once_stored(
    edge: Place, open_one: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    Rule.objects.filter(name="Readings wait for the database").update(warning=0.0001)
    here = open_one()
    here.turn()
    here.poller.poll()
    with monkeypatch.context() as halted:  # it lives, but gets no batch delivered
        halted.setattr(here.poller.stop, "is_set", lambda: True)
        here.turn()
    row = Row.objects.get()
    assert row.spool_batches == 1
    assert row.spool_oldest_at is not None
    alert = Alert.objects.get(rule__name="Readings wait for the database")
    assert alert.subject == f"Collector {row.node}"
    assert alert.summary.startswith("1 batch waits for the database, the oldest for")
    here.turn()
    alert.refresh_from_db()
    assert alert.state == "resolved"


def test_without_a_database_the_kept_plan_is_polled(
    edge: Place, open_one: Open, tmp_path: Path
) -> None:
    open_one().turn()
    assert b"public" not in (tmp_path / "plan").read_bytes()
    assert (tmp_path / "plan").stat().st_mode & 0o777 == 0o600
    works = plan.kept(tmp_path / "plan")
    assert [work.router.name for work in works] == [edge.router.name]
    assert works[0].router.snmp_community == edge.router.snmp_community
    (attempt,) = read_all(works)
    assert attempt.reading is not None
    assert {row.name for row in attempt.reading.rows} >= {"vlan101", "vlan102", "vlan103"}


@pytest.mark.parametrize("content", [b"", b"garbage", b"gAAAAAB"])
def test_a_plan_that_cannot_be_read_is_no_plan(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "plan").write_bytes(content)
    assert plan.kept(tmp_path / "plan") == []


def test_two_collectors_share_the_routers_and_the_survivor_takes_all(
    place: MakePlace, open_one: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    places = [place() for _ in range(6)]
    collection.collect()
    monkeypatch.setattr(shares, "me", lambda: "other:1")
    shares.join("collector", ttl_s=30)
    monkeypatch.setattr(shares, "me", leases.me)
    here = open_one()
    here.turn()
    ours = {work.router.pk for work in here.poller.works}
    assert 0 < len(ours) < len(places)
    shares_of_the_gone = clock.now() + timedelta(seconds=31)
    with clock.frozen(shares_of_the_gone):
        here.turn()
        assert {work.router.pk for work in here.poller.works} == {each.router.pk for each in places}


def test_a_new_router_is_discovered_and_has_a_rate_after_its_first_poll(
    place: MakePlace, open_one: Open
) -> None:
    edge = place()
    here = open_one()
    here.turn()
    here.poller.poll()
    here.turn()
    here.turn()
    assert edge.state("vlan101").in_bps == 0


def test_it_runs_by_itself_until_it_is_told_to_stop(
    shared_place: MakePlace, open_one: Open
) -> None:
    edge = shared_place()
    here = open_one()
    runs = threading.Thread(target=_run_and_hang_up, args=[here])
    runs.start()
    deadline = clock.monotonic_s() + 20
    while not Poll.objects.filter(router=edge.router).exists():
        assert clock.monotonic_s() < deadline
        here.poller.stop.wait(0.1)
    here.halt()
    runs.join(10)
    assert not runs.is_alive()


def _run_and_hang_up(here: Collector) -> None:
    from django.db import connections

    here.run()
    connections.close_all()


def test_one_collector_runs_on_a_node(open_one: Open, tmp_path: Path) -> None:
    open_one()
    with pytest.raises(InUse):
        Spool(tmp_path, most_octets=1)
