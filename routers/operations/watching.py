"""One round of the watch: ping, store, judge, and give a sign of life."""

import logging
from collections.abc import Sequence

from asgiref.sync import sync_to_async
from django.db import DatabaseError, close_old_connections

from ispcore.base import clock, leases
from routers.models import Router
from routers.operations import pinging, status
from routers.operations.status import Checked

logger = logging.getLogger(__name__)
_started_at = clock.now()


async def round_of_pings() -> None:
    """Ping all polled routers once. A database that is away ends the round, not the watch."""
    try:
        routers = await sync_to_async(_routers)()
        results = await pinging.ping_fleet(routers)
        await sync_to_async(_store)(routers, results)
    except DatabaseError as error:
        logger.warning("watch: this round is lost, the database does not answer: %s", error)


def beat() -> None:
    """The sign of life that the supervisor looks for."""
    leases.beat("watch", started_at=_started_at)


def _routers() -> list[Router]:
    close_old_connections()
    return list(Router.objects.filter(is_polled=True))


def _store(routers: Sequence[Router], results: Sequence[Checked]) -> None:
    if results:
        status.record(results)
    status.evaluate(routers)
    beat()
