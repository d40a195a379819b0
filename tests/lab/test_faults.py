"""A router that is slow, lossy, dead, refusing or out of its mind, and comes back."""

import socket
import time
from collections.abc import Iterator

import librouteros
import pytest
from librouteros.exceptions import LibRouterosError, TrapError

from lab import ber
from lab.device import PortInUse
from lab.spec import V3User
from lab.testing import RunningLab, running_lab
from lab.verbs import BadControl
from tests.lab.conftest import two_vlans

USER = V3User("noc", "SHA1", "password-one")


@pytest.fixture
def lab() -> Iterator[RunningLab]:
    with running_lab([two_vlans(v3_users=(USER,))]) as running:
        yield running


def get_sys_name(lab: RunningLab, timeout_s: float = 0.5) -> bytes | None:
    """What comes back for one SNMP request, None for silence."""
    rows: list[ber.Varbind] = [((1, 3, 6, 1, 2, 1, 1, 5, 0), ber.NULL, None)]
    pdu = ber.sequence(*(ber.integer(0) for _ in range(3)), ber.varbinds(rows), tag=0xA0)
    request = ber.sequence(ber.integer(1), ber.octet_string(b"lab-community"), pdu)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(timeout_s)
        client.sendto(request, ("127.0.0.1", lab.routers["r1"].snmp_port))
        try:
            return client.recv(2000)
        except TimeoutError:
            return None


def identity(lab: RunningLab, timeout_s: float = 2) -> str:
    """The router's name over its API; raises what librouteros raises."""
    port = lab.routers["r1"].api_port
    api = librouteros.connect(
        "127.0.0.1", port=port, username="noc", password="lab-password", timeout=timeout_s
    )
    try:
        return str(next(iter(api("/system/identity/print")))["name"])
    finally:
        api.close()


def test_a_dead_router_refuses_and_is_silent(lab: RunningLab) -> None:
    lab.control("dead")
    assert get_sys_name(lab) is None
    with pytest.raises(ConnectionRefusedError):
        identity(lab)


def test_a_black_hole_lets_connects_time_out(lab: RunningLab) -> None:
    lab.control("blackhole")
    assert get_sys_name(lab) is None
    with pytest.raises(TimeoutError):
        identity(lab, timeout_s=0.5)


def test_a_refusing_router_says_no(lab: RunningLab) -> None:
    lab.control("refuse")
    assert get_sys_name(lab) is None
    with pytest.raises(TrapError, match="invalid user name or password"):
        identity(lab)


def test_nonsense_is_octets_of_no_protocol(lab: RunningLab) -> None:
    lab.control("nonsense")
    answer = get_sys_name(lab)
    assert answer is not None
    assert answer[:1] != b"\x30"
    with pytest.raises(LibRouterosError):
        identity(lab)


@pytest.mark.parametrize("mode", ["dead", "blackhole", "refuse", "nonsense"])
def test_everything_passes(lab: RunningLab, mode: str) -> None:
    ports = lab.routers["r1"].api_port, lab.routers["r1"].snmp_port
    lab.control(mode)
    lab.control("alive")
    assert identity(lab) == "r1"
    assert get_sys_name(lab) is not None
    assert (lab.routers["r1"].api_port, lab.routers["r1"].snmp_port) == ports


def test_death_breaks_a_session_that_is_open(lab: RunningLab) -> None:
    port = lab.routers["r1"].api_port
    with socket.create_connection(("127.0.0.1", port), timeout=2) as client:
        lab.control("status")
        lab.control("dead")
        with pytest.raises(ConnectionResetError):
            client.recv(1)


def test_bringing_a_healthy_router_to_life_disturbs_nobody(lab: RunningLab) -> None:
    port = lab.routers["r1"].api_port
    api = librouteros.connect("127.0.0.1", port=port, username="noc", password="lab-password")
    lab.control("alive")
    assert list(api("/system/identity/print")) == [{"name": "r1"}]
    api.close()


def test_a_slow_router_answers_late(lab: RunningLab) -> None:
    lab.control("slow", delay_ms=300)
    start = time.monotonic()
    assert get_sys_name(lab, timeout_s=2) is not None
    assert time.monotonic() - start >= 0.3
    start = time.monotonic()
    assert identity(lab) == "r1"
    assert time.monotonic() - start >= 0.6  # login and command


def test_a_share_of_datagrams_is_lost(lab: RunningLab) -> None:
    lab.control("loss", share=0.5)
    answers = [get_sys_name(lab, timeout_s=0.05) for _ in range(40)]
    assert 8 <= sum(answer is None for answer in answers) <= 32


def test_full_loss_breaks_every_connection(lab: RunningLab) -> None:
    lab.control("loss", share=1.0)
    assert get_sys_name(lab, timeout_s=0.1) is None
    with pytest.raises((LibRouterosError, OSError)):
        identity(lab)


@pytest.mark.parametrize(
    ("verb", "given", "message"),
    [
        ("explode", {}, "unknown verb 'explode'"),
        ("dead", {"router": "r9"}, "no router called 'r9'"),
        ("loss", {"share": 2}, "from 0 to 1"),
        ("mode", {"mode": "sleepy"}, "unknown mode 'sleepy'"),
        ("level", {"interface": "nope"}, "no interface called 'nope'"),
        ("level", {"interface": "vlan101", "multiplier": -1}, "cannot be negative"),
        ("level", {}, "missing a required argument: 'interface'"),
        ("slow", {"delay_ms": 1, "colour": "red"}, "unexpected keyword argument 'colour'"),
        (
            "add-interface",
            {"name": "vlan101", "vlan_id": 5, "parent": "ether1"},
            "there is an interface called 'vlan101'",
        ),
    ],
)
def test_a_wrong_request_is_explained(
    lab: RunningLab, verb: str, given: dict[str, object], message: str
) -> None:
    with pytest.raises(BadControl, match=message):
        lab.control(verb, **given)


def test_interfaces_come_go_and_change_their_names(lab: RunningLab) -> None:
    lab.control("add-interface", name="vlan103", vlan_id=103, parent="sfp-sfpplus2")
    lab.control("rename", interface="vlan103", to="Jamuna (103)")
    lab.control("remove-interface", interface="vlan102")
    status = lab.control("status")["routers"]["r1"]
    names = [row["name"] for row in status["interfaces"]]
    assert names == ["ether1", "sfp-sfpplus1", "sfp-sfpplus2", "vlan101", "Jamuna (103)"]


def test_status_counts_logins(lab: RunningLab) -> None:
    identity(lab)
    status = lab.control("status")["routers"]["r1"]
    assert (status["api_connections"], status["api_logins"]) == (1, 1)


def test_reboot_breaks_sessions_and_may_renumber(lab: RunningLab) -> None:
    lab.control("reboot", renumber=True)
    status = lab.control("status")["routers"]["r1"]
    assert status["uptime_s"] < 5
    assert min(row["index"] for row in status["interfaces"]) > 5


def test_a_port_in_use_is_named_and_nothing_stays_open(lab: RunningLab) -> None:
    taken = lab.routers["r1"].api_port
    free = two_vlans("free", snmp_port=None)
    clash = two_vlans("clash", api_port=taken, snmp_port=None)
    with (
        pytest.raises(PortInUse, match=f"clash: cannot serve api on 127.0.0.1 port {taken}"),
        running_lab([free, clash]),
    ):
        pass
