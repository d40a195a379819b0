"""The other engine: easysnmp, over Debian's net-snmp library. All of easysnmp is in this file.

Slower than gufo, but the same code that snmpget runs. Differences that cannot be hidden: net-snmp
drops what it cannot parse, so a nonsense-talking agent is Unreachable here; and it keeps SNMPv3
users in one list without locks, so v3 requests run one after another (a dead v3 device delays the
other v3 devices by its time-out).
"""

import os
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

# net-snmp reads MIB files while it is imported; we speak numbers only.
os.environ.setdefault("MIBS", "")

from easysnmp import Session, SNMPVariable
from easysnmp.exceptions import EasySNMPError, EasySNMPTimeoutError

from ispcore.protocols.errors import Nonsense, ProtocolError, Refused, Unreachable
from ispcore.protocols.polling import in_thread
from ispcore.protocols.snmp.conversation import (
    Channel,
    Conversation,
    End,
    Engine,
    NoAnswerYet,
    RequestFailed,
    Row,
    Step,
)
from ispcore.protocols.snmp.oids import SYS_UPTIME
from ispcore.protocols.snmp.values import SnmpTarget, Value

T = TypeVar("T")

AUTH_PROTOCOLS = {"": "DEFAULT", "MD5": "MD5", "SHA1": "SHA", "SHA256": "SHA-256"}
PRIV_PROTOCOLS = {"": "DEFAULT", "DES": "DES", "AES128": "AES"}
INTEGERS = {"INTEGER", "INTEGER32", "COUNTER", "GAUGE", "TICKS", "COUNTER64", "UINTEGER"}
OCTETS = {"OCTETSTR", "BITS", "OPAQUE"}
REFUSALS = (
    "Authentication failure",
    "Unknown user name",
    "Unsupported security level",
    "Decryption error",
    "authorizationError",
    "noAccess",
)
NO_WAY = ("couldn't create SNMP handle", "Failure in sendto", "Unknown host")
FAILURES = ("tooBig", "genError")

_v3_users = threading.Lock()


class EasySnmpEngine(Engine):
    name = "easysnmp"

    @asynccontextmanager
    async def channel(self, target: SnmpTarget) -> AsyncIterator[Channel]:
        channel = EasySnmpChannel(target)
        try:
            if target.version == "v3":
                await Conversation(channel, target).insist(channel.open)
            yield channel
        finally:
            await channel.close()


class EasySnmpChannel:
    def __init__(self, target: SnmpTarget) -> None:
        self._target = target
        self._opened: Session | None = None
        self._lock = _v3_users if target.version == "v3" else threading.Lock()

    async def open(self) -> None:
        """For v3 this already asks the agent for its engine id."""
        await self._call(lambda session: None)

    async def close(self) -> None:
        """At once, not when Python gets to it: an open session keeps its user's keys in the list,
        and the next session of that user would get those. Waits for a request under way."""
        await in_thread(self._close)

    def _close(self) -> None:
        with self._lock:
            if self._opened is not None:
                self._opened.sess_ptr = None
            self._opened = None

    async def get(self, oids: Sequence[str]) -> dict[str, Value]:
        asked = set(oids)
        found = await self._call(lambda session: session.get(list(oids)))
        return {oid: value for oid, value in _rows(found) if oid in asked}

    def walker(self, root: str, repetitions: int) -> Step:
        after = root

        async def step() -> tuple[list[Row], End]:
            nonlocal after
            found = await self._call(lambda session: session.get_bulk([after], 0, repetitions))
            names = [_oid(variable) for variable in found]
            inside = [name for name in names if name.startswith(f"{root}.")]
            ended = any(variable.snmp_type == "ENDOFMIBVIEW" for variable in found)
            after = inside[-1] if inside else after
            end = End.YES if ended or len(inside) < len(names) or not names else End.NO
            return _rows(found[: len(inside)]), end

        return step

    async def is_there(self) -> bool:
        """net-snmp does not show how far it got: ask for sysUpTime without encryption."""
        if not self._target.priv_protocol:
            return False
        await self.close()
        plain = EasySnmpChannel(replace(self._target, priv_protocol="", priv_key=""))
        try:
            await plain.get([SYS_UPTIME])
        except NoAnswerYet:
            return False
        except (ProtocolError, RequestFailed):
            return True
        finally:
            await plain.close()
        return True

    async def _call(self, request: Callable[[Session], T]) -> T:
        return await in_thread(self._blocking, request)

    def _blocking(self, request: Callable[[Session], T]) -> T:
        try:
            with self._lock:
                self._opened = self._opened or _Session(self._target)
                return request(self._opened)
        except EasySNMPTimeoutError:
            raise NoAnswerYet from None
        except EasySNMPError as error:
            raise _judged(str(error)) from None


def _judged(message: str) -> Exception:
    if any(part in message for part in FAILURES):
        return RequestFailed()
    if any(part in message for part in REFUSALS):
        return Refused(f"SNMP refused: {message}")
    if any(part in message for part in NO_WAY):
        return Unreachable(f"no way to the SNMP agent: {message}")
    return Nonsense(f"SNMP failed: {message}")


class _Session(Session):  # type: ignore[misc]
    """easysnmp splits host names at the first colon, which no IPv6 address survives."""

    def __init__(self, target: SnmpTarget) -> None:
        v6 = ":" in target.address
        self._peer = f"udp6:[{target.address}]" if v6 else f"udp:{target.address}"
        self._peer += f":{target.port}"
        super().__init__(
            hostname="peer", timeout=target.timeout_s, retries=0, use_numeric=True, **_login(target)
        )

    @property
    def connect_hostname(self) -> str:
        return self._peer


def _login(target: SnmpTarget) -> dict[str, Any]:
    if target.version == "v2c":
        return {"version": 2, "community": target.community}
    level = "authPriv" if target.priv_protocol else "authNoPriv"
    return {
        "version": 3,
        "security_username": target.user,
        "security_level": level if target.auth_protocol else "noAuthNoPriv",
        "auth_protocol": AUTH_PROTOCOLS[target.auth_protocol],
        "auth_password": target.auth_key,
        "privacy_protocol": PRIV_PROTOCOLS[target.priv_protocol],
        "privacy_password": target.priv_key,
    }


def _rows(variables: Sequence[SNMPVariable]) -> list[Row]:
    values = ((_oid(variable), _value(variable)) for variable in variables)
    return [(oid, value) for oid, value in values if value is not None]


def _oid(variable: SNMPVariable) -> str:
    index = f".{variable.oid_index}" if variable.oid_index else ""
    return f"{variable.oid}{index}".lstrip(".")


def _value(variable: SNMPVariable) -> Value | None:
    """None for noSuchObject, noSuchInstance, endOfMibView and NULL."""
    if variable.snmp_type in INTEGERS:
        return int(variable.value)
    if variable.snmp_type in OCTETS:
        octets: bytes = variable.value.encode("latin-1", errors="surrogateescape")
        return octets
    if variable.snmp_type == "OBJECTID":
        return str(variable.value).lstrip(".")
    return str(variable.value) if variable.snmp_type == "IPADDR" else None
