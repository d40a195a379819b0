"""A router that means harm beside one that works: the working one is collected all the same."""

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from django.core.exceptions import ValidationError

from ispcore.base.audit import Actor
from ispcore.protocols.errors import ProtocolError
from routers.models import Interface, Poll, Router
from routers.operations import collection, discovery
from routers.operations import routers as operations
from tests.protocols.test_hostile_devices import PORT, RESOURCE, row
from tests.protocols.test_routeros_wire import DONE, server
from tests.routers.conftest import MakePlace

BY = Actor("test")
LONG = "9" * 5000
HOSTILE = {
    "counter": {"rx-byte": LONG, "tx-byte": LONG},
    "wide counter": {"rx-byte": str(2**64), "tx-byte": str(2**64 - 1)},
    "index": {".id": "*FFFFFFFF"},
    "name": {"name": "\u202e<script>alert(1)</script>" + "x" * 4000},
    "comment": {"comment": "=HYPERLINK(1)\x1b[2J" + "y" * 4000, "mac-address": "z" * 500},
    "no id": {".id": "1; drop"},
}


@dataclass
class Hostile:
    """A RouterOS API that gives `port` as its one interface, and these facts of itself."""

    port: dict[str, str] = field(default_factory=lambda: dict(PORT))
    vlan_id: str = "101"
    uptime: str = "1d"

    def __call__(self, client: socket.socket) -> None:
        while asked := client.recv(4096):
            client.sendall(self._answer(asked) + DONE)

    def _answer(self, asked: bytes) -> bytes:
        if b"/interface/vlan/" in asked:
            return row({"name": self.port["name"], "vlan-id": self.vlan_id})
        if b"/interface/" in asked:
            return row(self.port)
        if b"/system/resource" in asked:
            return row(RESOURCE | {"uptime": self.uptime, "board-name": "b" * 4000})
        if b"/system/identity" in asked:
            return row({"name": "n" * 4000})
        return b""


def _late(_self: Hostile, _asked: bytes) -> bytes:
    time.sleep(0.9)
    return b""


@pytest.fixture
def hostile() -> Hostile:
    return Hostile()


@pytest.fixture
def bad(hostile: Hostile, db: None) -> Iterator[Router]:
    with server(hostile, timeout_s=1.0) as target:
        yield operations.save(
            Router(
                name="hostile",
                address=target.address,
                api_port=target.port,
                api_user="x",
                ping_method=Router.PingMethod.OFF,
            ),
            by=BY,
        )


@pytest.mark.parametrize("harm", HOSTILE)
def test_what_one_router_sends_costs_the_others_nothing(
    place: MakePlace, hostile: Hostile, bad: Router, harm: str
) -> None:
    good = place()
    hostile.port |= HOSTILE[harm]
    for _ in range(2):
        collection.collect()
    assert good.last_poll().result == Poll.Result.OK
    assert good.state("vlan101").in_octets >= 0
    assert Poll.objects.filter(router=bad).exists()


@pytest.mark.parametrize("vlan_id", [LONG, "99999", "-5", "٣", "0", "1.5", ""])
def test_a_vlan_id_that_is_none_is_not_stored(hostile: Hostile, bad: Router, vlan_id: str) -> None:
    hostile.vlan_id = vlan_id
    discovery.discover(bad, by=BY)
    assert Interface.objects.get(router=bad).vlan_id is None


@pytest.mark.parametrize("uptime", ["9" * 400 + "w", "99999999w", "never"])
def test_an_impossible_uptime_fails_one_router(
    place: MakePlace, hostile: Hostile, bad: Router, uptime: str
) -> None:
    good = place()
    hostile.uptime = uptime
    collection.collect()
    assert good.last_poll().result == Poll.Result.OK
    assert isinstance(discovery.discover_many([bad], by=BY)[bad.pk], ProtocolError)


def test_a_router_that_answers_at_the_last_moment_holds_up_nobody(
    place: MakePlace, hostile: Hostile, bad: Router, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = place()
    collection.collect()
    monkeypatch.setattr(collection, "READ_LIMIT_S", 2.0)
    monkeypatch.setattr(Hostile, "_answer", _late)
    started = time.monotonic()
    summary = collection.collect()
    assert time.monotonic() - started < 60
    assert good.last_poll().result == Poll.Result.OK
    assert any("hostile" in failed for failed in summary.failed)


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "::", "255.255.255.255", "224.0.0.1", "ff02::1"),  # noqa: S104 - refused
        *("-f", "--help", "localhost", "127.1", "10.0.0.1; id", "10.0.0.1\n10.0.0.2", "$(id)"),
        *("http://10.0.0.1", "10.0.0.1:22", "[::1]", ""),
    ],
)
def test_an_address_that_is_no_routers_is_refused(db: None, address: str) -> None:
    with pytest.raises(ValidationError, match="address"):
        operations.save(Router(name="x", address=address, snmp_community="public"), by=BY)
    assert not Router.objects.exists()


def test_what_comes_after_the_percent_of_an_address_is_dropped(db: None) -> None:
    row = Router(name="x", address="fe80::1%-f\n::1", snmp_community="public")
    assert operations.save(row, by=BY).address == "fe80::1"
