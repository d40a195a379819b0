"""What a lab router is to begin with: plain values, from Python or from a JSON file."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Self, TypeVar

from lab.traffic import Profile
from lab.usm_crypto import AUTH, PRIV

T = TypeVar("T")


class BadSpec(ValueError):
    """A configuration that cannot be a lab network; the message names the field."""


def _only_known(cls: type, given: dict[str, Any], where: str) -> None:
    fields = dataclasses.fields(cls)
    unknown = sorted(set(given) - {field.name for field in fields})
    if unknown:
        raise BadSpec(f"{where}: unknown field {unknown[0]!r}")
    for field in fields:
        required = (
            field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING
        )
        if required and field.name not in given:
            raise BadSpec(f"{where}: {field.name} is missing")


def _rows(given: object, where: str) -> list[dict[str, Any]]:
    if not isinstance(given, list) or not all(isinstance(row, dict) for row in given):
        raise BadSpec(f"{where} must be a list of objects")
    return given


@dataclass(frozen=True, slots=True)
class EtherSpec:
    """A physical port. A `wan` port carries the sum of all VLANs, in the other direction."""

    name: str
    speed_mbps: int = 1000
    link: bool = True
    wan: bool = False
    comment: str = ""


@dataclass(frozen=True, slots=True)
class VlanSpec:
    """A VLAN on a port, and the traffic it carries (None: idle)."""

    name: str
    vlan_id: int
    parent: str
    profile: Profile | None = None
    comment: str = ""

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> Self:
        """The profile may stand inside as an object; its name in errors is the VLAN's."""
        where = f"vlan {given.get('name', '?')}"
        _only_known(cls, given, where)
        values = dict(given)
        profile = values.get("profile")
        if profile is not None:
            _only_known(Profile, profile, f"{where}: profile")
            values["profile"] = Profile(
                **{**profile, "weekend": tuple(profile.get("weekend", (4, 5)))}
            )
        if not 1 <= int(values["vlan_id"]) <= 4094:
            raise BadSpec(f"{where}: vlan_id {values['vlan_id']} is not from 1 to 4094")
        return cls(**values)


@dataclass(frozen=True, slots=True)
class V3User:
    """An SNMPv3 user; an empty protocol means without authentication or without privacy."""

    name: str
    auth: str = ""  # MD5, SHA1, SHA224, SHA256, SHA384, SHA512
    auth_password: str = ""
    priv: str = ""  # DES, AES128
    priv_password: str = ""


DEFAULT_ETHERS = (
    EtherSpec("ether1", speed_mbps=1000, link=False),
    EtherSpec("sfp-sfpplus1", speed_mbps=10000, wan=True, comment="uplink"),
    EtherSpec("sfp-sfpplus2", speed_mbps=10000, comment="resellers"),
)


@dataclass(frozen=True, slots=True)
class RouterSpec:
    """A router. Port 0 takes any free port, None switches that service off."""

    name: str
    address: str = "127.0.0.1"
    api_port: int | None = 0
    api_tls_port: int | None = None
    snmp_port: int | None = 0
    username: str = "noc"
    password: str = "lab-password"  # noqa: S105  (the lab's own, on loopback)
    community: str = "lab-community"  # "*" takes any
    v3_users: tuple[V3User, ...] = ()
    version: str = "7.16.2"
    board: str = "CCR2004-1G-12S+2XS"
    ethers: tuple[EtherSpec, ...] = DEFAULT_ETHERS
    vlans: tuple[VlanSpec, ...] = ()
    uptime_s: int = 9 * 86400 + 4 * 3600
    discontinuity_time: bool = False  # RouterOS has no ifCounterDiscontinuityTime
    snmp_max_size: int = 1472
    recording: str | None = None  # a .snmprec file that the SNMP agent answers from instead

    @classmethod
    def from_dict(cls, given: dict[str, Any]) -> Self:
        """Raises BadSpec with the field's name."""
        where = f"router {given.get('name', '?')}"
        _only_known(cls, given, where)
        values = dict(given)
        if "ethers" in values:
            values["ethers"] = tuple(_simple(EtherSpec, values["ethers"], f"{where}: ethers"))
        if "vlans" in values:
            rows = _rows(values["vlans"], f"{where}: vlans")
            values["vlans"] = tuple(VlanSpec.from_dict(row) for row in rows)
        if "v3_users" in values:
            values["v3_users"] = tuple(_simple(V3User, values["v3_users"], f"{where}: v3_users"))
        spec = cls(**values)
        spec.check()
        return spec

    def check(self) -> None:
        """Raises BadSpec where names repeat, or a VLAN's parent or a protocol does not exist."""
        for user in self.v3_users:
            if user.auth not in ("", *AUTH) or user.priv not in ("", *PRIV):
                raise BadSpec(f"router {self.name}: user {user.name}: unknown protocol")
            if user.priv and not user.auth:
                raise BadSpec(f"router {self.name}: user {user.name}: priv needs auth")
        names = [port.name for port in self.ethers] + [vlan.name for vlan in self.vlans]
        for name in names:
            if names.count(name) > 1:
                raise BadSpec(f"router {self.name}: two interfaces are called {name!r}")
        ports = {port.name for port in self.ethers}
        for vlan in self.vlans:
            if vlan.parent not in ports:
                raise BadSpec(f"router {self.name}: vlan {vlan.name}: no port {vlan.parent!r}")


def _simple(cls: type[T], given: object, where: str) -> list[T]:
    made = []
    for row in _rows(given, where):
        _only_known(cls, row, where)
        made.append(cls(**row))
    return made


def network_from_dict(given: object) -> list[RouterSpec]:
    """The routers of a configuration file; raises BadSpec."""
    if not isinstance(given, dict):
        raise BadSpec("the configuration must be an object with a list of routers")
    specs = [RouterSpec.from_dict(row) for row in _rows(given.get("routers"), "routers")]
    names = [spec.name for spec in specs]
    for name in names:
        if names.count(name) > 1:
            raise BadSpec(f"two routers are called {name!r}")
    return specs
