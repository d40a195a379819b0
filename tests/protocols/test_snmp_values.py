"""Targets, speeds and engines: what needs no agent."""

import sys

import pytest

from ispcore.protocols.errors import Refused, Unreachable
from ispcore.protocols.snmp import Engine, EngineMissing, SnmpTarget, engine, oids
from ispcore.protocols.snmp.interfaces import speed_bps


async def test_a_target_that_cannot_work_is_refused_before_any_packet(snmp: Engine) -> None:
    keys = {"user": "noc", "auth_key": "long-enough", "priv_key": "long-enough"}
    with pytest.raises(Unreachable, match="not an IP address"):
        await snmp.get(SnmpTarget("router.example"), [oids.SYS_NAME])
    for bad, message in (
        ({"auth_protocol": "SHA1", "auth_key": "short"}, "authentication key is shorter"),
        ({"auth_protocol": "SHA1", "priv_protocol": "DES", "priv_key": "x"}, "privacy key is"),
        ({"priv_protocol": "AES128"}, "privacy needs authentication"),
    ):
        target = SnmpTarget("127.0.0.1", version="v3", **{**keys, **bad})  # type: ignore[arg-type]
        with pytest.raises(Refused, match=message):
            await snmp.get(target, [oids.SYS_NAME])


def test_secrets_stay_out_of_the_repr() -> None:
    target = SnmpTarget("::1", community="c-secret", auth_key="a-secret", priv_key="p-secret")
    assert "secret" not in repr(target)


@pytest.mark.parametrize(
    ("if_speed", "high_speed", "bps"),
    [
        (2**32 - 1, 10_000, 10_000_000_000),
        (1_000_000_000, 1000, 1_000_000_000),
        (64_000, 0, 64_000),
        (1_544_000, 2, 1_544_000),
        (0, 0, None),
        (None, None, None),
        (2**32 - 1, 0, None),
        (None, 10, 10_000_000),
        (100_000_000, None, 100_000_000),
    ],
)
def test_speed_is_taken_from_the_object_that_can_hold_it(
    if_speed: int | None, high_speed: int | None, bps: int | None
) -> None:
    assert speed_bps(if_speed=if_speed, high_speed=high_speed) == bps


def test_an_engine_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "ispcore.protocols.snmp.easysnmp_engine", raising=False)
    monkeypatch.setitem(sys.modules, "easysnmp", None)
    with pytest.raises(EngineMissing, match="SNMP engine easysnmp is not installed"):
        engine("easysnmp")


def test_an_engine_that_does_not_exist_is_named() -> None:
    with pytest.raises(EngineMissing, match="choose gufo or easysnmp"):
        engine("pysnmp")
