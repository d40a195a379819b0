"""Who is let in, and who is shown out."""

import asyncio
from datetime import timedelta

import pytest
from django.contrib.sessions.models import Session
from django.test import override_settings

from ispcore.accounts.models import Account, RolePolicy, Tenant
from ispcore.accounts.operations import accounts, policies, sessions
from ispcore.base import clock
from ispcore.base.audit import Actor
from ispcore.live import consumer
from ispcore.live.doors import origin_allowed
from tests.live.conftest import Live, Page, session_of

pytestmark = pytest.mark.one_database


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://localhost.evil.example",
        "http://localhost:8001",
        "http://localhost@evil.example",
        "null",
        "",
        None,
    ],
)
async def test_forged_or_missing_origin_is_refused(
    live: Live, noc_session: str, origin: str | None
) -> None:
    page = Page(noc_session, origin=origin)
    accepted, code = await page.open()
    assert not accepted
    assert code != 4401


@pytest.mark.parametrize("session", [None, "", "made-up", "x" * 500])
async def test_without_a_session_nobody_comes_in(live: Live, session: str | None) -> None:
    assert await Page(session).open() == (False, 4401)


async def test_inactive_account_does_not_come_in(
    live: Live, noc_session: str, noc: Account
) -> None:
    await live.in_database(lambda: Account.objects.filter(pk=noc.pk).update(is_active=False))
    assert await Page(noc_session).open() == (False, 4401)


async def test_socket_closes_when_the_session_ends(
    live: Live, noc_session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "RECHECK_EVERY_S", 0.2)
    page = await live.page(noc_session)
    assert await page.hears_nothing(for_s=0.6)
    await live.in_database(lambda: Session.objects.all().delete())
    assert await page.closed_with() == 4401


async def test_socket_closes_when_the_password_changes(
    live: Live, noc_session: str, noc: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "RECHECK_EVERY_S", 0.2)
    page = await live.page(noc_session)
    await live.in_database(
        lambda: accounts.set_password(noc, password="entirely-different-9", by=noc.actor)
    )
    assert await page.closed_with() == 4401


async def test_socket_closes_when_nobody_opened_a_page_for_too_long(
    live: Live, noc_session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An open line, its resyncs and its pings keep no session alive."""
    monkeypatch.setattr(consumer, "RECHECK_EVERY_S", 0.2)
    page = await live.page(noc_session)
    with clock.frozen(clock.now() + timedelta(hours=13)):
        await page.say(resync=True, ping=1)
        assert await page.closed_with() == 4401
        assert await Page(noc_session).open() == (False, 4401)


async def test_socket_closes_when_the_role_asks_for_a_second_factor(
    live: Live, noc_session: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "RECHECK_EVERY_S", 0.2)
    page = await live.page(noc_session)

    def ask_for_more() -> None:
        policy = RolePolicy.objects.get(role="operator")
        policy.needs_second_factor = True
        policies.save(policy, by=Actor("test"))

    await live.in_database(ask_for_more)
    assert await page.closed_with() == 4401


async def test_socket_closes_when_its_session_is_ended_from_elsewhere(
    live: Live, noc_session: str, noc: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(consumer, "RECHECK_EVERY_S", 0.2)
    page = await live.page(noc_session)
    await live.in_database(
        lambda: sessions.seen(noc, session_key=noc_session, address="127.0.0.1", user_agent="")
    )
    await live.in_database(lambda: sessions.end_all(noc, by=noc.actor))
    assert await page.closed_with() == 4401


async def test_permission_that_is_lost_ends_the_watching(
    live: Live,
    dhaka_session: str,
    reseller_dhaka: Account,
    tenant_dhaka: Tenant,
    tenant_ctg: Tenant,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consumer, "RECHECK_EVERY_S", 0.2)
    page = await live.page(dhaka_session)
    await page.say(subscribe=[["test-tenant", str(tenant_dhaka.pk)]])
    await page.spots()
    await live.listening()
    await live.in_database(
        lambda: Account.objects.filter(pk=reseller_dhaka.pk).update(tenant=tenant_ctg)
    )
    assert await page.hear() == {"refused": ["test-tenant", str(tenant_dhaka.pk)]}
    await live.rename(tenant_dhaka, "unheard")
    assert await page.hears_nothing()


def headers(origin: str, host: str) -> list[tuple[bytes, bytes]]:
    return [(b"host", host.encode()), (b"origin", origin.encode())]


def test_pages_of_a_trusted_origin_may_ask_another_host() -> None:
    with override_settings(
        CSRF_TRUSTED_ORIGINS=["https://portal.example.net", "https://*.noc.net"]
    ):
        assert origin_allowed(headers("https://portal.example.net", "10.0.0.1:8000"))
        assert origin_allowed(headers("https://wall.noc.net", "10.0.0.1:8000"))
        assert not origin_allowed(headers("https://evilnoc.net", "10.0.0.1:8000"))
        assert not origin_allowed(headers("http://portal.example.net", "10.0.0.1:8000"))


def test_plain_http_page_is_refused_where_cookies_are_secure() -> None:
    with override_settings(SESSION_COOKIE_SECURE=True):
        assert not origin_allowed(headers("http://localhost", "localhost"))
        assert origin_allowed(headers("https://localhost", "localhost"))


def test_host_that_is_not_ours_is_refused() -> None:
    assert not origin_allowed(headers("http://rebound.example", "rebound.example"))


def test_two_origins_are_no_origin() -> None:
    assert not origin_allowed([*headers("http://localhost", "localhost"), (b"origin", b"x")])


async def test_two_people_are_told_apart(
    live: Live, dhaka_session: str, reseller_ctg: Account, tenant_dhaka: Tenant, tenant_ctg: Tenant
) -> None:
    ctg_session = await live.in_database(lambda: session_of(reseller_ctg))
    dhaka, ctg = await live.page(dhaka_session), await live.page(ctg_session)
    for page in (dhaka, ctg):
        await page.say(
            subscribe=[["test-tenant", str(tenant_dhaka.pk)], ["test-tenant", str(tenant_ctg.pk)]]
        )
    assert await dhaka.hear() == {"refused": ["test-tenant", str(tenant_ctg.pk)]}
    assert await ctg.hear() == {"refused": ["test-tenant", str(tenant_dhaka.pk)]}
    found = await asyncio.gather(dhaka.spots(), ctg.spots())
    assert [spots["name"] for spots in found] == ["<b>Dhaka Fibre</b>", "<b>Chattogram Net</b>"]


@pytest.mark.parametrize(
    "words", [{"ping": 1}, {"resync": True}, {"subscribe": [["test-tenant", "999"]]}]
)
async def test_a_page_that_floods_is_closed_and_the_others_hear_on(
    live: Live, noc_session: str, dhaka_session: str, tenant_dhaka: Tenant, words: dict[str, object]
) -> None:
    flooding, calm = await live.page(noc_session), await live.page(dhaka_session)
    await calm.say(subscribe=[["test-tenant", str(tenant_dhaka.pk)]])
    await calm.spots()
    await live.listening()
    for _ in range(500):
        await flooding.say(**words)
    assert await flooding.closed_with() == 4008
    await live.rename(tenant_dhaka, "heard")
    assert (await calm.spots())["name"] == "<b>heard</b>"


@pytest.mark.parametrize(
    "text",
    [
        *("[" * 4000, '{"ping":' + "9" * 4000 + "}", '{"subscribe":[["\\ud800","\\udfff"]]}'),
        *('{"subscribe":{"a":1}}', '{"subscribe":[["reseller",1]]}', '{"subscribe":[[]]}'),
        *('{"subscribe":[["reseller","1 OR 1=1"]]}', '{"subscribe":[["reseller","\\u0000"]]}'),
        *('{"subscribe":[["alerts","-1"],["overview","x"],["router","1e3"]]}', "null", "NaN"),
    ],
)
async def test_no_message_breaks_the_door(
    live: Live, noc_session: str, dhaka_session: str, tenant_dhaka: Tenant, text: str
) -> None:
    """It is closed with a reason or answered; the next page is served as ever."""
    page = await live.page(noc_session)
    await page.socket.send_to(text_data=text)
    event = await page.socket.receive_output(25)  # an answer, or at least a sign of life
    assert event["type"] == "websocket.send" or event["code"] in {4003, 4009}
    next_page = await live.page(dhaka_session)
    await next_page.say(subscribe=[["test-tenant", str(tenant_dhaka.pk)]])
    assert (await next_page.spots())["name"] == "<b>Dhaka Fibre</b>"
