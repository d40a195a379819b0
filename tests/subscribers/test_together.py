"""Many at the same time, and faults at each step: portal and FreeRADIUS agree afterwards."""

import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection, connections

from ispcore.base import unit_of_work
from ispcore.base.models import AuditEntry
from ispcore.base.unit_of_work import Scope, steps
from radius.models import Check
from subscribers.models import Package, Subscriber
from subscribers.operations import (
    binding,
    packages,
    passwords,
    periods,
    reconciling,
    statuses,
    subscribers,
)
from subscribers.operations.packages import PackageMoved
from subscribers.operations.reconciling import Extent
from subscribers.operations.units import StatusStands, SubscriberMoved
from subscribers.projector import MEMBERS
from tests.subscribers.conftest import BY, M, a_package, all_rows, checks, made

pytestmark = pytest.mark.django_db(transaction=True)
AT_ONCE = 50


def together(*changes: Callable[[], object]) -> list[object]:
    """Call them all at the same moment; what each returned, or the exception it raised."""
    start = threading.Barrier(len(changes))
    found: list[object] = [None] * len(changes)

    def run(number: int, change: Callable[[], object]) -> None:
        try:
            start.wait()
            found[number] = change()
        except Exception as error:  # noqa: BLE001 - it is what the test looks at
            found[number] = error
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=each) for each in enumerate(changes)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


def kinds(found: list[object]) -> list[str]:
    return sorted(type(each).__name__ for each in found)


def agree() -> bool:
    """By digest, for every username and package."""
    plan = reconciling.plan(Extent())
    return plan.differing == 0 and plan.foreign == []


def test_fifty_at_once_get_fifty_numbers(home: Package) -> None:
    found = together(*(partial(made, home, f"user{number}") for number in range(AT_ONCE)))
    assert kinds(found) == ["Subscriber"] * AT_ONCE, found
    numbers = Subscriber.objects.values_list("account_number", flat=True)
    wanted = {f"T{home.tenant_id}-{number:06}" for number in range(1, AT_ONCE + 1)}
    assert set(numbers) == wanted
    assert agree()


def test_of_names_that_mariadb_takes_for_one_the_first_wins(home: Package) -> None:
    names = ["rahim", "RAHIM", "Rahim", "rahiM", "rAhim", "raHim"]
    found = together(*(partial(made, home, name) for name in names))
    assert kinds(found) == ["Subscriber"] + ["ValidationError"] * 5, found
    assert Check.objects.filter(attribute="Cleartext-Password").count() == 1
    assert agree()


def test_of_two_who_suspend_one_is_told_that_it_is_done(home: Package) -> None:
    rahim = made(home)
    found = together(*[lambda: statuses.suspend(rahim, by=BY)] * 2)
    assert kinds(found) == ["StatusStands", "Subscriber"], found
    assert AuditEntry.objects.filter(action="suspend").count() == 1
    assert agree()


def test_two_operators_who_change_different_things_both_stand(home: Package) -> None:
    rahim = made(home)
    together(
        lambda: subscribers.edit(rahim, changes={"device_limit": 4}, by=BY),
        lambda: binding.bind_mac(rahim, mac="AA:BB:CC:00:11:22", by=BY),
        lambda: passwords.change_password(rahim, password="better-one", by=BY),
        lambda: periods.renew(rahim, by=BY),
    )
    found = checks("rahim")
    assert found["Simultaneous-Use"] == "4"
    assert found["Calling-Station-Id"] == "AA:BB:CC:00:11:22"
    assert found["Cleartext-Password"] == "better-one"
    assert agree()


def test_a_rename_and_a_deletion_leave_nothing_of_either_name(home: Package) -> None:
    for number in range(5):
        rahim = made(home, f"rahim{number}")
        found = together(
            partial(subscribers.rename, rahim, username=f"{rahim}x", by=BY),
            partial(subscribers.delete, rahim, by=BY),
        )
        assert any(isinstance(each, SubscriberMoved) for each in found), found
        assert agree()


def test_who_joins_a_package_as_it_changes_has_it_as_it_is(home: Package, hotspot: Package) -> None:
    """The rows of hotspot users are their own: nobody may join while they are written."""
    week = packages.create(
        a_package(home.tenant, "Week", service="hotspot", validity="days", validity_days=7), by=BY
    )
    for number in range(5):
        guest = made(hotspot, f"guest{number}")
        faster = {"down_bps": (30 + number) * M}
        found = together(
            partial(periods.change_package, guest, package=week, by=BY),
            partial(packages.edit, week, changes=faster, by=BY),
            partial(made, week, f"new{number}"),
        )
        assert not [each for each in found if isinstance(each, Exception)], found
        assert agree()


def test_a_package_that_goes_as_somebody_joins_is_gone_or_theirs(home: Package) -> None:
    rahim = made(home)
    for number in range(5):
        other = packages.create(a_package(home.tenant, f"Other {number}"), by=BY)
        together(
            partial(periods.change_package, rahim, package=other, by=BY),
            partial(packages.delete, other, by=BY),
        )
        there = Package.objects.filter(pk=other.pk).exists()
        assert there == (Subscriber.objects.get(pk=rahim.pk).package_id == other.pk)
        assert agree()


def test_a_package_that_somebody_else_changed_meanwhile_is_not_overwritten(home: Package) -> None:
    made(home)
    held, go_on = threading.Event(), threading.Event()

    def slow() -> None:
        def change() -> None:
            Package.objects.filter(pk=home.pk).update(device_limit=7)
            held.set()
            go_on.wait(3)

        unit_of_work.run("slow edit", Scope(MEMBERS, (str(home.pk),)), change)

    def second() -> None:
        held.wait(5)
        threading.Timer(1, go_on.set).start()
        packages.edit(home, changes={"price": 5}, by=BY)

    found = together(slow, second)
    assert kinds(found) == ["NoneType", "PackageMoved"], found
    assert isinstance(found[1], PackageMoved)
    assert checks("rahim")["Simultaneous-Use"] == "7"
    assert agree()


def test_a_refused_duplicate_is_told_by_the_database_too(home: Package) -> None:
    """What two checks at the same time both let through, the constraint does not."""
    rahim, karim = made(home), made(home, "karim")
    found = together(
        *(
            partial(subscribers.edit, each, changes={"ipv4": "10.1.1.1"}, by=BY)
            for each in (rahim, karim)
        )
    )
    assert kinds(found) == ["Subscriber", "ValidationError"], found
    assert agree()


# ---- faults


def every_change(home: Package, rahim: Subscriber) -> dict[str, Callable[[], Any]]:
    """One call of each operation on subscribers and packages."""
    fast = packages.create(a_package(home.tenant, "Home 80"), by=BY)
    slower = {"up_bps": M, "device_limit": 9}
    return {
        "create": lambda: made(home, "karim"),
        "edit": lambda: subscribers.edit(rahim, changes={"device_limit": 4}, by=BY),
        "rename": lambda: subscribers.rename(rahim, username="renamed", by=BY),
        "suspend": lambda: statuses.suspend(rahim, by=BY),
        "disable": lambda: statuses.disable(rahim, by=BY),
        "renew": lambda: periods.renew(rahim, by=BY),
        "extend": lambda: periods.extend(rahim, until=None, by=BY),
        "change package": lambda: periods.change_package(rahim, package=fast, by=BY),
        "change password": lambda: passwords.change_password(rahim, password="another", by=BY),
        "bind MAC": lambda: binding.bind_mac(rahim, mac="AA:BB:CC:00:11:22", by=BY),
        "delete": lambda: subscribers.delete(rahim, by=BY),
        "create package": lambda: packages.create(a_package(home.tenant, "New"), by=BY),
        "edit package": lambda: packages.edit(home, changes=slower, by=BY),
        "delete package": lambda: packages.delete(fast, by=BY),
    }


def portal_rows() -> list[list[tuple[Any, ...]]]:
    found = []
    with connection.cursor() as cursor:
        for table in ("network_users", "packages", "subscriber_status_changes", "audit_log"):
            cursor.execute(f"SELECT * FROM {table} ORDER BY id")  # noqa: S608
            found.append(cursor.fetchall())
    return found


@pytest.mark.parametrize("step", ["changed", "marked", "projected", "radius_committed"])
def test_a_fault_at_any_step_of_any_operation_leaves_both_as_they_were(
    home: Package, step: str
) -> None:
    changes = every_change(home, made(home))
    portal, radius = portal_rows(), all_rows()
    for name, change in changes.items():
        steps.stop_at(f"fail:{step}")
        try:
            with pytest.raises(steps.Stopped):
                change()
        finally:
            steps.stop_at("")
        unit_of_work.recover()
        assert all_rows() == radius, name
        assert portal_rows() == portal, name
    assert agree()


def test_what_was_stopped_can_be_done_afterwards(home: Package) -> None:
    for change in every_change(home, made(home)).values():
        try:
            change()
        except (SubscriberMoved, StatusStands, ValidationError):  # what went before decides
            continue
    assert agree()
