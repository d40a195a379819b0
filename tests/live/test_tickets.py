"""API clients on the live socket: a ticket lets them in once, and the same checks go on."""

import asyncio
import json
from datetime import timedelta
from typing import Any

import pytest
from channels.testing import WebsocketCommunicator
from django.test import Client
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from ispcore.accounts.api_identity import Bearer
from ispcore.accounts.models import Account, ApiLogin, ApiToken, LiveTicket, Tenant
from ispcore.accounts.operations import accounts, api_logins, api_tokens, tickets
from ispcore.base import clock
from ispcore.base.audit import Actor
from ispcore.live import consumer
from tests.live.conftest import Live, Page, closing
from tests.live.test_server import name_shown, port

__all__ = ["port"]
ADMIN = Actor("admin")
ADDRESS = "203.0.113.7"


class ApiPage(Page):
    """A socket that another system opens: no origin, no cookie, a ticket."""

    def __init__(self, ticket: str, *, address: str = ADDRESS) -> None:
        from ispcore.asgi import application

        headers = [(b"host", b"localhost")]
        path = f"/live/?ticket={ticket}"
        self.socket = WebsocketCommunicator(application, path, headers=headers)
        self.socket.scope["client"] = [address, 40_000]


async def let_in(live: Live, ticket: str) -> ApiPage:
    page = ApiPage(ticket)
    accepted, _ = await page.open()
    assert accepted
    live.pages.append(page)
    return page


def token_of(
    *, tenant: Tenant | None = None, scopes: tuple[str, ...] = ("resellers:read",), **options: Any
) -> tuple[ApiToken, str]:
    role = "client" if tenant else "viewer"
    machine = accounts.create("crm", role=role, tenant=tenant, password=None, by=ADMIN)
    expires_at = clock.now() + timedelta(days=1)
    return api_tokens.create(
        machine, name="sync", scopes=scopes, expires_at=expires_at, by=ADMIN, **options
    )


def asked_for(bearer: str) -> str:
    """The ticket that POST /api/live/ticket gives."""
    client = Client(headers={"Authorization": f"Bearer {bearer}"}, REMOTE_ADDR=ADDRESS)
    answer = client.post("/api/live/ticket")
    assert answer.status_code == 200, answer.content
    assert answer.json()["expires_in_s"] == 30
    return str(answer.json()["ticket"])


@pytest.fixture
async def dhaka_ticket(live: Live, tenant_dhaka: Tenant) -> str:
    def make() -> str:
        _, text = token_of(tenant=tenant_dhaka)
        return asked_for(text)

    return str(await live.in_database(make))


async def test_a_token_hears_what_its_account_may(
    live: Live, dhaka_ticket: str, tenant_dhaka: Tenant, tenant_ctg: Tenant
) -> None:
    page = await let_in(live, dhaka_ticket)
    await page.say(
        subscribe=[["test-tenant", str(tenant_ctg.pk)], ["test-tenant", str(tenant_dhaka.pk)]]
    )
    assert await page.hear() == {"refused": ["test-tenant", str(tenant_ctg.pk)]}
    assert (await page.spots())["name"] == "<b>Dhaka Fibre</b>"
    await live.listening()
    await live.rename(tenant_dhaka, "heard")
    assert (await page.spots())["name"] == "<b>heard</b>"


async def test_a_login_opens_the_socket_too(live: Live, noc: Account, tenant_ctg: Tenant) -> None:
    def make() -> str:
        login = api_logins.start(noc, address=None, by=ADMIN)
        return asked_for(str(login.access_token))

    page = await let_in(live, await live.in_database(make))
    await page.say(subscribe=[["test-tenant", str(tenant_ctg.pk)]])
    assert (await page.spots())["name"] == "<b>Chattogram Net</b>"


async def test_topics_beyond_the_scopes_are_refused(live: Live, tenant_ctg: Tenant) -> None:
    ticket = await live.in_database(lambda: asked_for(token_of(scopes=("alerts:read",))[1]))
    page = await let_in(live, ticket)
    await page.say(subscribe=[["test-tenant", str(tenant_ctg.pk)], ["overview", ""]])
    assert await page.hear() == {"refused": ["test-tenant", str(tenant_ctg.pk)]}
    assert await page.hear() == {"refused": ["overview", ""]}
    await page.say(subscribe=[["alerts", ""]])
    assert "rows" in await page.spots()


async def test_a_ticket_is_good_once(live: Live, dhaka_ticket: str) -> None:
    await let_in(live, dhaka_ticket)
    assert await ApiPage(dhaka_ticket).open() == (False, 4401)


@pytest.mark.parametrize("ticket", ["", "x", "%00", "é", "x" * 3000])
async def test_a_made_up_ticket_lets_nobody_in(live: Live, ticket: str) -> None:
    assert await ApiPage(ticket).open() == (False, 4401)


async def test_a_ticket_is_good_for_half_a_minute(live: Live, dhaka_ticket: str) -> None:
    late = clock.now() + timedelta(seconds=tickets.GOOD_FOR_S)
    with clock.frozen(late):
        assert await ApiPage(dhaka_ticket).open() == (False, 4401)


async def test_tickets_that_nobody_used_are_forgotten(live: Live, noc: Account) -> None:
    def issue() -> int:
        login = api_logins.of(str(api_logins.start(noc, address=None, by=ADMIN)))
        assert login is not None
        with clock.frozen(clock.now() - timedelta(minutes=5)):
            for _ in range(20):
                tickets.issue(Bearer(login_id=login.pk))
        tickets.issue(Bearer(login_id=login.pk))
        return LiveTicket.objects.count()

    assert await live.in_database(issue) == 1


async def test_a_token_of_other_networks_gets_no_socket(live: Live) -> None:
    def make() -> str:
        token, _ = token_of(allowed_networks=["198.51.100.0/24"])
        return tickets.issue(Bearer(token_id=token.pk))

    ticket = await live.in_database(make)
    assert await ApiPage(ticket, address="203.0.113.7").open() == (False, 4401)
    ticket = await live.in_database(
        lambda: tickets.issue(Bearer(token_id=ApiToken.objects.get().pk))
    )
    page = ApiPage(ticket, address="198.51.100.9")
    assert (await page.open())[0]
    live.pages.append(page)


def _revoke_token() -> None:
    api_tokens.revoke(ApiToken.objects.get(), by=ADMIN)


def _let_token_expire() -> None:
    ApiToken.objects.update(expires_at=clock.now())


def _switch_account_off() -> None:
    machine = Account.objects.get(username="crm")
    machine.is_active = False
    accounts.save(machine, by=ADMIN)


@pytest.mark.parametrize("end", [_revoke_token, _let_token_expire, _switch_account_off])
async def test_the_socket_closes_when_its_token_ends(
    live: Live, dhaka_ticket: str, monkeypatch: pytest.MonkeyPatch, end: Any
) -> None:
    monkeypatch.setattr(consumer, "RECHECK_EVERY_S", 0.2)
    page = await let_in(live, dhaka_ticket)
    assert await page.hears_nothing(for_s=0.6)
    await live.in_database(end)
    assert await page.closed_with() == 4401


@pytest.mark.parametrize("how", ["log out", "password", "re-use"])
async def test_the_socket_closes_when_its_login_ends(
    live: Live, noc: Account, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setattr(consumer, "RECHECK_EVERY_S", 0.2)
    login = await live.in_database(lambda: api_logins.start(noc, address=None, by=ADMIN))
    page = await let_in(live, await live.in_database(lambda: asked_for(str(login.access_token))))
    assert await page.hears_nothing(for_s=0.6)

    def end() -> None:
        if how == "log out":
            api_logins.end(ApiLogin.objects.get(), by=noc.actor)
        elif how == "password":
            accounts.set_password(noc, password="entirely-different-9", by=ADMIN)
        else:
            api_logins.refresh(str(login), address=None)
            with pytest.raises(api_logins.LoginEnded):
                api_logins.refresh(str(login), address=None)

    await live.in_database(end)
    assert await page.closed_with() == 4401


async def test_scopes_and_tenant_are_asked_again(
    live: Live,
    dhaka_ticket: str,
    tenant_dhaka: Tenant,
    tenant_ctg: Tenant,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(consumer, "RECHECK_EVERY_S", 0.2)
    page = await let_in(live, dhaka_ticket)
    await page.say(subscribe=[["test-tenant", str(tenant_dhaka.pk)]])
    await page.spots()
    await live.in_database(lambda: ApiToken.objects.update(scopes=["alerts:read"]))
    assert await page.hear() == {"refused": ["test-tenant", str(tenant_dhaka.pk)]}


async def test_a_page_of_ours_gets_no_ticket(live: Live, noc_session: str) -> None:
    def ask() -> tuple[int, int]:
        browser = Client()
        browser.cookies["sessionid"] = noc_session
        return browser.post("/api/live/ticket").status_code, Client().post(
            "/api/live/ticket"
        ).status_code

    assert await live.in_database(ask) == (403, 401)


async def test_through_the_real_server(port: int, tenant_dhaka: Tenant) -> None:
    """And a foreign page may open it, as long as it has the ticket; without one it is 403."""

    def make() -> list[str]:
        _, text = token_of(tenant=tenant_dhaka)
        return [asked_for(text) for _ in range(2)]

    first, second = await asyncio.to_thread(closing, make)
    url = f"ws://127.0.0.1:{port}/live/?ticket="
    async with connect(url + first) as socket, connect(url + second, origin="http://x.example"):  # type: ignore[arg-type]
        await socket.send(json.dumps({"subscribe": [["test-tenant", str(tenant_dhaka.pk)]]}))
        assert await name_shown(socket) == "Dhaka Fibre"
    with pytest.raises(InvalidStatus) as refused:
        async with connect(url + first):
            pass
    assert refused.value.response.status_code == 403
