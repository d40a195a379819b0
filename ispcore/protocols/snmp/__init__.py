"""SNMP v2c and v3: discovery of interfaces, and reading their counters."""

from ispcore.protocols.interfaces import (
    CounterReading,
    CounterRow,
    DiscoveredInterface,
    Discovery,
)
from ispcore.protocols.polling import in_thread, poll_many
from ispcore.protocols.snmp.conversation import Engine
from ispcore.protocols.snmp.device_models import (
    PLAIN,
    BadDeviceModels,
    DeviceModel,
    DeviceModels,
    load_all,
)
from ispcore.protocols.snmp.interfaces import discover, read_counters
from ispcore.protocols.snmp.values import SnmpTarget, Value, Wanted

__all__ = [
    "PLAIN",
    "BadDeviceModels",
    "CounterReading",
    "CounterRow",
    "DeviceModel",
    "DeviceModels",
    "DiscoveredInterface",
    "Discovery",
    "Engine",
    "SnmpTarget",
    "Value",
    "Wanted",
    "discover",
    "engine",
    "in_thread",
    "load_all",
    "poll_many",
    "read_counters",
]


class EngineMissing(Exception):
    """The chosen SNMP library is not installed, or there is none of that name."""


def engine(name: str = "gufo") -> Engine:
    """The engine by name: `gufo` or `easysnmp`, imported only when chosen.

    Raises EngineMissing with a sentence for the operator.
    """
    try:
        if name == "gufo":
            from ispcore.protocols.snmp.gufo_engine import GufoEngine

            return GufoEngine()
        if name == "easysnmp":
            from ispcore.protocols.snmp.easysnmp_engine import EasySnmpEngine

            return EasySnmpEngine()
    except ImportError as error:
        raise EngineMissing(f"SNMP engine {name} is not installed: {error}") from error
    raise EngineMissing(f"no SNMP engine is called {name!r}: choose gufo or easysnmp")
