"""What happens to a collection when its routers change while they are being read."""

from datetime import timedelta

import pytest

from ispcore.base import clock
from monitoring.models import Alert, RuleState
from routers.models import Poll, Router, RouterCheck
from routers.operations import collection, discovery, plan, status
from routers.operations import routers as operations
from routers.operations.discovery import RouterGone
from routers.operations.poll_records import PollRecord
from routers.operations.reading import read_all
from routers.operations.status import Checked
from routers.operations.storing import store_records
from tests.routers.conftest import BY, MakePlace


def _read() -> list[PollRecord]:
    return collection.records_of(read_all(plan.load()))


def test_a_router_that_is_removed_while_it_is_read_costs_the_others_nothing(
    shared_place: MakePlace,
) -> None:
    stays, goes = shared_place(), shared_place()
    collection.collect()
    polls = Poll.objects.filter(router=stays.router).count()
    records = _read()
    operations.delete(Router.objects.get(pk=goes.router.pk), by=BY)

    brought = store_records(records)
    assert Poll.objects.filter(router=stays.router).count() == polls + 1
    assert brought.router_ids == {stays.router.pk}
    assert not Router.objects.filter(pk=goes.router.pk).exists()


def test_what_was_asked_of_a_router_that_is_gone_is_dropped(shared_place: MakePlace) -> None:
    stays, goes = shared_place(), shared_place()
    gone = Router.objects.get(pk=goes.router.pk)
    operations.delete(Router.objects.get(pk=gone.pk), by=BY)
    status.record([Checked(gone, "ping", True), Checked(stays.router, "ping", True)])
    assert [check.router for check in RouterCheck.objects.all()] == [stays.router]


def test_polling_that_was_switched_off_while_it_was_read_stays_off(
    shared_place: MakePlace,
) -> None:
    edge = shared_place()
    collection.collect()
    records = _read()
    router = Router.objects.get(pk=edge.router.pk)
    router.is_polled = False
    operations.save(router, by=BY)
    store_records(records)
    router.refresh_from_db()
    assert router.polled_at is None


def test_a_router_that_is_removed_while_it_is_discovered_costs_the_others_nothing(
    shared_place: MakePlace,
) -> None:
    stays, goes = shared_place(), shared_place()
    both = [stays.router, Router.objects.get(pk=goes.router.pk)]
    operations.delete(Router.objects.get(pk=goes.router.pk), by=BY)
    outcomes = discovery.discover_many(both, by=BY)
    assert list(outcomes) == [stays.router.pk]
    with pytest.raises(RouterGone, match="removed while it was asked"):
        discovery.discover(both[1], by=BY)


def test_a_router_that_is_gone_raises_no_alert(shared_place: MakePlace) -> None:
    edge = shared_place()
    gone = Router.objects.get(pk=edge.router.pk)
    gone.polled_at = gone.read_at = clock.now() - timedelta(days=1)
    operations.delete(Router.objects.get(pk=gone.pk), by=BY)
    status.evaluate([gone])
    assert not RuleState.objects.exists()
    assert not Alert.objects.exists()
