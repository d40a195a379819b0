"""Routers behind an uplink, for tests that ping: two network namespaces joined by one cable.

This thread moves into the first, whose default gateway is the other; "routers" are addresses there.
"""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass

from tests.harness.namespace import own_loopback
from tests.harness.processes import PATH, program

GATEWAY = "10.77.0.1"
_OURS, _NAME = "10.77.0.2", f"ispcore-far-{os.getpid()}"


@dataclass(frozen=True)
class FarNetwork:
    """What can happen to it. `routers` are the addresses that are there at first."""

    routers: tuple[str, ...]

    def kill(self, *addresses: str) -> None:
        """Nobody answers at these any more, without a word."""
        _batch([f"addr del {address}/32 dev lo" for address in addresses], far=True)

    def revive(self, *addresses: str) -> None:
        _batch([f"addr add {address}/32 dev lo" for address in addresses], far=True)

    def cut_the_cable(self) -> None:
        """The far end is gone, and with it the gateway; our own routes stay."""
        _batch(["link set far0 down"], far=True)

    def mend_the_cable(self) -> None:
        _batch(["link set far0 up"], far=True)

    def lose_our_port(self) -> None:
        """Our own interface is down: no route leads anywhere."""
        _batch(["link set up0 down"])

    def raise_our_port(self) -> None:
        _batch(["link set up0 up", f"route replace default via {GATEWAY}"])


def why_not() -> str:
    """Why this machine cannot have such a network; empty where it can."""
    if os.geteuid():
        return "network namespaces take root"
    return "" if shutil.which("ip", path=PATH) else "ip (Debian: iproute2) is missing"


@contextlib.contextmanager
def far_network(count: int) -> Iterator[FarNetwork]:
    """`count` routers, all there. Programs and sockets of this thread reach them and nothing else."""
    routers = tuple(f"10.78.{n // 250}.{n % 250 + 1}" for n in range(count))
    with own_loopback() as made:
        if not made:
            raise OSError("no network namespace can be made here")
        _ip("netns", "add", _NAME)
        try:
            _join(routers)
            yield FarNetwork(routers)
        finally:
            _ip("netns", "del", _NAME)


def _join(routers: tuple[str, ...]) -> None:
    _batch(
        [
            f"link add up0 type veth peer name far0 netns {_NAME}",
            f"addr add {_OURS}/24 dev up0",
            "link set up0 up",
        ]
    )
    there = [f"addr add {address}/32 dev lo" for address in routers]
    _batch(
        [f"addr add {GATEWAY}/24 dev far0", "link set far0 up", "link set lo up", *there], far=True
    )
    _batch([f"route add default via {GATEWAY}"])


def _batch(lines: list[str], *, far: bool = False) -> None:
    _ip(*(["-n", _NAME] if far else []), "-batch", "-", given="\n".join(lines))


def _ip(*arguments: str, given: str = "") -> None:
    command = [program("ip"), *arguments]
    subprocess.run(command, input=given, text=True, check=True, capture_output=True)
