"""A device that nobody here wrote: Debian's net-snmp agent, polled for this machine's loopback."""

import socket
import subprocess
import threading
import time
from collections.abc import Iterator

import pytest

from ispcore.base.audit import Actor
from resellers.models import Mapping, Usage
from resellers.operations import mappings, resellers
from routers.models import Interface, Router
from routers.operations import collection, routers
from tests.counter_states import states
from tests.harness import snmpd
from tests.harness.namespace import own_loopback
from tests.harness.processes import program
from tests.harness.snmpd import Agent

pytestmark = [pytest.mark.journey, pytest.mark.servers, pytest.mark.django_db]
BY = Actor("test")
BUCKET_S, PERIOD_S = 300, 12
CHUNK = b"\0" * 65_536
RATE_OCTETS_PER_S = 200_000_000  # far above what else goes over this machine's loopback
CACHE_OID = "1.3.6.1.4.1.8072.1.5.3.1.2.1.3.6.1.2.1.2.2"  # nsCacheTimeout of ifTable, seconds


@pytest.fixture
def quiet_agent() -> Iterator[Agent]:
    """The agent on a loopback of its own, where we may make one: nothing else is counted."""
    with own_loopback():
        agent, running = snmpd.start()
        try:
            yield agent
        finally:
            snmpd.stop(agent, running)


def test_bytes_over_the_loopback_become_usage_within_two_percent(quiet_agent: Agent) -> None:
    shorten_cache(quiet_agent)
    mapping = mapped_loopback(quiet_agent)
    pushed = 0
    for _ in range(2):
        pushed += push(PERIOD_S)
        time.sleep(2)  # the agent's cache
        collection.collect()
    wait_for_the_next_bucket()
    collection.collect()
    counted = sum_of_usage(mapping)
    assert counted == pytest.approx(pushed, rel=0.02)
    assert states()[mapping.interface_id].in_bps is not None


def shorten_cache(agent: Agent) -> None:
    command = [program("snmpset"), "-v2c", "-c", agent.community, f"{agent.host}:{agent.port}"]
    subprocess.run([*command, CACHE_OID, "i", "1"], check=True, capture_output=True)


def mapped_loopback(agent: Agent) -> Mapping:
    router = routers.save(
        Router(
            name="this-machine",
            address=agent.host,
            ping_method=Router.PingMethod.OFF,
            counter_source=Router.CounterSource.SNMP,
            snmp_port=agent.port,
            snmp_community=agent.community,
        ),
        by=BY,
    )
    collection.collect()
    loopback = Interface.objects.get(router=router, name="lo")
    return mappings.add(resellers.create("Loopback Ltd", by=BY), interface=loopback, by=BY)


def push(seconds: float) -> int:
    """Send bytes over TCP on the loopback at a steady rate; returns how many."""
    server = socket.create_server(("127.0.0.1", 0))
    drain = threading.Thread(target=_drain, args=(server,), daemon=True)
    drain.start()
    sent, started = 0, time.monotonic()
    with socket.create_connection(server.getsockname()) as wire:
        while (gone := time.monotonic() - started) < seconds:
            if sent < gone * RATE_OCTETS_PER_S:
                wire.sendall(CHUNK)
                sent += len(CHUNK)
            else:
                time.sleep(0.001)
    drain.join(10)
    server.close()
    return sent


def _drain(server: socket.socket) -> None:
    wire, _ = server.accept()
    with wire:
        while wire.recv(1 << 20):
            pass


def wait_for_the_next_bucket() -> None:
    now = time.time()
    time.sleep(BUCKET_S - now % BUCKET_S + 0.5)


def sum_of_usage(mapping: Mapping) -> int:
    rows = Usage.objects.filter(mapping=mapping, in_octets__isnull=False)
    return sum(row.in_octets or 0 for row in rows)
