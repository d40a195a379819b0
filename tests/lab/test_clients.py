"""Three RouterOS clients that nobody here wrote talk to the lab."""

import contextlib
import json
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import librouteros
import pytest
import routeros_api
from librouteros.exceptions import TrapError
from librouteros.login import token
from librouteros.query import Key
from routeros_api.exceptions import (
    RouterOsApiCommunicationError,
    RouterOsApiConnectionError,
)

from lab.testing import RunningLab, running_lab
from tests.lab.conftest import two_vlans

USER, PASSWORD = "noc", "lab-password"


@contextlib.contextmanager
def librouteros_api(port: int, **given: Any) -> Iterator[librouteros.api.Api]:
    given = {"username": USER, "password": PASSWORD, "timeout": 5, "encoding": "utf-8"} | given
    api = librouteros.connect("127.0.0.1", port=port, **given)
    try:
        yield api
    finally:
        api.close()


@contextlib.contextmanager
def pypi_api(port: int, **given: Any) -> Iterator[Any]:
    given = {"username": USER, "password": PASSWORD, "plaintext_login": True} | given
    pool = routeros_api.RouterOsApiPool("127.0.0.1", port=port, **given)
    try:
        yield pool.get_api()
    finally:
        pool.disconnect()


def node(folder: Path, port: int, job: str, password: str = PASSWORD) -> Any:
    """The answer of node-routeros; raises AssertionError with its words."""
    script = Path(__file__).parent / "node" / "client.js"
    command = ["node", str(script), str(folder), str(port), USER, password, job]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


# ---- librouteros


def test_librouteros_reads_interfaces(lab: RunningLab) -> None:
    with librouteros_api(lab.routers["r1"].api_port) as api:
        name, kind = Key("name"), Key("type")
        rows = list(api.path("interface").select(name, kind).where(kind == "vlan"))
    assert rows == [{"name": "vlan101", "type": "vlan"}, {"name": "vlan102", "type": "vlan"}]


def test_librouteros_adds_sets_and_removes_a_queue(lab: RunningLab) -> None:
    with librouteros_api(lab.routers["r1"].api_port) as api:
        queues = api.path("queue", "simple")
        made = queues.add(name="silver", target="vlan101", **{"max-limit": "5M/10M"})
        queues.update(**{".id": made, "comment": "for Meghna = good"})
        (row,) = list(queues)
        queues.remove(made)
        with pytest.raises(TrapError, match="no such item"):
            queues.remove(made)
        assert list(queues) == []
    assert row["max-limit"] == "5000000/10000000"
    assert row["comment"] == "for Meghna = good"


def test_librouteros_logs_in_with_a_challenge_to_an_old_router() -> None:
    with (
        running_lab([two_vlans(version="6.42.12")]) as lab,
        librouteros_api(lab.routers["r1"].api_port, login_method=token) as api,
    ):
        assert next(iter(api("/system/identity/print"))) == {"name": "r1"}


def test_librouteros_is_told_of_a_wrong_password(lab: RunningLab) -> None:
    with (
        pytest.raises(TrapError, match=r"invalid user name or password \(6\)"),
        librouteros_api(lab.routers["r1"].api_port, password="wrong"),
    ):
        pass


# ---- RouterOS-api


def test_routeros_api_adds_sets_and_removes_a_vlan(lab: RunningLab) -> None:
    with pypi_api(lab.routers["r1"].api_port) as api:
        vlans = api.get_resource("/interface/vlan")
        vlans.add(name="vlan300", interface="sfp-sfpplus2", vlan_id="300")
        (row,) = vlans.get(name="vlan300")
        vlans.set(id=row["id"], comment="Padma")
        assert vlans.get(name="vlan300")[0]["comment"] == "Padma"
        vlans.remove(id=row["id"])
        assert vlans.get(name="vlan300") == []


def test_routeros_api_reads_over_tls(lab: RunningLab) -> None:
    tls = {"use_ssl": True, "ssl_verify": False, "ssl_verify_hostname": False}
    with pypi_api(lab.routers["r1"].api_tls_port, **tls) as api:
        assert api.get_resource("/system/resource").get()[0]["version"] == "7.16.2 (stable)"


def test_routeros_api_logs_in_with_a_challenge_to_an_old_router() -> None:
    with (
        running_lab([two_vlans(version="6.42.12")]) as lab,
        pypi_api(lab.routers["r1"].api_port, plaintext_login=False) as api,
    ):
        assert api.get_resource("/system/identity").get()[0]["name"] == "r1"


def test_routeros_api_names_what_is_wrong(lab: RunningLab) -> None:
    with pypi_api(lab.routers["r1"].api_port) as api:
        vlans = api.get_resource("/interface/vlan")
        with pytest.raises(RouterOsApiCommunicationError, match="out of range"):
            vlans.add(name="v", interface="sfp-sfpplus2", vlan_id="4095")
        with pytest.raises(RouterOsApiCommunicationError, match="already have interface"):
            vlans.add(name="vlan101", interface="sfp-sfpplus2", vlan_id="9")


def test_routeros_api_is_refused_by_a_dead_router() -> None:
    with running_lab([two_vlans()]) as lab:
        port = lab.routers["r1"].api_port
        lab.control("dead")
        with pytest.raises(RouterOsApiConnectionError), pypi_api(port):
            pass
        lab.control("alive")
        with pypi_api(port) as api:
            assert api.get_resource("/system/identity").get()[0]["name"] == "r1"


# ---- node-routeros


@pytest.mark.servers
def test_node_routeros_reads_interfaces(lab: RunningLab, node_modules: Path) -> None:
    rows = node(node_modules, lab.routers["r1"].api_port, "print")
    assert [row["name"] for row in rows] == ["vlan101", "vlan102"]
    assert set(rows[0]) - {".tag"} == {"name", ".id", "tx-byte"}


@pytest.mark.servers
def test_node_routeros_adds_sets_and_removes_a_queue(lab: RunningLab, node_modules: Path) -> None:
    answer = node(node_modules, lab.routers["r1"].api_port, "queue")
    assert answer["rows"][0]["max-limit"] == "10000000/20000000"
    assert answer["trap"] == "no such item"


@pytest.mark.servers
def test_node_routeros_streams_and_cancels(lab: RunningLab, node_modules: Path) -> None:
    answer = node(node_modules, lab.routers["r1"].api_port, "stream")
    assert len(answer["seen"]) >= 3  # one list of rows for each section
    assert int(answer["seen"][0][0]["tx-bits-per-second"]) > 0
    assert answer["after"][0]["name"] == "r1"


@pytest.mark.servers
def test_node_routeros_is_told_of_a_wrong_password(lab: RunningLab, node_modules: Path) -> None:
    with pytest.raises(AssertionError, match="Username or password is invalid"):
        node(node_modules, lab.routers["r1"].api_port, "print", password="wrong")


@pytest.mark.servers
def test_node_routeros_trips_over_empty_from_7_18_on(node_modules: Path) -> None:
    """Its defect, met in the field: an unknown reply word throws outside of any promise."""
    routers = [two_vlans("old", version="7.17.2"), two_vlans("new", version="7.18")]
    with running_lab(routers) as lab:
        assert node(node_modules, lab.routers["old"].api_port, "empty") == []
        with pytest.raises(AssertionError, match="UNKNOWNREPLY"):
            node(node_modules, lab.routers["new"].api_port, "empty")


# ---- names that no client expects


@pytest.mark.parametrize("kind", range(8))
def test_hostile_names_do_not_cost_another_row(kind: int) -> None:
    with running_lab([two_vlans()]) as lab:
        lab.control("hostile", interface="vlan101", kind=kind)
        with librouteros_api(lab.routers["r1"].api_port, encoding="latin-1") as api:
            names = [row["name"] for row in api("/interface/print")]
    assert len(names) == 5
    assert names[-1] == "vlan102"


def test_ipv6_loopback_serves_both_protocols() -> None:
    with running_lab([two_vlans(address="::1")]) as lab:
        port = lab.routers["r1"].api_port
        with socket.create_connection(("::1", port), timeout=2):
            assert lab.routers["r1"].snmp_port
