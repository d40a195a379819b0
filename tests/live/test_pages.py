"""What an open page is sent, and what it is not."""

import asyncio

import pytest
from django.db import connection, transaction

from ispcore.accounts.models import Account, Tenant
from ispcore.live import consumer
from ispcore.live.hub import hub
from ispcore.live.models import LiveEvent
from ispcore.live.publish import publish
from tests.live.conftest import Live


async def test_page_gets_a_snapshot_and_then_only_what_changes(
    live: Live, noc_session: str, tenant_dhaka: Tenant
) -> None:
    page = await live.page(noc_session)
    await page.say(subscribe=[["test-tenant", str(tenant_dhaka.pk)]])
    assert await page.spots() == {"name": "<b>Dhaka Fibre</b>", "fixed": "<p>fixed</p>"}
    await live.listening()
    await live.rename(tenant_dhaka, "Dhaka Fibre & Co")
    assert await page.spots() == {"name": "<b>Dhaka Fibre &amp; Co</b>"}


async def test_rollback_publishes_nothing(
    live: Live, noc_session: str, tenant_dhaka: Tenant
) -> None:
    page = await live.page(noc_session)
    await page.say(subscribe=[["test-tenant", str(tenant_dhaka.pk)]])
    await page.spots()
    await live.listening()
    rendered = len(live.rendered)

    def write_and_fail() -> None:
        with transaction.atomic():
            Tenant.objects.filter(pk=tenant_dhaka.pk).update(name="never")
            publish("test-tenant", str(tenant_dhaka.pk))
            transaction.set_rollback(True)

    await live.in_database(write_and_fail)
    assert await page.hears_nothing()
    assert len(live.rendered) == rendered


async def test_many_pages_cost_one_rendering(
    live: Live, noc_session: str, tenant_dhaka: Tenant
) -> None:
    pages = [await live.page(noc_session) for _ in range(12)]
    for page in pages:
        await page.say(subscribe=[["test-tenant", str(tenant_dhaka.pk)]])
    for page in pages:
        await page.spots()
    await live.listening()
    rendered = len(live.rendered)
    await live.rename(tenant_dhaka, "Dhaka")
    assert [await page.spots() for page in pages] == [{"name": "<b>Dhaka</b>"}] * 12
    assert len(live.rendered) == rendered + 1


async def test_burst_is_settled_by_the_last_state(
    live: Live, noc_session: str, tenant_dhaka: Tenant
) -> None:
    page = await live.page(noc_session)
    await page.say(subscribe=[["test-tenant", str(tenant_dhaka.pk)]])
    await page.spots()
    await live.listening()
    for number in range(30):
        await live.rename(tenant_dhaka, f"name {number}")
    frames = 0
    async with asyncio.timeout(5):
        while await page.spots() != {"name": "<b>name 29</b>"}:
            frames += 1
    assert frames < 30


async def test_another_tenants_key_looks_like_one_that_does_not_exist(
    live: Live, dhaka_session: str, tenant_dhaka: Tenant, tenant_ctg: Tenant
) -> None:
    page = await live.page(dhaka_session)
    foreign, missing, unknown = str(tenant_ctg.pk), "987654", "no-such-topic"
    await page.say(
        subscribe=[["test-tenant", foreign], ["test-tenant", missing], [unknown, foreign]]
    )
    assert await page.hear() == {"refused": ["test-tenant", foreign]}
    assert await page.hear() == {"refused": ["test-tenant", missing]}
    assert await page.hear() == {"refused": [unknown, foreign]}
    await live.listening()
    await live.rename(tenant_ctg, "secret")
    assert await page.hears_nothing()
    await page.say(subscribe=[["test-tenant", str(tenant_dhaka.pk)]])
    assert (await page.spots())["name"] == "<b>Dhaka Fibre</b>"


async def test_what_is_deleted_is_refused_to_those_who_watch(
    live: Live, noc_session: str, tenant_ctg: Tenant
) -> None:
    page = await live.page(noc_session)
    await page.say(subscribe=[["test-tenant", str(tenant_ctg.pk)], ["test-tenant", "987654"]])
    messages = [await page.hear(), await page.hear()]
    assert {"refused": ["test-tenant", "987654"]} in messages
    await live.listening()

    def delete() -> None:
        with transaction.atomic():
            publish("test-tenant", str(tenant_ctg.pk))
            Tenant.objects.filter(pk=tenant_ctg.pk).delete()

    await live.in_database(delete)
    assert await page.hear() == {"refused": ["test-tenant", str(tenant_ctg.pk)]}


async def test_page_that_wants_all_again_gets_a_whole_snapshot(
    live: Live, noc_session: str, tenant_dhaka: Tenant
) -> None:
    page = await live.page(noc_session)
    await page.say(subscribe=[["test-tenant", str(tenant_dhaka.pk)]])
    first = await page.spots()
    await page.say(resync=True)
    assert await page.spots() == first


async def test_page_that_unsubscribed_hears_no_more(
    live: Live, noc_session: str, tenant_dhaka: Tenant
) -> None:
    page = await live.page(noc_session)
    name = ["test-tenant", str(tenant_dhaka.pk)]
    await page.say(subscribe=[name])
    await page.spots()
    await live.listening()
    await page.say(unsubscribe=[name])
    await page.say(ping=7)
    assert (await page.hear())["pong"] == 7
    await live.rename(tenant_dhaka, "unheard")
    assert await page.hears_nothing()


async def test_the_twenty_first_topic_is_refused(
    live: Live, noc_session: str, tenant_dhaka: Tenant
) -> None:
    page = await live.page(noc_session)
    key = str(tenant_dhaka.pk)
    await page.say(subscribe=[["test-tenant", f"{'0' * n}{key}"] for n in range(21)])
    refused: list[list[str]] = []
    async with asyncio.timeout(5):
        while not refused:
            heard = await page.hear()
            refused += [heard["refused"]] if "refused" in heard else []
    assert refused == [["test-tenant", f"{'0' * 20}{key}"]]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("x" * 5000, 4009),
        ("not json", 4003),
        ("[]", 4003),
        ('{"subscribe": "all"}', 4003),
        ('{"subscribe": [["one"]]}', 4003),
        ('{"subscribe": [["topic", 7]]}', 4003),
        ("[" * 3000, 4003),
    ],
)
async def test_nonsense_closes_the_socket(
    live: Live, noc_session: str, text: str, code: int
) -> None:
    page = await live.page(noc_session)
    await page.socket.send_to(text_data=text)
    assert await page.closed_with() == code


async def test_idle_page_gets_a_sign_of_life_only_while_events_are_heard(
    live: Live, noc_session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "LIFE_EVERY_S", 0.2)
    page = await live.page(noc_session)
    await live.listening()
    assert set(await page.hear()) == {"at"}
    hub().listening = False
    await asyncio.sleep(0.3)
    while not await page.hears_nothing(for_s=0.05):
        await page.hear()
    assert await page.hears_nothing(for_s=0.6)
    await page.say(ping=1)
    assert await page.hears_nothing(for_s=0.3)
    hub().listening = True


async def test_rendering_that_fails_is_tried_again(
    live: Live, noc_session: str, tenant_dhaka: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ispcore.live.hub.RETRY_S", 0.1)
    page = await live.page(noc_session)
    await page.say(subscribe=[["test-tenant", "broken"]])  # int("broken") fails, not a LookupError
    await page.say(subscribe=[["test-tenant", str(tenant_dhaka.pk)]])
    assert (await page.spots())["name"] == "<b>Dhaka Fibre</b>"
    await asyncio.sleep(0.5)
    assert live.rendered.count("broken") > 2


async def test_events_are_forgotten_after_ten_minutes(live: Live, noc: Account) -> None:
    if connection.vendor == "postgresql":
        pytest.skip("PostgreSQL keeps no events")
    from datetime import timedelta

    from ispcore.base import clock
    from ispcore.live.publish import forget_old

    def write() -> list[str]:
        LiveEvent.objects.create(topic="old", at=clock.now() - timedelta(minutes=11))
        publish("new")
        forget_old()
        return list(LiveEvent.objects.values_list("topic", flat=True))

    assert await live.in_database(write) == ["new"]
