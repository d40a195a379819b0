"""What is special about devices of one make or model: data from device_models.toml, checked here.

docs/devices.md says what each key means, and how to add a model.
"""

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal, cast

SHIPPED = Path(__file__).with_name("device_models.toml")
LONGEST_DESCR = 500  # characters of sysDescr that patterns see, and that are kept
VLANS = range(1, 4095)  # IEEE 802.1Q: 0 and 4095 are reserved
OID = re.compile(r"[0-2](\.(0|[1-9]\d*)){1,127}", re.ASCII)

NameSource = Literal["ifName", "ifDescr"]
SpeedSource = Literal["both", "ifHighSpeed", "ifSpeed", "none"]
UptimeSource = Literal["sysUpTime", "hrSystemUptime", "snmpEngineTime"]
Counters = Literal["best", "32-bit"]


class BadDeviceModels(ValueError):
    """A file of device models that cannot be used; the message names each fault and its place."""


@dataclass(frozen=True, slots=True)
class DeviceModel:
    """How devices of one kind are asked, and what they are called. The defaults suit any agent
    that keeps to IF-MIB. Patterns are searched for, so they match anywhere unless anchored."""

    sys_object_id: str = ""  # prefix, in whole numbers
    sys_descr: re.Pattern[str] | None = None  # must be found too, where given
    vendor: str = ""
    model: str = ""
    os: str = ""
    facts: re.Pattern[str] | None = None  # groups `model` and `version` of sysDescr
    model_oid: str = ""  # a text that says it better than sysDescr
    version_oid: str = ""
    name_from: NameSource = "ifName"  # the other where this one is empty
    speed_from: SpeedSource = "both"
    uptime_from: UptimeSource = "sysUpTime"  # sysUpTime where the device has not the other
    counters: Counters = "best"  # 32-bit: its 64-bit octet counters are wrong
    discontinuity: bool = True  # has ifCounterDiscontinuityTime
    vlan_from_name: re.Pattern[str] | None = None  # group `vlan`
    oids_per_pdu: int = 60  # about 1,300 octets of answer: fits the tunnel's MTU of 1,420
    max_repetitions: int = 20

    def facts_of(self, sys_descr: str) -> tuple[str, str]:
        """(model, version) as sysDescr tells them; the model's own name where it does not."""
        found = self.facts.search(sys_descr[:LONGEST_DESCR]) if self.facts else None
        told = found.groupdict(default="") if found else {}
        return told.get("model") or self.model, told.get("version", "")

    def vlan_of(self, *names: str) -> int | None:
        """The VLAN id that the first of an interface's names to do so suggests. People choose
        names: it is a suggestion and no more."""
        for name in names if self.vlan_from_name else ():
            found = cast(re.Pattern[str], self.vlan_from_name).search(name)
            if found and int(found["vlan"]) in VLANS:
                return int(found["vlan"])
        return None


PLAIN = DeviceModel()  # an agent that nobody described


@dataclass(frozen=True, slots=True)
class DeviceModels:
    """All models that are known; later ones win over earlier ones that say as much."""

    entries: tuple[DeviceModel, ...]

    def choose(self, sys_object_id: str, sys_descr: str) -> DeviceModel:
        """The model with the longest prefix of sysObjectID; of several, one whose sysDescr
        matches before one that takes any. PLAIN where there is none."""
        descr = sys_descr[:LONGEST_DESCR]
        fitting = [each for each in self.entries if _fits(each, sys_object_id, descr)]
        return max(reversed(fitting), key=_says, default=PLAIN)


def _fits(entry: DeviceModel, sys_object_id: str, sys_descr: str) -> bool:
    known = sys_object_id == entry.sys_object_id
    below = sys_object_id.startswith(f"{entry.sys_object_id}.")
    return (known or below) and (entry.sys_descr is None or bool(entry.sys_descr.search(sys_descr)))


def _says(entry: DeviceModel) -> tuple[int, bool]:
    return entry.sys_object_id.count("."), entry.sys_descr is not None


def load(path: Path) -> DeviceModels:
    """Read one file. Raises BadDeviceModels, which names all of its faults."""
    try:
        content = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise BadDeviceModels(f"{path}: cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadDeviceModels(f"{path.name}: not TOML: {error}") from error
    faults: list[str] = []
    entries = [_entry(f"{path.name}, {at}", values, faults) for at, values in _devices(content)]
    strange = sorted(content.keys() - {"device"})
    if strange or len(entries) != len(_listed(content)):
        faults.append(f"{path.name}: every model is a [[device]]; strange: {strange or 'device'}")
    if faults:
        raise BadDeviceModels("\n".join(faults))
    return DeviceModels(tuple(entries))


def load_all(paths: Iterable[Path]) -> DeviceModels:
    """The shipped models, and those of more files after them."""
    files = [shipped(), *(load(path) for path in paths)]
    return DeviceModels(tuple(entry for file in files for entry in file.entries))


@cache
def shipped() -> DeviceModels:
    return load(SHIPPED)


def _devices(content: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    """Each with its place, in words."""
    tables = [each for each in _listed(content) if isinstance(each, dict)]
    return [
        (
            f"device {n} ({each.get('vendor', 'no vendor')} {each.get('model', '')}".strip() + ")",
            each,
        )
        for n, each in enumerate(tables, start=1)
    ]


def _listed(content: Mapping[str, Any]) -> list[Any]:
    found = content.get("device", [])
    return found if isinstance(found, list) else [found]


def _entry(where: str, values: Mapping[str, Any], faults: list[str]) -> DeviceModel:
    """The entry; what is wrong with it is added to `faults`."""
    read: dict[str, Any] = {}
    for key, value in values.items():
        try:
            read[key] = _KEYS[key](value) if key in _KEYS else _unknown()
        except ValueError as fault:
            faults.append(f"{where}: {key}: {fault}")
    faults += [
        f"{where}: {key} is missing" for key in ("sys_object_id", "vendor") if key not in values
    ]
    return DeviceModel(**{key: value for key, value in read.items() if key in _KEYS})


def _unknown() -> None:
    raise ValueError(f"no such key; there are {', '.join(_KEYS)}")


def _oid(value: object) -> str:
    text = value.removeprefix(".") if isinstance(value, str) else ""
    if not OID.fullmatch(text):
        raise ValueError(f"{value!r} is no object identifier like 1.3.6.1.4.1.9.1")
    return text


def _text(value: object) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= 80:
        raise ValueError(f"{value!r} is no text of 1 to 80 characters")
    return value


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError(f"{value!r} is neither true nor false")
    return value


def _whole(least: int, most: int) -> Callable[[object], int]:
    def read(value: object) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise ValueError(f"{value!r} is no whole number of {least} to {most}")
        return value

    return read


def _one_of(*choices: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        if value not in choices:
            raise ValueError(f"{value!r} is none of {', '.join(choices)}")
        return cast(str, value)

    return read


def _pattern(*groups: str) -> Callable[[object], re.Pattern[str]]:
    """A regular expression with at least one of these named groups, where any are wanted."""

    def read(value: object) -> re.Pattern[str]:
        if not isinstance(value, str):
            raise ValueError(f"{value!r} is no regular expression")
        try:
            found = re.compile(value, re.ASCII)
        except re.error as error:
            raise ValueError(f"{value!r} is no regular expression: {error}") from error
        if groups and not set(groups) & found.groupindex.keys():
            wanted = " or ".join(f"(?P<{group}>…)" for group in groups)
            raise ValueError(f"{value!r} has no group {wanted}")
        return found

    return read


def _vlan_pattern(value: object) -> re.Pattern[str]:
    found = _pattern("vlan")(value)
    if r"(?P<vlan>\d+)" not in found.pattern and r"(?P<vlan>\d{1,4})" not in found.pattern:
        raise ValueError(rf"{value!r}: the group vlan takes digits only: (?P<vlan>\d{{1,4}})")
    return found


_KEYS: dict[str, Callable[[object], object]] = {
    "sys_object_id": _oid,
    "sys_descr": _pattern(),
    "vendor": _text,
    "model": _text,
    "os": _text,
    "facts": _pattern("model", "version"),
    "model_oid": _oid,
    "version_oid": _oid,
    "name_from": _one_of("ifName", "ifDescr"),
    "speed_from": _one_of("both", "ifHighSpeed", "ifSpeed", "none"),
    "uptime_from": _one_of("sysUpTime", "hrSystemUptime", "snmpEngineTime"),
    "counters": _one_of("best", "32-bit"),
    "discontinuity": _flag,
    "vlan_from_name": _vlan_pattern,
    "oids_per_pdu": _whole(8, 250),
    "max_repetitions": _whole(1, 100),
}
