"""What is missed while nobody listens is made good."""

import asyncio

import pytest
from django.db import connection, transaction

from ispcore.accounts.models import Tenant
from ispcore.base.rls import identity
from ispcore.live.hub import hub
from ispcore.live.models import LiveEvent
from ispcore.live.publish import publish, publish_each
from tests.live.conftest import Live


def _cut_the_listener() -> int:
    # as whoever logged in: only he may end his own connections
    with identity.in_role(identity.LOGIN_ROLE), connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity "
            "WHERE query ILIKE 'listen%' AND pid <> pg_backend_pid()"
        )
        return int(cursor.fetchone()[0])


async def test_listener_that_was_cut_off_makes_good_what_it_missed(
    live: Live, noc_session: str, tenant_dhaka: Tenant
) -> None:
    if connection.vendor != "postgresql":
        pytest.skip("only PostgreSQL has a connection that can be cut")
    page = await live.page(noc_session)
    await page.say(subscribe=[["test-tenant", str(tenant_dhaka.pk)]])
    await page.spots()
    await live.listening()
    assert await live.in_database(_cut_the_listener) == 1
    await live.rename(tenant_dhaka, "while nobody heard", tell=False)
    assert await page.spots(within_s=8) == {"name": "<b>while nobody heard</b>"}
    await live.rename(tenant_dhaka, "heard again")
    assert await page.spots() == {"name": "<b>heard again</b>"}


async def test_events_that_were_deleted_unseen_are_made_good(
    live: Live, noc_session: str, tenant_dhaka: Tenant
) -> None:
    if connection.vendor == "postgresql":
        pytest.skip("PostgreSQL keeps no events")
    page = await live.page(noc_session)
    await page.say(subscribe=[["test-tenant", str(tenant_dhaka.pk)]])
    await page.spots()
    await live.listening()
    await live.rename(tenant_dhaka, "its event is gone", tell=False)

    def lose_one_and_publish() -> None:
        publish("other")
        publish("other")
        LiveEvent.objects.order_by("pk")[0].delete()

    await live.in_database(transaction.atomic(lose_one_and_publish))
    assert await page.spots() == {"name": "<b>its event is gone</b>"}


async def test_many_keys_are_told_at_once(
    live: Live, noc_session: str, tenant_dhaka: Tenant
) -> None:
    page = await live.page(noc_session)
    await page.say(subscribe=[["test-tenant", str(tenant_dhaka.pk)]])
    await page.spots()
    await live.listening()
    await live.rename(tenant_dhaka, "told among others", tell=False)
    keys = [str(tenant_dhaka.pk + n) for n in range(300)]
    await live.in_database(lambda: publish_each("test-tenant", [*keys, *keys]))
    assert await page.spots() == {"name": "<b>told among others</b>"}


async def test_one_listener_serves_all_pages(live: Live, noc_session: str) -> None:
    for _ in range(3):
        await live.page(noc_session)
    await live.listening()
    listeners = [
        task for task in asyncio.all_tasks() if getattr(task.get_coro(), "__name__", "") == "listen"
    ]
    assert len(listeners) == 1
    assert hub().listening
