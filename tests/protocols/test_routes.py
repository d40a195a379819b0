"""What the kernel says of the way out: read in networks of our own making."""

from pathlib import Path

import pytest

from ispcore.protocols import routes
from tests.harness.far_network import GATEWAY, far_network, why_not
from tests.harness.namespace import own_loopback

ANY = "0" * 32
needs_namespaces = pytest.mark.skipif(bool(why_not()), reason=why_not() or "-")


@needs_namespaces
def test_behind_a_gateway_there_is_a_route_to_everywhere() -> None:
    with far_network(1) as far:
        assert routes.default_gateways() == [GATEWAY]
        assert routes.has_route("198.51.100.1")
        assert routes.has_route("127.0.0.1")
        assert not routes.has_route("2001:db8::1")
        far.lose_our_port()
        assert routes.default_gateways() == []
        assert not routes.has_route("198.51.100.1")


@needs_namespaces
def test_with_a_loopback_alone_nothing_leaves() -> None:
    with own_loopback():
        assert routes.default_gateways() == []
        assert not routes.has_route("198.51.100.1")


@pytest.mark.parametrize(
    ("table", "text", "gateways"),
    [
        (
            "ipv6_route",
            f"{ANY} 00 {ANY} 00 20010db8000000000000000000000001 400 1 0 00000003 eth0\n"
            f"{ANY} 00 {ANY} 00 fe800000000000000000000000000001 400 1 0 00000003 wan0\n"
            f"{ANY} 00 {ANY} 00 {ANY} ffffffff 1 0 00200200 lo\n",
            ["2001:db8::1", "fe80::1%wan0"],
        ),
        (
            "route",
            "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT\n"
            "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0\n"
            "wg0\t00000000\t00000000\t0001\t0\t0\t0\t00000000\t0\t0\t0\n"
            "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0\n",
            ["192.0.2.1"],
        ),
        ("route", "", []),
    ],
)
def test_tables_of_the_kernel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: str, text: str, gateways: list[str]
) -> None:
    """As Linux 6.1 writes them; a table that is missing tells nothing."""
    (tmp_path / table).write_text(text)
    monkeypatch.setattr(routes, "_TABLES", tmp_path)
    assert routes.default_gateways() == gateways
