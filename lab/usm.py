"""SNMPv3's user-based security model, the side of the agent (RFC 3414 3.2)."""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

from lab import ber
from lab.ber import Oid, Reader
from lab.router import LabRouter
from lab.spec import V3User
from lab.usm_crypto import (
    Undecipherable,
    decrypt,
    digest,
    digest_size,
    encrypt,
    localized_key,
)

# (PDU reader, octets of room) to response PDU
Respond = Callable[[Reader, int], bytes | None]

AUTHENTICATED, ENCRYPTED, REPORTABLE = 1, 2, 4
WINDOW_S = 150
RESPONSE, REPORT = 0xA2, 0xA8
AUTHORIZATION_ERROR = 16
USM_MODEL = 3
_MIKROTIK = 14988
_OVERHEAD = 160  # of a v3 message around its PDU, at most, with SHA512 and two engine ids

_STATISTICS: Oid = (1, 3, 6, 1, 6, 3, 15, 1, 1)
UNSUPPORTED_LEVELS, NOT_IN_TIME_WINDOWS, UNKNOWN_USERS = 1, 2, 3
UNKNOWN_ENGINES, WRONG_DIGESTS, DECRYPTION_ERRORS = 4, 5, 6


class _Report(Exception):
    """A message that is answered by a report of this counter."""

    def __init__(self, counter: int) -> None:
        super().__init__(counter)
        self.counter = counter


@dataclass(frozen=True, slots=True)
class Message:
    """A v3 message, security parameters taken apart, the scoped PDU still as it travelled."""

    datagram: bytes
    message_id: int
    max_size: int
    flags: int
    engine_id: bytes
    boots: int
    seconds: int
    user: bytes
    digest: bytes
    digest_at: int
    salt: bytes
    body: Reader

    @classmethod
    def read(cls, datagram: bytes) -> Message | None:
        """None for another security model; raises BadBer."""
        outer = Reader(datagram).inner()
        outer.integer()
        header = outer.inner()
        message_id, max_size = header.integer(), header.integer()
        flags = header.take(ber.OCTETS)
        if header.integer() != USM_MODEL or len(flags) != 1:
            return None
        parameters = outer.inner(ber.OCTETS).inner()
        engine_id = parameters.take(ber.OCTETS)
        boots, seconds = parameters.integer(), parameters.integer()
        user = parameters.take(ber.OCTETS)
        authentic = parameters.take(ber.OCTETS)
        digest_at = parameters.at - len(authentic)
        salt = parameters.take(ber.OCTETS)
        plain = (message_id, max_size, flags[0], engine_id, boots, seconds, user, authentic)
        return cls(datagram, *plain, digest_at, salt, outer)

    def without_digest(self) -> bytes:
        """The datagram with zeros where the digest stands."""
        end = self.digest_at + len(self.digest)
        return self.datagram[: self.digest_at] + bytes(len(self.digest)) + self.datagram[end:]


def level_of(user: V3User) -> int:
    """The flags that a user's messages carry."""
    if user.auth and user.priv:
        return AUTHENTICATED | ENCRYPTED
    return AUTHENTICATED if user.auth else 0


class Usm:
    """The authoritative engine of one router."""

    def __init__(self, router: LabRouter) -> None:
        self.router = router
        self.users = {user.name.encode(): user for user in router.spec.v3_users}
        name = hashlib.sha256(router.spec.name.encode("utf-8", "replace")).digest()[:8]
        self.engine_id = (0x80000000 | _MIKROTIK).to_bytes(4, "big") + b"\x05" + name
        self.counters: Counter[int] = Counter()
        self._salt = 0

    @property
    def seconds(self) -> int:
        """snmpEngineTime."""
        return int(self.router.uptime_s) & 0x7FFFFFFF

    def answer(self, datagram: bytes, respond: Respond, *, refuse: bool) -> bytes | None:
        """The answer to a v3 message, or None; `refuse`: every password is wrong.

        Raises BadBer.
        """
        message = Message.read(datagram)
        if message is None:
            return None
        try:
            return self._answer(message, respond, refuse=refuse)
        except _Report as report:
            return self._report(message, report.counter)

    def _answer(self, message: Message, respond: Respond, *, refuse: bool) -> bytes | None:
        if message.engine_id != self.engine_id:
            raise _Report(UNKNOWN_ENGINES)
        user = self.users.get(message.user)
        if user is None:
            raise _Report(UNKNOWN_USERS)
        level = message.flags & (AUTHENTICATED | ENCRYPTED)
        if level & ~level_of(user) or level == ENCRYPTED:
            raise _Report(UNSUPPORTED_LEVELS)
        if level & AUTHENTICATED:
            self._check_digest(message, user, refuse=refuse)
            self._check_time(message)
        scoped = self._scoped(message, user, level)
        context_engine, context = scoped.take(ber.OCTETS), scoped.take(ber.OCTETS)
        room = min(message.max_size, self.router.spec.snmp_max_size) - _OVERHEAD
        if level != level_of(user) or refuse:
            out: bytes | None = _denied(scoped)
        else:
            out = respond(scoped, room - len(context))
        if out is None:
            return None
        reply = ber.sequence(ber.octet_string(context_engine), ber.octet_string(context), out)
        return self._wrap(message, user, level, reply)

    def _check_digest(self, message: Message, user: V3User, *, refuse: bool) -> None:
        key = localized_key(user.auth, user.auth_password, self.engine_id)
        right = digest(user.auth, key, message.without_digest())
        if refuse or not hmac.compare_digest(right, message.digest):
            raise _Report(WRONG_DIGESTS)

    def _check_time(self, message: Message) -> None:
        late = abs(message.seconds - self.seconds) > WINDOW_S
        if message.boots != self.router.engine_boots or late:
            raise _Report(NOT_IN_TIME_WINDOWS)

    def _scoped(self, message: Message, user: V3User, level: int) -> Reader:
        if not level & ENCRYPTED:
            return message.body.inner()
        key = localized_key(user.auth, user.priv_password, self.engine_id)
        secret = message.body.take(ber.OCTETS)
        try:
            times = message.boots, message.seconds
            plain = decrypt(user.priv, key, *times, message.salt, secret)
            return Reader(plain).inner()
        except (Undecipherable, ber.BadBer):
            raise _Report(DECRYPTION_ERRORS) from None

    def _report(self, message: Message, counter: int) -> bytes | None:
        """Not in time is said with a digest, so that a client may trust our clock."""
        self.counters[counter] += 1
        if not message.flags & REPORTABLE:
            return None
        numbers = (ber.integer(number) for number in (_request_id(message), 0, 0))
        row = ((*_STATISTICS, counter, 0), ber.COUNTER32, self.counters[counter])
        report = ber.sequence(*numbers, ber.varbinds([row]), tag=REPORT)
        scoped = ber.sequence(ber.octet_string(self.engine_id), ber.octet_string(b""), report)
        user = self.users.get(message.user)
        if counter == NOT_IN_TIME_WINDOWS and user is not None:
            return self._wrap(message, user, AUTHENTICATED, scoped)
        return self._wrap(message, None, 0, scoped)

    def _wrap(self, message: Message, user: V3User | None, level: int, scoped: bytes) -> bytes:
        """The whole message around a scoped PDU, encrypted and signed as the level says."""
        boots, seconds = self.router.engine_boots, self.seconds
        salt = b""
        if user is not None and level & ENCRYPTED:
            self._salt += 1
            salt = boots.to_bytes(4, "big") + self._salt.to_bytes(4, "big")
            key = localized_key(user.auth, user.priv_password, self.engine_id)
            scoped = ber.octet_string(encrypt(user.priv, key, boots, seconds, salt, scoped))
        blank = bytes(digest_size(user.auth)) if user is not None and level & AUTHENTICATED else b""
        before = (
            ber.octet_string(self.engine_id)
            + ber.integer(boots)
            + ber.integer(seconds)
            + ber.octet_string(message.user)
        )
        after = ber.octet_string(salt)
        head = ber.sequence(
            ber.integer(message.message_id),
            ber.integer(65507),
            ber.octet_string(bytes((level,))),
            ber.integer(USM_MODEL),
        )

        def whole(authentic: bytes) -> bytes:
            parameters = ber.sequence(before, ber.octet_string(authentic), after)
            return ber.sequence(ber.integer(3), head, ber.octet_string(parameters), scoped)

        if user is None or not blank:
            return whole(b"")
        key = localized_key(user.auth, user.auth_password, self.engine_id)
        return whole(digest(user.auth, key, whole(blank)))


def _request_id(message: Message) -> int:
    """Of the PDU inside, where it can be read; else 0."""
    if message.flags & ENCRYPTED:
        return 0
    try:
        scoped = Reader(message.datagram, message.body.at, message.body.end).inner()
        scoped.header()
        scoped.header()
        _, start, end = scoped.header()
        return Reader(scoped.octets, start, end).integer()
    except ber.BadBer:
        return 0


def _denied(scoped: Reader) -> bytes:
    """A response that says authorizationError: the level is below what the user must use."""
    _, start, end = scoped.header()
    inner = Reader(scoped.octets, start, end)
    request_id = inner.integer()
    inner.integer()
    inner.integer()
    names = [(name, ber.NULL, None) for name, _, _ in inner.varbinds()]
    rows: list[ber.Varbind] = list(names)
    numbers = (ber.integer(number) for number in (request_id, AUTHORIZATION_ERROR, 0))
    return ber.sequence(*numbers, ber.varbinds(rows), tag=RESPONSE)
