"""Routers of the lab on loopback, known to the portal, and a way to let five minutes pass."""

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from asgiref.sync import async_to_sync

from ispcore.base.audit import Actor
from lab.spec import RouterSpec, V3User, VlanSpec
from lab.testing import RunningLab, running_lab
from resellers.models import Reseller
from resellers.operations import resellers
from routers import targets
from routers.counter_states import CounterState
from routers.models import Interface, InterfaceUsage, Poll, Router, RouterCheck
from routers.operations import collection, pinging, watching
from routers.operations import routers as operations
from tests import counter_states

BY = Actor("test")
BUCKET_MS = 300_000
V3 = V3User("watcher", "SHA1", "auth-password-1", "AES128", "priv-password-1")
VLANS = (
    VlanSpec("vlan101", 101, "sfp-sfpplus2"),
    VlanSpec("vlan102", 102, "sfp-sfpplus2"),
    VlanSpec("vlan103", 103, "sfp-sfpplus2"),
)
_names = (f"edge-{number:02}" for number in itertools.count(1))


@dataclass
class Place:
    """One lab router as the portal knows it; `control` plays tricks on it."""

    router: Router
    lab: RunningLab

    def control(self, verb: str, **given: Any) -> dict[str, Any]:
        _settle(self.lab)
        return self.lab.control(verb, router=self.router.name, **given)

    def traffic(self, interface: str, *, rx: int, tx: int) -> None:
        """So many octets more, at once."""
        rows = self.lab.control("status")["routers"][self.router.name]["interfaces"]
        now = next(row for row in rows if row["name"] == interface)
        self.control(
            "preset",
            interface=interface,
            rx=now["rx_octets"] + rx,
            tx=now["tx_octets"] + tx,
        )

    def interface(self, name: str) -> Interface:
        return Interface.objects.get(router=self.router, name=name)

    def state(self, name: str) -> CounterState:
        return counter_states.states()[self.interface(name).pk]

    def counted(self, name: str) -> tuple[int, int]:
        """All octets (in, out) in buckets of an interface, finished and open."""
        state = self.state(name)
        rows = InterfaceUsage.objects.filter(interface=self.interface(name), in_bps__isnull=False)
        return (
            state.bucket_in_octets + sum(row.in_octets or 0 for row in rows),
            state.bucket_out_octets + sum(row.out_octets or 0 for row in rows),
        )

    def last_poll(self) -> Poll:
        return Poll.objects.filter(router=self.router).latest("pk")

    def check(self, method: str) -> RouterCheck:
        return RouterCheck.objects.get(router=self.router, method=method)

    def change(self, **values: Any) -> None:
        Router.objects.filter(pk=self.router.pk).update(**values)
        self.router.refresh_from_db()


MakePlace = Callable[..., Place]


def a_round(watch: watching.Watch | None = None) -> None:
    """One round of a watch, with all that it looks at again."""

    async def whole() -> None:
        ours = watch or watching.Watch()
        await ours.round()
        await ours.settle()

    async_to_sync(whole)()


@pytest.fixture(autouse=True)
def _little_patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """On loopback nobody is waited for long; a new router is read twice without a pause."""
    monkeypatch.setattr(collection, "SECOND_LOOK_S", 0.05)
    monkeypatch.setattr(targets, "API_TIMEOUT_S", 1.0)
    monkeypatch.setattr(targets, "SNMP_TIMEOUT_S", 1.0)
    monkeypatch.setattr(pinging, "TIMEOUT_MS", 250)


@pytest.fixture
def place(db: None) -> Iterator[MakePlace]:
    """place(spec=..., **columns) starts a lab router and enters it into the portal."""
    with ExitStack() as running:
        yield lambda **given: _place(running, **given)


@pytest.fixture
def shared_place(transactional_db: None) -> Iterator[MakePlace]:
    """The same for tests with several threads."""
    with ExitStack() as running:
        yield lambda **given: _place(running, **given)


@pytest.fixture
def edge(place: MakePlace) -> Place:
    """A router with SNMP v2c and API, read twice."""
    made = place()
    collection.collect()
    return made


@pytest.fixture
def dhaka(db: None) -> Reseller:
    return resellers.create("Dhaka Fibre", by=BY)


def _place(running: ExitStack, *, spec: dict[str, Any] | None = None, **columns: Any) -> Place:
    name = next(_names)
    lab = running.enter_context(
        running_lab(
            [RouterSpec(**{"name": name, "vlans": VLANS, "v3_users": (V3,)} | (spec or {}))]
        )
    )
    running.callback(_settle, lab)
    device = lab.routers[name]
    usual = {
        "name": name,
        "address": device.spec.address,
        "ping_method": Router.PingMethod.OFF,
        "api_port": device.api_port,
        "api_user": device.spec.username,
        "api_password": device.spec.password,
        "snmp_port": device.snmp_port,
        "snmp_community": device.spec.community,
    }
    return Place(operations.save(Router(**usual | columns), by=BY), lab)


def _settle(lab: RunningLab) -> None:
    """Let the lab's loop go round until it has taken up every connection that was made.

    A server that is closed between accepting a connection and taking it up loses the socket
    (Python 3.11: Server._attach fails), and the garbage collector complains somewhere else.
    """
    for _ in range(6):
        lab.control("status")


def _earlier(state: CounterState) -> None:
    state.at_ms -= BUCKET_MS
    state.uptime_ticks = max(state.uptime_ticks - BUCKET_MS // 10, 0)
    state.bucket_ms -= BUCKET_MS


def five_minutes_pass() -> None:
    """As if all that was read so far had been read five minutes earlier."""
    counter_states.change_all(_earlier)
    rows = list(InterfaceUsage.objects.all())
    InterfaceUsage.objects.all().delete()
    for row in rows:
        row.bucket -= timedelta(milliseconds=BUCKET_MS)
    InterfaceUsage.objects.bulk_create(rows)
