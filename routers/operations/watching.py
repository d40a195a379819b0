"""One round of the watch: ping, store, judge, and give a sign of life.

Of several that run on one database one pings: it holds a lease, prolonged in every round, and the
others stand by until it lapses. They share one heartbeat, which says that routers are watched.
"""

import logging
from collections.abc import Sequence

from asgiref.sync import sync_to_async
from django.conf import settings
from django.db import Error, close_old_connections

from ispcore.base import clock, leases
from routers.models import Router
from routers.operations import pinging, status
from routers.operations.status import Checked

logger = logging.getLogger(__name__)
NAME = "watch"
ROUNDS_LOST, LEAST_S = 3, 30  # so long without a round of its holder, and another takes over
_started_at = clock.now()


async def round_of_pings() -> None:
    """Ping all polled routers once, if it is ours to do.

    A database that is away ends the round, not the watch.
    """
    try:
        routers = await sync_to_async(_routers)()
        if routers is not None:
            results = await pinging.ping_fleet(routers)
            await sync_to_async(_store)(routers, results)
    except Error as error:
        logger.warning("watch: this round is lost, the database does not answer: %s", error)


def end() -> None:
    """Leave the routers to the next watch at once; a database that is away forbids it."""
    try:
        leases.let_go(NAME)
        leases.retire(NAME)
    except Error as error:
        logger.warning("watch: the lease is left to lapse: %s", error)


def _beat(note: str) -> None:
    """The sign of life that the supervisor looks for."""
    leases.beat(NAME, started_at=_started_at, note=note)


def _routers() -> list[Router] | None:
    """The routers to ping; None where another process pings them."""
    close_old_connections()
    if leases.hold(NAME, ttl_s=max(ROUNDS_LOST * settings.WATCH_PERIOD_S, LEAST_S)):
        return list(Router.objects.filter(is_polled=True))
    _beat("stands by")
    return None


def _store(routers: Sequence[Router], results: Sequence[Checked]) -> None:
    if results:
        status.record(results)
    status.evaluate(routers)
    _beat(f"{len(results)} routers pinged")
