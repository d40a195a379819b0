"""The other engine: easysnmp, over Debian's net-snmp library. All of easysnmp is in this file.

Slower than gufo, but the same code that snmpget runs. Differences that cannot be hidden: net-snmp
drops what it cannot parse, so a nonsense-talking agent is Unreachable here; and it keeps SNMPv3
users in one list without locks, so v3 requests run one after another, and a dead v3 device holds up
the process for its time-out (easysnmp asks for the engine id without letting other threads run).

What easysnmp 0.2.6 does when a session ends is not called: it looks for the session's user among
those of all sessions with strcmp, which ends the process where there is no user (v2c) while a v3
session is open, and misses the user where an engine id happens not to be followed by a NUL.
"""

import ctypes
import os
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, TypeVar

# net-snmp reads MIB files while it is imported; we speak numbers only.
os.environ.setdefault("MIBS", "")

from easysnmp import Session, SNMPVariable, interface
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

ctypes.pythonapi.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]
ctypes.pythonapi.PyCapsule_GetPointer.restype = ctypes.c_void_p
ctypes.pythonapi.PyCapsule_SetDestructor.argtypes = [ctypes.py_object, ctypes.c_void_p]

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

# easysnmp's own library, and through it net-snmp and the C library that it is linked with. PyDLL:
# calls hold the interpreter's lock, as easysnmp's own do, and so never overlap.
_library = ctypes.PyDLL(interface.__file__)
_library.snmp_sess_close.argtypes = [ctypes.c_void_p]
_library.free.argtypes = [ctypes.c_void_p]
_library.usm_get_userList.restype = ctypes.c_void_p
_library.usm_remove_user.argtypes = [ctypes.c_void_p]
_library.usm_free_user.argtypes = [ctypes.c_void_p]


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

    def update_session(self) -> None:
        """Open, and take the ending over from easysnmp (the head of this file says why)."""
        super().update_session()
        self._context = ctypes.pythonapi.PyCapsule_GetPointer(self.sess_ptr, None)
        ctypes.pythonapi.PyCapsule_SetDestructor(self.sess_ptr, None)

    def close(self) -> None:
        """End it and free what it holds. Nothing else may be called afterwards."""
        self.sess_ptr = None
        _library.snmp_sess_close(ctypes.c_void_p.from_address(self._context))  # its first field
        _library.free(self._context)


class _Sessions:
    """The one session that is open, if any, and whose turn it is."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened: _Session | None = None
        self._target: SnmpTarget | None = None

    def ask(self, target: SnmpTarget, request: Callable[[Session], T]) -> T:
        """Put a request to `target`, over the open session if that is the target's."""
        with self._lock:
            if self._opened is None or self._target is not target:
                self._end()
                self._opened, self._target = _Session(target), target
            return request(self._opened)

    def close(self, target: SnmpTarget) -> None:
        """End the session if it is the target's."""
        with self._lock:
            if self._target is target:
                self._end()

    def _end(self) -> None:
        ended, self._opened, self._target = self._opened, None, None
        if ended is None:
            return
        ended.close()
        if ended.version == 3:
            _forget_users()


def _forget_users() -> None:
    """The next session of a user would get the old keys. Of v3 one session is open at a time, so
    the users in the list are nobody else's."""
    while user := _library.usm_get_userList():
        _library.usm_remove_user(user)
        _library.usm_free_user(user)


_one_v3_session = _Sessions()


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
        self._sessions: _Sessions = _one_v3_session if target.version == "v3" else _Sessions()

    async def open(self) -> None:
        """For v3 this already asks the agent for its engine id."""
        await self._call(lambda session: None)

    async def close(self) -> None:
        """At once, not when Python gets to it. Waits for a request under way."""
        await in_thread(self._sessions.close, self._target)

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
            return self._sessions.ask(self._target, request)
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
