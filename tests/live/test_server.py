"""A real web process and real sockets: many of them, and one that does not read."""

import asyncio
import json
import os
import socket
import time
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from daphne.ws_protocol import WebSocketProtocol
from django.conf import settings
from django.db import connections
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from ispcore.accounts.models import Tenant
from ispcore.live.publish import publish
from ispcore.web import PatientServer
from tests.harness.environment import VENDOR
from tests.harness.processes import Running, free_port

PROJECT = Path(__file__).resolve().parents[2]
REPEATED = 20_000  # how often the large page repeats the name: 1.7 MB


@pytest.fixture
def port(transactional_db: None, tmp_path: Path) -> Iterator[int]:
    """The web process on the databases of this test."""
    yield from _serve(tmp_path, repeat=1)


@pytest.fixture
def port_of_large_pages(transactional_db: None, tmp_path: Path) -> Iterator[int]:
    yield from _serve(tmp_path, repeat=REPEATED)


def _serve(tmp_path: Path, *, repeat: int, **variables: str) -> Iterator[int]:
    settings.STATIC_ROOT.mkdir(exist_ok=True)
    chosen = free_port()
    environment = {name: os.environ[name] for name in os.environ if name.isupper()}
    for alias, variable in (("default", "DATABASE_URL"), ("radius", "RADIUS_DATABASE_URL")):
        name = str(connections[alias].settings_dict["NAME"])
        url = os.environ.get(variable, "")
        base = url.rpartition("/")[0] if VENDOR == "postgresql" else "sqlite:///"
        environment[variable] = f"{base}/{name}" if VENDOR == "postgresql" else f"{base}{name}"
    server = Running(
        [str(PROJECT / ".venv/bin/python"), "-m", "tests.live.server", str(chosen), str(repeat)],
        log=tmp_path / "web.log",
        environment={**environment, "ISPCORE_PROCESS": "web", **variables},
    )
    server.wait_until(lambda: _listens(chosen), timeout_s=30)
    yield chosen
    server.stop()
    assert "Traceback" not in (tmp_path / "web.log").read_text()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def open_page(port: int, session: str, **options: Any) -> connect:
    return connect(
        f"ws://127.0.0.1:{port}/live/",
        origin=options.pop("origin", f"http://127.0.0.1:{port}"),
        additional_headers={"Cookie": f"sessionid={session}"},
        compression=None,
        max_size=None,
        **options,
    )


def _small_ear(port: int) -> socket.socket:
    """A connection whose kernel buffer is small, as that of a page on a poor line."""
    ear = socket.socket()
    ear.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
    ear.connect(("127.0.0.1", port))
    ear.setblocking(False)
    return ear


async def name_shown(socket: ClientConnection) -> str:
    """The name in the next frame that has one."""
    while True:
        for frame in json.loads(await socket.recv()).get("frames", []):
            if "name" in frame["spots"]:
                html = frame["spots"]["name"]
                return str(html).removeprefix("<b>").partition("</b>")[0]


def rename(tenant: Tenant, name: str) -> None:
    from django.db import transaction

    with transaction.atomic():
        Tenant.objects.filter(pk=tenant.pk).update(name=name)
        publish("test-tenant", str(tenant.pk))


@pytest.mark.parametrize("origin", ["http://evil.example", None])
async def test_forged_origin_gets_http_403(port: int, noc_session: str, origin: str | None) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with open_page(port, noc_session, origin=origin):
            pass
    assert refused.value.response.status_code == 403


async def test_expired_session_gets_http_403(port: int) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with open_page(port, "expired"):
            pass
    assert refused.value.response.status_code == 403


async def test_slow_reader_delays_nobody_and_gets_the_latest_state(
    port_of_large_pages: int, noc_session: str, tenant_dhaka: Tenant
) -> None:
    port, changes = port_of_large_pages, 20
    message = json.dumps({"subscribe": [["test-tenant", str(tenant_dhaka.pk)]]})
    async with (
        open_page(port, noc_session, max_queue=1, sock=_small_ear(port)) as slow,
        open_page(port, noc_session) as quick,
    ):
        await slow.send(message)
        await quick.send(message)
        await name_shown(quick)
        latest, longest_s = "", 0.0
        for number in range(changes):
            latest = f"{'x' * 80} {number}"
            began = time.monotonic()
            await asyncio.to_thread(_close_after, rename, tenant_dhaka, latest)
            async with asyncio.timeout(5):
                while await name_shown(quick) != latest:
                    pass
            longest_s = max(longest_s, time.monotonic() - began)
        assert longest_s < 2
        heard = 0
        async with asyncio.timeout(10):
            while await name_shown(slow) != latest:
                heard += 1
        assert heard < changes / 2


async def test_a_hundred_pages_see_a_burst_settle(
    port: int, noc_session: str, tenant_dhaka: Tenant
) -> None:
    message = json.dumps({"subscribe": [["test-tenant", str(tenant_dhaka.pk)]]})
    async with AsyncExitStack() as stack:
        pages = [await stack.enter_async_context(open_page(port, noc_session)) for _ in range(100)]
        for page in pages:
            await page.send(message)
        await asyncio.gather(*(name_shown(page) for page in pages))

        async def settled(page: ClientConnection) -> None:
            while await name_shown(page) != "29":
                pass

        for number in range(30):
            await asyncio.to_thread(_close_after, rename, tenant_dhaka, str(number))
        async with asyncio.timeout(20):
            await asyncio.gather(*(settled(page) for page in pages))


def _close_after(function: Any, *arguments: Any) -> None:
    try:
        function(*arguments)
    finally:
        connections.close_all()


@pytest.mark.parametrize(
    ("messages", "code"), [(["x" * 5000], 4009), (["not json"], 4003), (['{"ping":1}'] * 300, 4008)]
)
async def test_a_socket_is_closed_with_its_reason(
    port: int, noc_session: str, messages: list[str], code: int
) -> None:
    """Through the real server, whose library refuses to send most codes (and says so in the log)."""
    async with open_page(port, noc_session) as page:
        with pytest.raises(ConnectionClosed) as closed:
            await _say_and_listen(page, messages)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code


async def _say_and_listen(page: ClientConnection, messages: list[str]) -> None:
    for message in messages:
        await page.send(message)
    while await asyncio.wait_for(page.recv(), 5):
        pass


async def test_what_is_sent_to_a_page_that_is_being_closed_is_dropped() -> None:
    """Closing takes a while; frames that were on their way are no fault of anybody's."""
    server, page = PatientServer(None, endpoints=["tcp:0"]), WebSocketProtocol()
    page.state, page.client_addr = WebSocketProtocol.STATE_CLOSING, None
    server.connections = {page: {}}
    await server.handle_reply(page, {"type": "websocket.send", "text": "{}"})
