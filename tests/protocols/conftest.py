"""Fixtures of the protocol tests: both SNMP engines, and whom they talk to."""

import importlib.util
from collections.abc import Iterator

import pytest

from ispcore.protocols.snmp import Engine, SnmpTarget, engine
from lab.spec import RouterSpec, V3User, VlanSpec
from lab.testing import RunningLab, running_lab
from lab.traffic import Profile
from tests.harness.snmpd import Agent

V3_USER = V3User("noc", "SHA1", "lab-auth-key", "AES128", "lab-priv-key")


@pytest.fixture(params=["gufo", "easysnmp"])
def snmp(request: pytest.FixtureRequest) -> Engine:
    """Each engine in turn: the contract is the same."""
    if request.param == "easysnmp" and importlib.util.find_spec("easysnmp") is None:
        pytest.skip("easysnmp is not installed: it needs libsnmp-dev and gcc")
    return engine(request.param)


@pytest.fixture
def gufo() -> Engine:
    return engine("gufo")


@pytest.fixture
def v2c(snmpd: Agent) -> SnmpTarget:
    return SnmpTarget("127.0.0.1", port=snmpd.port, community=snmpd.community, timeout_s=3.0)


@pytest.fixture
def v3(snmpd: Agent) -> SnmpTarget:
    return SnmpTarget(
        "127.0.0.1",
        port=snmpd.port,
        version="v3",
        user=snmpd.user,
        auth_protocol="SHA1",
        auth_key=snmpd.auth_password,
        priv_protocol="AES128",
        priv_key=snmpd.priv_password,
        timeout_s=2.0,
    )


def vlan_router(name: str = "r1", **properties: object) -> RouterSpec:
    """A lab router with vlan101 and vlan102 on sfp-sfpplus2."""
    profile = Profile(peak_down_bps=200_000_000, peak_up_bps=40_000_000)
    values: dict[str, object] = {
        "name": name,
        "api_tls_port": 0,
        "v3_users": (V3_USER,),
        "vlans": (
            VlanSpec("vlan101", 101, "sfp-sfpplus2", profile, comment="Meghna Net"),
            VlanSpec("vlan102", 102, "sfp-sfpplus2", profile),
        ),
    }
    return RouterSpec(**{**values, **properties})  # type: ignore[arg-type]  # a table of overrides


@pytest.fixture
def lab() -> Iterator[RunningLab]:
    """One lab router, `r1`, fresh for each test."""
    with running_lab([vlan_router()]) as running:
        yield running


@pytest.fixture
def lab_snmp(lab: RunningLab) -> SnmpTarget:
    port = lab.routers["r1"].snmp_port
    return SnmpTarget("127.0.0.1", port=port, community="lab-community", timeout_s=2.0)
