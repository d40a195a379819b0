"""Operators, packages and recovery at odds over the same subscribers: both databases agree in the end."""

import threading
from collections.abc import Callable, Iterator
from functools import partial
from uuid import uuid4

import pytest
from django.core.exceptions import ValidationError

from ispcore.accounts.models import Tenant
from ispcore.base import unit_of_work
from ispcore.base.models import AuditEntry
from ispcore.base.unit_of_work import Scope, markers, steps
from subscribers.models import Package, Subscriber
from subscribers.operations import packages, passwords, periods, statuses, subscribers
from subscribers.operations.units import SubscriberMoved
from tests.harness.forks import Worker
from tests.subscribers.conftest import (
    BY,
    M,
    a_package,
    a_subscriber,
    checks,
    group_rows,
    made,
    replies,
)
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
        faster = {"down_bps": (30 + turn) * M}
        password = f"password-{turn}"
        found = together(
            partial(packages.edit, hotspot, changes=faster, by=BY),
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
        faster = {"down_bps": (30 + turn) * M}
        found = together(
            partial(packages.edit, home, changes=faster, by=BY),
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
    assert writer.stands_still()
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


NARROW = {"ipv4_networks": "10.1.0.0/24"}


def test_a_package_does_not_narrow_below_who_is_being_made(home: Package) -> None:
    """Who was judged by the networks as they were, and is not there for others to see yet."""
    writer = Worker.start(lambda: made(home, ipv4="10.1.9.9"), stop_at="stop:changed")
    assert writer.stands_still()
    timer = threading.Timer(0.3, writer.go_on)
    timer.start()
    with pytest.raises(ValidationError, match=r"10.1.9.9 of rahim"):
        packages.edit(home, changes=NARROW, by=BY)
    timer.join()
    assert writer.ended() == 0
    assert agree()


@pytest.mark.parametrize("kind", ["create", "change package"])
def test_nobody_is_judged_by_networks_that_are_being_narrowed(home: Package, kind: str) -> None:
    other = packages.create(a_package(home.tenant, "Other"), by=BY)
    karim = made(other, "karim", ipv4="10.1.9.9")
    joins: dict[str, Callable[[], object]] = {
        "create": lambda: made(home, ipv4="10.1.9.8"),
        "change package": lambda: periods.change_package(karim, package=home, by=BY),
    }
    editor = Worker.start(
        lambda: packages.edit(home, changes=NARROW, by=BY), stop_at="stop:changed"
    )
    assert editor.stands_still()
    timer = threading.Timer(0.3, editor.go_on)
    timer.start()
    with pytest.raises(ValidationError, match="lies outside the addresses of Home 20"):
        joins[kind]()
    timer.join()
    assert editor.ended() == 0
    assert agree()


class Taker:
    """A projector whose rows of the portal have a package more each time that it writes."""

    def __init__(self, tenant: Tenant) -> None:
        self.tenant = tenant

    def names(self, scope: Scope) -> list[str]:
        return list(scope.keys)

    def write(self, scope: Scope) -> None:
        a_package(self.tenant, f"Taken {uuid4()}").save()


def test_a_package_that_is_made_in_a_second_try_takes_nobodys_key(home: Package) -> None:
    """Between the tries, what a dead writer left was decided; that took the key of the first."""
    unit_of_work.register("test taker", Taker(home.tenant))
    steps.stop_at("fail:radius_committed")
    with pytest.raises(steps.Stopped):
        unit_of_work.run("take", Scope("test taker", ("x",)), lambda: None)
    steps.stop_at("")
    new = packages.create(a_package(home.tenant, "New"), by=BY)
    assert Package.objects.filter(name__startswith="Taken").count() == 1
    assert group_rows(new)
