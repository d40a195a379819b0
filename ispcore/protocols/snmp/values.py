"""Whom to ask, what to ask for, and what comes back."""

import ipaddress
from dataclasses import dataclass, field
from typing import Literal

from ispcore.protocols.errors import Refused, Unreachable
from ispcore.protocols.snmp.device_models import PLAIN, DeviceModel

# A str is an OID, or an IpAddress in dotted form. NULL is treated as absent.
Value = int | bytes | str

AuthProtocol = Literal["", "MD5", "SHA1", "SHA256"]
PrivProtocol = Literal["", "DES", "AES128"]

SHORTEST_KEY = 8  # characters; RFC 3414 section 11.2, enforced by every agent


@dataclass(frozen=True, slots=True)
class SnmpTarget:
    """An SNMP agent and how to speak to it. `timeout_s` is per try, `retries` are further tries
    after the first, so silence takes `timeout_s * (retries + 1)`. `model` is what is known to be
    special about it. Secrets stay out of the repr.
    """

    address: str
    port: int = 161
    version: Literal["v2c", "v3"] = "v2c"
    community: str = field(default="", repr=False)
    user: str = ""
    auth_protocol: AuthProtocol = ""
    auth_key: str = field(default="", repr=False)
    priv_protocol: PrivProtocol = ""
    priv_key: str = field(default="", repr=False)
    timeout_s: float = 2.0
    retries: int = 1
    model: DeviceModel = field(default=PLAIN, repr=False)

    @property
    def tries(self) -> int:
        return self.retries + 1

    def check(self) -> None:
        """Raise Unreachable or Refused for what cannot work and needs no packet to know."""
        try:
            ipaddress.ip_address(self.address)
        except ValueError:
            raise Unreachable(f"not an IP address: {self.address!r}") from None
        if self.version == "v3":
            self._check_keys()

    def _check_keys(self) -> None:
        if self.priv_protocol and not self.auth_protocol:
            raise Refused("SNMPv3 privacy needs authentication too")
        if self.auth_protocol and len(self.auth_key) < SHORTEST_KEY:
            raise Refused(f"SNMPv3 authentication key is shorter than {SHORTEST_KEY} characters")
        if self.priv_protocol and len(self.priv_key) < SHORTEST_KEY:
            raise Refused(f"SNMPv3 privacy key is shorter than {SHORTEST_KEY} characters")


@dataclass(slots=True)  # not frozen: 50,000 are made for a collection, and frozen ones cost double
class Wanted:
    """Counters of one discovered interface; `bits` (64 or 32) as discovery found them."""

    index: int
    name: str
    bits: int
    discontinuity: bool = False  # also ask for ifCounterDiscontinuityTime
    octets_of_name: bytes = field(init=False, repr=False)  # as the device gives it

    def __post_init__(self) -> None:
        self.octets_of_name = self.name.encode()
