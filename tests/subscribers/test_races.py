"""Operators, packages and recovery at odds over the same subscribers: both databases agree in the end."""

import threading
from collections.abc import Iterator
from functools import partial

import pytest

from ispcore.base import unit_of_work
from ispcore.base.models import AuditEntry
from ispcore.base.unit_of_work import markers, steps
from subscribers.models import Package, Subscriber
from subscribers.operations import packages, passwords, periods, statuses, subscribers
from subscribers.operations.units import SubscriberMoved
from tests.harness.forks import Worker
from tests.subscribers.conftest import BY, M, a_subscriber, checks, group_rows, made, replies
from tests.subscribers.test_together import agree, kinds, together

pytestmark = pytest.mark.django_db(transaction=True)
MEMBERS, ROUNDS = 4, 4


@pytest.fixture(autouse=True)
def _no_stops() -> Iterator[None]:
    yield
    steps.stop_at("")


def test_a_package_and_its_subscribers_are_changed_at_the_same_time(hotspot: Package) -> None:
    """All rows of hotspot users are their own: the package's edit writes each of them anew."""
    lines = [made(hotspot, f"guest{number}") for number in range(MEMBERS)]
    for turn in range(ROUNDS):
        hotspot.down_bps = (30 + turn) * M
        password = f"password-{turn}"
        found = together(
            lambda: packages.edit(hotspot, by=BY),
            *(partial(passwords.change_password, line, password=password, by=BY) for line in lines),
        )
        assert kinds(found) == ["Package"] + ["Subscriber"] * MEMBERS, found
        for line in lines:
            assert replies(line.username)["Mikrotik-Rate-Limit"].endswith(f"/{30 + turn}M")
            assert checks(line.username)["Cleartext-Password"] == password
        assert agree()


def test_a_package_whose_rows_are_the_groups_does_not_wait_for_subscribers(home: Package) -> None:
    rahim = made(home)
    for turn in range(ROUNDS):
        home.down_bps = (30 + turn) * M
        found = together(
            lambda: packages.edit(home, by=BY),
            partial(subscribers.edit, rahim, changes={"device_limit": turn + 1}, by=BY),
        )
        assert kinds(found) == ["Package", "Subscriber"], found
        assert group_rows(home)["Mikrotik-Rate-Limit"].endswith(f"/{30 + turn}M")
        assert checks("rahim")["Simultaneous-Use"] == str(turn + 1)
        assert agree()


def test_two_operators_who_change_the_same_thing_follow_each_other(home: Package) -> None:
    rahim = made(home)
    together(
        *(
            partial(subscribers.edit, rahim, changes={"device_limit": limit}, by=BY)
            for limit in (3, 4, 5, 6)
        )
    )
    entries = AuditEntry.objects.filter(action="change", object_name="rahim").order_by("pk")
    told = [(entry.old["device_limit"], entry.new["device_limit"]) for entry in entries]
    assert len(told) == 4
    assert [old for old, _ in told] == [None, *(new for _, new in told[:-1])]
    assert Subscriber.objects.get(pk=rahim.pk).device_limit == told[-1][1]
    assert checks("rahim")["Simultaneous-Use"] == str(told[-1][1])
    assert agree()


def test_a_rename_a_deletion_and_a_newcomer_of_the_old_name(home: Package) -> None:
    for turn in range(ROUNDS):
        old, new = f"line{turn}", f"line{turn}x"
        line = made(home, old)
        found = together(
            partial(subscribers.rename, line, username=new, by=BY),
            partial(subscribers.delete, line, by=BY),
            partial(subscribers.create, a_subscriber(home, old, radius_password="newcomer"), by=BY),
        )
        assert any(isinstance(each, SubscriberMoved) for each in found), found
        newcomer = Subscriber.objects.filter(username=old).first()
        if newcomer is not None:
            assert checks(old)["Cleartext-Password"] == "newcomer"
        assert agree()


def test_of_two_who_take_the_same_new_name_one_gets_it(home: Package) -> None:
    lines = [made(home, f"line{number}") for number in range(2)]
    found = together(
        *(partial(subscribers.rename, line, username="wanted", by=BY) for line in lines)
    )
    assert kinds(found) == ["Subscriber", "ValidationError"], found
    assert Subscriber.objects.filter(username="wanted").count() == 1
    assert agree()


@pytest.mark.parametrize("lives", [True, False])
def test_recovery_and_the_next_operator_wait_for_a_slow_writer(home: Package, lives: bool) -> None:
    """It stands between its two commits, where it looks like a dead one; then it goes on, or dies."""
    rahim = made(home)
    writer = Worker.start(lambda: statuses.suspend(rahim, by=BY), stop_at="stop:radius_committed")
    writer.stands_still()
    recovery = Worker.start(unit_of_work.recover)
    operator = Worker.start(lambda: periods.renew(rahim, by=BY))
    timer = threading.Timer(1, writer.go_on if lives else writer.kill)
    timer.start()
    assert (recovery.ended(), operator.ended()) == (0, 0)
    timer.join()
    assert writer.ended() == (0 if lives else -9)
    unit_of_work.recover()
    assert markers.pending() == []
    stored = Subscriber.objects.get(pk=rahim.pk)
    assert stored.status == ("suspended" if lives else "active")
    assert stored.expires_at is not None
    assert rahim.expires_at is not None
    assert stored.expires_at > rahim.expires_at
    assert ("Auth-Type" in checks("rahim")) is lives
    assert agree()
