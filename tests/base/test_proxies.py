"""Whose request it is: the proxy's word where the proxy is ours, nobody else's."""

import ipaddress
from typing import Any

import pytest

from ispcore.base.addresses import client_address, may_come, neighbourhood, network_of, plain
from ispcore.base.proxies import TrustedProxies

OURS = [ipaddress.ip_network("127.0.0.1"), ipaddress.ip_network("10.1.0.0/16")]


@pytest.mark.parametrize(
    ("peer", "forwarded", "asks"),
    [
        ("203.0.113.9", [], "203.0.113.9"),
        ("203.0.113.9", ["198.51.100.1"], "203.0.113.9"),
        ("127.0.0.1", [], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        # what stands on the left was written by whoever came
        ("127.0.0.1", ["192.0.2.1, 198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["192.0.2.1", "198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["198.51.100.1, 10.1.2.3"], "198.51.100.1"),
        ("127.0.0.1", ["10.1.2.3"], "10.1.2.3"),
        ("127.0.0.1", ["2001:db8::7"], "2001:db8::7"),
        ("127.0.0.1", ["::ffff:198.51.100.1"], "198.51.100.1"),
        ("::ffff:127.0.0.1", ["198.51.100.1"], "198.51.100.1"),
        ("127.0.0.1", ["nonsense"], "127.0.0.1"),
        ("127.0.0.1", ["198.51.100.1, nonsense, 10.1.2.3"], "10.1.2.3"),
        ("127.0.0.1", [""], "127.0.0.1"),
    ],
)
def test_the_client_is_the_last_that_is_no_proxy_of_ours(
    peer: str, forwarded: list[str], asks: str
) -> None:
    assert client_address(peer, forwarded, OURS) == asks


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3::4", "2001:db8:1:2::/64"),
        ("", ""),
    ],
)
def test_a_host_is_known_by_its_network(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    ("address", "around"),
    [
        ("192.0.2.7", "192.0.2.0/24"),
        ("2001:db8:1:2ff:3::4", "2001:db8:1:200::/56"),
        ("2001:db8:1:2ff::/64", "2001:db8:1:200::/56"),
        ("nonsense", ""),
    ],
)
def test_the_same_line_comes_from_nearby_tomorrow(address: str, around: str) -> None:
    assert neighbourhood(address) == around


def test_an_address_is_plain_without_its_interface() -> None:
    assert plain("fe80::1%eth0") == "fe80::1"
    assert plain("::ffff:192.0.2.7") == "192.0.2.7"
    assert plain("") is plain("testclient") is None


def test_who_may_come_from_where() -> None:
    assert may_come("192.0.2.7", ["198.51.100.0/24", "192.0.2.7"])
    assert may_come("2001:db8::7", ["2001:db8::/32"])
    assert may_come(None, [])
    assert not may_come("192.0.2.8", ["198.51.100.0/24", "192.0.2.7"])
    assert not may_come(None, ["192.0.2.7"])


async def seen(peer: str, headers: list[tuple[bytes, bytes]], kind: str = "http") -> dict[str, Any]:
    """What the application is told."""
    told: dict[str, Any] = {}

    async def application(scope: Any, receive: Any, send: Any) -> None:
        told.update(scope)

    scope = {"type": kind, "client": [peer, 50_000], "headers": headers}
    await TrustedProxies(application, OURS)(scope, None, None)
    return told


@pytest.mark.parametrize("kind", ["http", "websocket"])
async def test_pages_and_sockets_know_the_same_client(kind: str) -> None:
    headers = [(b"x-forwarded-for", b"198.51.100.1"), (b"x-forwarded-proto", b"https")]
    told = await seen("127.0.0.1", headers, kind)
    assert told["client"] == ["198.51.100.1", 0]
    assert told["headers"] == headers


async def test_a_stranger_is_no_proxy(caplog: pytest.LogCaptureFixture) -> None:
    headers = [
        (b"host", b"portal.example.net"),
        (b"x-forwarded-for", b"127.0.0.1"),
        (b"x-forwarded-proto", b"https"),
        (b"forwarded", b"for=127.0.0.1"),
    ]
    told = await seen("203.0.113.9", headers)
    assert told["client"] == ["203.0.113.9", 50_000]
    assert told["headers"] == headers[:1]
    assert "203.0.113.9: not in TRUSTED_PROXIES" in caplog.text


@pytest.mark.parametrize("peer", ["fe80::1%eth0", "127.0.0.1"])
async def test_the_client_has_an_address_that_can_be_stored(peer: str) -> None:
    told = await seen(peer, [(b"x-forwarded-for", b"fe80::1%eth0")])
    assert told["client"][0] == "fe80::1"


async def test_what_has_no_client_passes() -> None:
    async def application(scope: Any, receive: Any, send: Any) -> None:
        scope["passed"] = True

    scope: dict[str, Any] = {"type": "lifespan"}
    await TrustedProxies(application, OURS)(scope, None, None)
    assert scope["passed"]
