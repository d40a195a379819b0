"""The RouterOS API against the lab's routers."""

import contextlib
import hashlib
import ssl
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from ispcore.protocols.errors import Nonsense, Refused, Unreachable
from ispcore.protocols.polling import in_thread, poll_many
from ispcore.protocols.routeros import (
    Identity,
    RouterOsTarget,
    Session,
    connect,
    identity,
    polled,
    read_counters,
    read_interfaces,
)
from ispcore.protocols.snmp import Engine, SnmpTarget, Wanted, discover
from ispcore.protocols.snmp import read_counters as read_snmp_counters
from lab.testing import RunningLab, running_lab
from lab.verbs import HOSTILE_NAMES
from tests.harness.snmpd import has_ipv6
from tests.protocols.conftest import vlan_router


def api_of(lab: RunningLab, **properties: object) -> RouterOsTarget:
    target = RouterOsTarget(
        "127.0.0.1",
        port=lab.routers["r1"].api_port,
        user="noc",
        password="lab-password",
        timeout_s=1.0,
    )
    return replace(target, **properties)  # type: ignore[arg-type]  # a table of overrides


@pytest.fixture
def api(lab: RunningLab) -> RouterOsTarget:
    return api_of(lab)


@pytest.fixture
def session(api: RouterOsTarget) -> Iterator[Session]:
    with connect(api) as session:
        yield session


@pytest.fixture
def tls(lab: RunningLab) -> RouterOsTarget:
    return api_of(lab, port=lab.routers["r1"].api_tls_port, tls=True)


def fingerprint(target: RouterOsTarget) -> str:
    pem = ssl.get_server_certificate((target.address, target.port))
    return hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest()


def test_identity_says_who_the_router_is(session: Session) -> None:
    found = identity(session)
    assert found == Identity("r1", "7.16.2 (stable)", "CCR2004-1G-12S+2XS", found.uptime_s)
    assert found.uptime_s >= 9 * 86_400 + 4 * 3_600


def test_rows_hold_only_what_was_asked_for(session: Session) -> None:
    rows = session.rows("/interface", proplist=["name", "type"], where={"type": "vlan"})
    assert rows == [{"name": "vlan101", "type": "vlan"}, {"name": "vlan102", "type": "vlan"}]


def test_every_condition_must_hold(session: Session) -> None:
    where = {"type": "vlan", "name": "vlan102"}
    assert session.rows("/interface", proplist=["name"], where=where) == [{"name": "vlan102"}]


def test_no_row_is_no_error(session: Session) -> None:
    assert session.rows("/interface", proplist=["name"], where={"name": "nowhere"}) == []


def test_values_stay_text_however_they_look(session: Session, lab: RunningLab) -> None:
    lab.control("rename", router="r1", interface="vlan101", to="0101")
    lab.control("rename", router="r1", interface="vlan102", to="yes")
    rows = session.rows("/interface", proplist=["name"], where={"type": "vlan"})
    assert rows == [{"name": "0101"}, {"name": "yes"}]


def test_a_command_changes_the_router_and_tells_what_it_made(session: Session) -> None:
    made = session.command(
        "/queue/simple/add", **{"name": "q-ঢাকা", "target": "10.0.0.1/32", "max-limit": "1M/2M"}
    )
    assert made[0]["ret"].startswith("*")
    session.command("/queue/simple/set", **{".id": made[0]["ret"], "comment": "a=b=c"})
    rows = session.rows("/queue/simple", proplist=["name", "comment"])
    assert rows == [{"name": "q-ঢাকা", "comment": "a=b=c"}]


def test_a_refused_command_is_refused_in_the_routers_words_and_the_session_goes_on(
    session: Session,
) -> None:
    with pytest.raises(Refused, match="/queue/simple/nonsense"):
        session.command("/queue/simple/nonsense")
    assert not session.closed
    assert identity(session).name == "r1"


def test_interfaces_come_as_over_snmp(session: Session) -> None:
    found = {one.name: one for one in read_interfaces(session)}
    assert found["vlan101"].if_type == 135
    assert found["vlan101"].alias == "Meghna Net"
    assert found["ether1"].if_type == 6
    assert (found["ether1"].admin_state, found["ether1"].oper_state) == ("up", "down")
    assert found["sfp-sfpplus2"].oper_state == "up"
    assert {one.counter_bits for one in found.values()} == {64}
    assert len(found["ether1"].mac) == 17


async def test_the_api_and_snmp_agree_on_interfaces_and_counters(
    gufo: Engine, lab: RunningLab, api: RouterOsTarget, lab_snmp: SnmpTarget
) -> None:
    lab.control("level", router="r1", interface="vlan101", down_bps=0, up_bps=0)
    lab.control("level", router="r1", interface="vlan102", down_bps=0, up_bps=0)
    over_snmp = await discover(gufo, lab_snmp)
    over_api = await in_thread(polled, api, read_interfaces)
    assert [(one.index, one.name, one.mac, one.alias, one.if_type) for one in over_api] == [
        (one.index, one.name, one.mac, one.alias, one.if_type) for one in over_snmp.interfaces
    ]
    names = [one.name for one in over_api]
    wanted = [Wanted(one.index, one.name, 64) for one in over_snmp.interfaces]
    by_snmp = await read_snmp_counters(gufo, lab_snmp, wanted)
    by_api = await in_thread(polled, api, lambda session: read_counters(session, names))
    assert [(row.name, row.in_octets, row.out_octets, row.oper_state) for row in by_api.rows] == [
        (row.name, row.in_octets, row.out_octets, row.oper_state) for row in by_snmp.rows
    ]
    assert abs(by_api.uptime_ticks - by_snmp.uptime_ticks) <= 100 + 100
    assert (by_snmp.uptime_step_ticks, by_api.uptime_step_ticks) == (1, 100)
    assert by_api.if_number == by_snmp.if_number


def test_a_missing_interface_has_no_octets_and_asks_for_discovery(session: Session) -> None:
    reading = read_counters(session, ["vlan101", "gone"])
    there, gone = reading.rows
    assert there.in_octets is not None
    assert (gone.in_octets, gone.out_octets, gone.oper_state) == (None, None, "notPresent")
    assert reading.renumbered
    assert not read_counters(session, ["vlan101"]).renumbered


@pytest.mark.parametrize("kind", range(len(HOSTILE_NAMES)))
def test_a_hostile_name_costs_neither_itself_nor_the_others(
    session: Session, lab: RunningLab, kind: int
) -> None:
    lab.control("hostile", router="r1", interface="vlan101", kind=kind)
    found = read_interfaces(session)
    names = [one.name for one in found]
    assert len(found) == 5
    assert all(char.isprintable() or char == "\ufffd" for name in names for char in name)
    reading = read_counters(session, names)
    assert None not in {row.in_octets for row in reading.rows}
    assert not reading.renumbered


async def test_a_hostile_name_is_the_same_over_both_protocols(
    gufo: Engine, lab: RunningLab, api: RouterOsTarget, lab_snmp: SnmpTarget
) -> None:
    for kind, interface in enumerate(("ether1", "sfp-sfpplus1", "sfp-sfpplus2", "vlan101")):
        lab.control("hostile", router="r1", interface=interface, kind=kind)
    over_api = await in_thread(polled, api, read_interfaces)
    over_snmp = await discover(gufo, lab_snmp)
    assert [one.name for one in over_api] == [one.name for one in over_snmp.interfaces]


@pytest.mark.parametrize("wrong", [{"password": "no"}, {"user": "nobody"}, {"password": "পাস"}])
def test_wrong_credentials_are_refused_in_the_routers_words(
    api: RouterOsTarget, wrong: dict[str, str]
) -> None:
    with pytest.raises(Refused) as caught:
        connect(replace(api, **wrong))  # type: ignore[arg-type]  # a table of overrides
    assert str(caught.value) == "login refused: invalid user name or password (6)"


def test_a_password_of_any_script_logs_in() -> None:
    with (
        running_lab([vlan_router(password="পাসওয়ার্ড-é")]) as lab,
        connect(api_of(lab, password="পাসওয়ার্ড-é")) as session,
    ):
        assert identity(session).name == "r1"


def test_a_router_of_before_6_43_is_refused_unless_allowed() -> None:
    with running_lab([vlan_router(version="6.40.9", password="alt-é")]) as lab:
        old = api_of(lab, password="alt-é")
        with pytest.raises(Refused, match="old challenge login"):
            connect(old)
        allowed = replace(old, allow_challenge_login=True)
        with connect(allowed) as session:
            assert identity(session).version == "6.40.9 (stable)"
        with pytest.raises(Refused, match="login refused"):
            connect(replace(allowed, password="wrong"))


def test_a_dead_router_refuses_and_a_black_hole_is_unreachable(
    lab: RunningLab, api: RouterOsTarget
) -> None:
    lab.control("dead", router="r1")
    with pytest.raises(Refused) as refused:
        connect(api)
    assert str(refused.value) == f"connection refused on 127.0.0.1:{api.port}"
    lab.control("blackhole", router="r1")
    started = time.monotonic()
    with pytest.raises(Unreachable, match=r"no connection to .* in 0\.3 s"):
        connect(replace(api, timeout_s=0.3))
    assert time.monotonic() - started < 20


def test_a_slow_router_is_unreachable_and_its_session_closed(
    lab: RunningLab, session: Session
) -> None:
    lab.control("slow", router="r1", delay_ms=3000)
    with pytest.raises(Unreachable, match=r"to /system/identity/print in 1\.0 s"):
        identity(session)
    assert session.closed
    with pytest.raises(Unreachable, match="is closed"):
        identity(session)


def test_a_restart_breaks_the_session_and_a_new_one_works(
    lab: RunningLab, api: RouterOsTarget, session: Session
) -> None:
    lab.control("reboot", router="r1")
    with pytest.raises(Unreachable, match="closed the connection"):
        identity(session)
    with connect(api) as fresh:
        assert identity(fresh).uptime_s < 60


def test_nonsense_is_told_apart(lab: RunningLab, api: RouterOsTarget) -> None:
    lab.control("nonsense", router="r1")
    with pytest.raises(Nonsense):
        connect(api)


def test_tls_with_and_without_a_pin(tls: RouterOsTarget) -> None:
    right = fingerprint(tls)
    pins = ["", right, ":".join(right[at : at + 2] for at in range(0, 64, 2)).upper()]
    for pin in pins:
        with connect(replace(tls, tls_fingerprint=pin)) as session:
            assert identity(session).name == "r1"


def test_another_certificate_than_the_pinned_one_is_refused_before_the_password(
    tls: RouterOsTarget, lab: RunningLab
) -> None:
    before = lab.control("status")["routers"]["r1"]["api_logins"]
    with pytest.raises(Refused, match="is not the pinned one") as caught:
        connect(replace(tls, tls_fingerprint="ab" * 32))
    assert fingerprint(tls) in str(caught.value)
    assert lab.control("status")["routers"]["r1"]["api_logins"] == before


def test_plain_speech_to_a_tls_port_is_nonsense(tls: RouterOsTarget) -> None:
    with pytest.raises((Nonsense, Refused)):
        connect(replace(tls, tls=False))


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
def test_an_ipv6_router_is_reached_and_named_with_brackets() -> None:
    with running_lab([vlan_router(address="::1")]) as lab:
        target = api_of(lab, address="::1")
        assert polled(target, identity).name == "r1"
        lab.control("dead", router="r1")
        with pytest.raises(Refused, match=r"\[::1\]:"):
            connect(target)


def test_many_routers_are_polled_beside_each_other() -> None:
    specs = [vlan_router(f"r{number}", snmp_port=None, api_tls_port=None) for number in range(8)]
    with running_lab(specs) as lab:
        lab.control("blackhole", router="r3")

        def job(port: int) -> "object":
            target = RouterOsTarget("127.0.0.1", port, False, "noc", "lab-password", timeout_s=1.0)
            return lambda: in_thread(polled, target, identity)

        jobs = {name: job(device.api_port) for name, device in lab.routers.items()}
        results = poll_many(jobs, deadline_s=10)  # type: ignore[arg-type]
    assert isinstance(results.pop("r3"), Unreachable)
    assert {name: found.name for name, found in results.items()} == {n: n for n in results}  # type: ignore[attr-defined]


def test_secrets_stay_out_of_the_repr() -> None:
    assert "secret" not in repr(RouterOsTarget("::1", user="noc", password="secret"))


def test_closing_twice_is_no_error(api: RouterOsTarget) -> None:
    session = connect(api)
    with contextlib.closing(session):
        session.close()
    assert session.closed
