"""Pings: fping itself, a stand-in for it on the path, and TCP where there is none."""

import asyncio
import logging
import shutil
import socket
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from ispcore.protocols import icmp
from ispcore.protocols.icmp import PingResult, ping_many, tcp_ping, tcp_pings_async
from tests.harness.processes import free_port
from tests.harness.snmpd import has_ipv6

needs_fping = pytest.mark.skipif(shutil.which("fping") is None, reason="fping is not installed")


@pytest.fixture
def listener() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server.getsockname()[1]


@pytest.fixture
def fping(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where to write a program that is found as `fping`; none is found until then."""
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(icmp, "_complained", {})
    return tmp_path / "fping"


def script(path: Path, body: str) -> None:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


@needs_fping
@pytest.mark.servers
def test_this_machine_is_alive() -> None:
    addresses = ["127.0.0.1", *(["::1"] if has_ipv6() else [])]
    results = ping_many(addresses, count=2, timeout_ms=500)
    assert list(results) == addresses
    for address, result in results.items():
        assert (result.address, result.alive, result.method) == (address, True, "icmp")
        assert result.loss_percent == 0.0
        assert result.rtt_ms is not None
        assert 0 <= result.rtt_ms < 500


@needs_fping
@pytest.mark.servers
def test_two_hundred_addresses_take_no_longer_than_a_second_or_two() -> None:
    started = time.monotonic()
    results = ping_many([f"127.0.1.{host}" for host in range(1, 201)], timeout_ms=500)
    assert {result.alive for result in results.values()} == {True}
    assert time.monotonic() - started < 40


@needs_fping
@pytest.mark.servers
def test_addresses_keep_the_form_in_which_they_were_given() -> None:
    results = ping_many(["127.0.0.1", "127.0.0.1", "0:0:0:0:0:0:0:1"])
    assert list(results) == ["127.0.0.1", "0:0:0:0:0:0:0:1"]
    assert results["0:0:0:0:0:0:0:1"].address == "0:0:0:0:0:0:0:1"


def test_what_is_no_address_is_unknown_and_never_reaches_a_shell(tmp_path: Path) -> None:
    evil = ["router.example", "-h", f"127.0.0.1; touch {tmp_path}/x", "", "127.0.0.1\n::1"]
    evil += ["fe80::1%-f", "fe80::1%lo\n::1", "fe80::1%a b"]
    results = ping_many(evil)
    assert [result.alive for result in results.values()] == [None] * 8
    assert {(result.method, result.error) for result in results.values()} == {
        ("none", "not an IP address")
    }
    assert list(tmp_path.iterdir()) == []


def test_no_addresses_is_no_work() -> None:
    assert ping_many([]) == {}


def test_a_silent_address_is_asked_again_and_then_not_alive(fping: Path) -> None:
    script(fping, f'echo x >> {fping}.calls; while read one; do echo "$one : -"; done; exit 1')
    result = ping_many(["192.0.2.1"], timeout_ms=300, tries=3)["192.0.2.1"]
    assert result == PingResult(
        "192.0.2.1", False, None, 100.0, "icmp", "no answer to ping in 0.9 s (3 sent)"
    )
    assert Path(f"{fping}.calls").read_text() == "x\n" * 3


def test_an_answer_to_the_second_try_is_half_lost(fping: Path) -> None:
    script(
        fping,
        f'read one; if [ -e {fping}.again ]; then echo "$one : 12.5"; '
        f'else : > {fping}.again; echo "$one : -"; exit 1; fi',
    )
    result = ping_many(["2001:db8::1"], tries=2)["2001:db8::1"]
    assert result == PingResult("2001:db8::1", True, 12.5, 50.0, "icmp")


def test_partial_loss_and_the_best_time_are_reported(fping: Path) -> None:
    script(
        fping,
        'read one; echo "ICMP Host Unreachable from 192.0.2.9 for ICMP Echo sent to $one"; '
        'echo "$one    : 8.10 - 2.25 -"',
    )
    result = ping_many(["192.0.2.1"], count=4)["192.0.2.1"]
    assert (result.alive, result.rtt_ms, result.loss_percent) == (True, 2.25, 50.0)


def test_without_fping_a_tcp_connect_is_tried_and_marked(
    fping: Path, listener: int, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="ispcore.protocols.icmp"):
        result = ping_many(["127.0.0.1"], tcp_port=listener)["127.0.0.1"]
        ping_many(["127.0.0.1"], tcp_port=listener)
    assert (result.alive, result.method, result.loss_percent) == (True, "tcp", 0.0)
    assert result.rtt_ms is not None
    assert caplog.messages == [
        f"fping: No such file or directory, trying TCP port {listener} instead"
    ]


def test_without_fping_a_refused_connection_proves_the_host_too(fping: Path) -> None:
    result = ping_many(["127.0.0.1"], tcp_port=free_port())["127.0.0.1"]
    assert (result.alive, result.method, result.error) == (True, "tcp", "")


def test_an_fping_that_may_not_open_sockets_counts_as_missing(fping: Path, listener: int) -> None:
    script(fping, 'echo "fping: can\'t create socket (must run as root?)" >&2; exit 4')
    assert ping_many(["127.0.0.1"], tcp_port=listener)["127.0.0.1"].method == "tcp"


def test_an_fping_that_says_nothing_and_fails_counts_as_missing(
    fping: Path, listener: int, caplog: pytest.LogCaptureFixture
) -> None:
    script(fping, "exit 3")
    assert ping_many(["127.0.0.1"], tcp_port=listener)["127.0.0.1"].method == "tcp"
    assert "exit status 3" in caplog.text


def test_an_fping_that_never_ends_is_ended(
    fping: Path, listener: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ispcore.protocols.icmp.MARGIN_S", 0.2)
    script(fping, f"echo $$ > {fping}.pid; exec /bin/sleep 60")
    started = time.monotonic()
    assert ping_many(["127.0.0.1"], timeout_ms=100, tcp_port=listener)["127.0.0.1"].alive is True
    assert time.monotonic() - started < 40
    assert not Path(f"/proc/{Path(f'{fping}.pid').read_text().strip()}").exists()


def test_where_neither_works_it_is_unknown(fping: Path) -> None:
    """TCP cannot even be tried with a multicast address: nothing is sent."""
    result = ping_many(["224.0.0.1"])["224.0.0.1"]
    assert (result.alive, result.method, result.rtt_ms) == (None, "none", None)
    assert result.error.startswith("cannot connect to port 8728")


async def test_several_connects_are_counted_like_echoes(listener: int) -> None:
    started = time.monotonic()
    result = await tcp_pings_async("127.0.0.1", listener, count=3, apart_s=0.1)
    assert (result.alive, result.loss_percent) == (True, 0.0)
    assert 0.2 <= time.monotonic() - started < 15
    refused = await tcp_pings_async("127.0.0.1", free_port(), count=2, apart_s=0.1)
    assert (refused.alive, refused.loss_percent, refused.error) == (
        False,
        100.0,
        "connection refused",
    )
    unknown = await tcp_pings_async("no such name", 80, count=2, apart_s=0.1)
    assert (unknown.alive, unknown.loss_percent) == (None, None)


async def test_connects_that_are_answered_now_and_then_are_partly_lost() -> None:
    port, servers = free_port(), list[socket.socket]()

    async def open_up() -> None:
        await asyncio.sleep(0.3)
        servers.append(socket.create_server(("127.0.0.1", port)))

    opening = asyncio.create_task(open_up())
    result = await tcp_pings_async("127.0.0.1", port, count=4, apart_s=0.2)
    await opening
    servers[0].close()
    assert (result.alive, result.loss_percent) == (True, 50.0)


def test_without_fping_as_many_connects_are_made_as_echoes_were_wanted(
    fping: Path, listener: int
) -> None:
    started = time.monotonic()
    result = ping_many(["127.0.0.1"], count=3, timeout_ms=100, tcp_port=listener)["127.0.0.1"]
    assert (result.alive, result.loss_percent) == (True, 0.0)
    assert time.monotonic() - started >= 0.2


def test_tcp_ping_of_an_open_port(listener: int) -> None:
    result = tcp_ping("127.0.0.1", listener)
    assert (result.alive, result.method, result.loss_percent) == (True, "tcp", 0.0)


def test_tcp_ping_of_a_closed_port_is_not_alive() -> None:
    result = tcp_ping("127.0.0.1", free_port(), 1.0)
    assert (result.alive, result.method, result.error) == (False, "tcp", "connection refused")


def test_tcp_ping_that_nobody_answers_is_not_alive() -> None:
    with socket.socket() as full, socket.socket() as filler, socket.socket() as filler_too:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        for one in (filler, filler_too):
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        result = tcp_ping("127.0.0.1", full.getsockname()[1], 0.3)
    assert (result.alive, result.method) == (False, "tcp")
    assert result.error.endswith("in 0.3 s")


def test_tcp_ping_that_cannot_even_be_tried_is_unknown() -> None:
    result = tcp_ping("no such name", 80, 1.0)
    assert (result.alive, result.method, result.rtt_ms) == (None, "none", None)
