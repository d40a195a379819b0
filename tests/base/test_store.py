"""Writing series on each vendor: new rows once, known rows never doubled."""

import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.db import IntegrityError, connection, transaction

from ispcore.base.timeseries import store
from ispcore.base.timeseries.samples import Samples
from routers.hooks import FinishedBucket
from routers.models import Interface, InterfaceUsage, Router

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)


@pytest.fixture
def interface(db: None) -> Interface:
    return an_interface()


def an_interface() -> Interface:
    router = Router.objects.create(name="utt-edge-01", address="10.88.4.1")
    return Interface.objects.create(
        router=router, name="vlan-312", index=1, first_seen_at=NOON, last_seen_at=NOON
    )


def row(interface: Interface, slot: int, octets: int | None = 1_000) -> tuple[Any, ...]:
    at = NOON + timedelta(minutes=5 * slot)
    rate = None if octets is None else octets * 8 // 300
    return (interface.pk, at, octets, octets, rate, rate, 300, 0, "snmp")


def insert(rows: list[tuple[Any, ...]]) -> list[Any]:
    with transaction.atomic():
        return store.insert(InterfaceUsage, FinishedBucket._fields, rows)


def stored() -> dict[datetime, int | None]:
    return dict(InterfaceUsage.objects.values_list("bucket", "in_octets"))


def test_nothing_is_written_for_nothing(db: None) -> None:
    assert insert([]) == []


def test_a_batch_of_new_rows_is_stored_whole(interface: Interface) -> None:
    rows = [row(interface, slot) for slot in range(3)]
    assert insert(rows) == rows
    assert stored() == {NOON + timedelta(minutes=5 * slot): 1_000 for slot in range(3)}


def test_a_gap_is_stored_as_null_and_not_as_zero(interface: Interface) -> None:
    insert([row(interface, 0, None)])
    assert stored() == {NOON: None}


def test_rows_that_are_there_already_are_kept_and_not_returned(interface: Interface) -> None:
    insert([row(interface, 0), row(interface, 1)])
    new = insert([row(interface, slot, 9_999) for slot in (0, 1, 2)])
    assert [tuple(each) for each in new] == [row(interface, 2, 9_999)]
    assert list(stored().values()) == [1_000, 1_000, 9_999]


def test_a_row_twice_in_one_batch_is_stored_once(interface: Interface) -> None:
    assert len(insert([row(interface, 0), row(interface, 0, 7)])) == 1
    assert stored() == {NOON: 1_000}


def test_two_batches_with_known_rows_in_one_transaction(interface: Interface) -> None:
    insert([row(interface, 0)])
    with transaction.atomic():
        for slot in (1, 2):
            rows = [row(interface, 0), row(interface, slot)]
            assert len(store.insert(InterfaceUsage, FinishedBucket._fields, rows)) == 1
    assert len(stored()) == 3


def test_a_row_that_breaks_another_rule_is_not_swallowed(interface: Interface) -> None:
    broken = (*row(interface, 0)[:6], None, 0, "snmp")  # covered_s is never null
    with pytest.raises(IntegrityError):
        insert([broken])
    assert stored() == {}


def test_what_is_rolled_back_leaves_nothing(interface: Interface) -> None:
    with transaction.atomic():
        store.insert(InterfaceUsage, FinishedBucket._fields, [row(interface, 0)])
        transaction.set_rollback(True)
    assert stored() == {}


def test_two_writers_of_the_same_rows_store_them_once(transactional_db: None) -> None:
    interface = an_interface()
    start = threading.Barrier(2)
    new: list[int] = []

    def write() -> None:
        start.wait()
        new.append(len(insert([row(interface, slot) for slot in range(200)])))
        connection.close()

    threads = [threading.Thread(target=write) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(new) == 200
    assert len(stored()) == 200


def samples(rows: list[tuple[Any, ...]]) -> set[datetime]:
    with transaction.atomic():
        return Samples.of(rows).insert(InterfaceUsage, FinishedBucket._fields)


def test_columns_are_stored_as_the_rows_that_they_are(interface: Interface) -> None:
    """Gaps among them, sources of other length, and numbers that fill their columns."""
    rows = [
        (*row(interface, slot, None if slot % 7 == 0 else slot)[:-1], "api" if slot < 9 else "snmp")
        for slot in range(6_000)
    ]
    most = 2**63 - 1
    rows += [(interface.pk, NOON - timedelta(days=1), 0, most, most, 0, 32767, 32767, "demo")]
    assert list(Samples.of(rows)) == rows
    assert samples(rows) == {each[1] for each in rows}
    found = InterfaceUsage.objects.order_by("bucket").values_list(*FinishedBucket._fields)
    assert list(found) == sorted(rows, key=lambda each: each[1])


def test_columns_that_are_there_already_are_kept_and_not_returned(interface: Interface) -> None:
    insert([row(interface, 0), row(interface, 1)])
    new = samples([row(interface, slot, 9_999) for slot in (0, 1, 2, 2)])
    assert new == {NOON + timedelta(minutes=10)}
    assert list(stored().values()) == [1_000, 1_000, 9_999]
    assert samples([row(interface, 0), row(interface, 1)]) == set()
    assert samples([]) == set()


def test_columns_go_to_another_table_under_another_key(interface: Interface) -> None:
    other = Interface.objects.create(
        router=interface.router, name="vlan-313", index=2, first_seen_at=NOON, last_seen_at=NOON
    )
    given = Samples.of([row(interface, 0), row(interface, 1), row(interface, 2)])
    moved = given.under([other.pk, 0, other.pk])
    assert list(moved) == [row(other, 0), row(other, 2)]
    assert moved.keys == [other.pk, other.pk]
    assert given.keys == [interface.pk] * 3


@pytest.mark.parametrize("text", ["a\tb", "a\nb", "\\N", "\\.", "a\rb", "é\\", ""])
def test_any_text_comes_back_as_it_was(interface: Interface, text: str) -> None:
    insert([(*row(interface, 0)[:-1], text)])
    assert InterfaceUsage.objects.get().source == text
