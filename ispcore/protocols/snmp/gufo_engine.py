"""The default engine: gufo-snmp. All of gufo is in this file.

What gufo 0.13 does that is not written anywhere (each has a test): a response with an error-status
is an empty dict, or the end of a walk; an answer over 4 kB is a decode error "incomplete"; values
under NULL and noSuchInstance are left out; an ICMP port unreachable is an immediate TimeoutError;
duplicates and late answers are told apart by their request id; some garbage makes it panic.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import Any, TypeGuard, TypeVar, cast

from gufo.snmp import Aes128Key, DesKey, Md5Key, Sha1Key, Sha256Key, SnmpVersion, User
from gufo.snmp._fast import GetIter, SnmpAuthError, SnmpError
from gufo.snmp.aio import SnmpSession

from ispcore.protocols.errors import Nonsense, Refused, Unreachable
from ispcore.protocols.snmp.conversation import (
    Channel,
    End,
    Engine,
    NoAnswerYet,
    RequestFailed,
    Row,
    Step,
    no_decryption,
    silence,
)
from ispcore.protocols.snmp.oids import SYS_UPTIME
from ispcore.protocols.snmp.values import SnmpTarget, Value

T = TypeVar("T")

AUTH_KEYS = {"MD5": Md5Key, "SHA1": Sha1Key, "SHA256": Sha256Key}
KINDS = {int, bytes, str}
PRIV_KEYS = {"DES": DesKey, "AES128": Aes128Key}


class GufoEngine(Engine):
    name = "gufo"

    @asynccontextmanager
    async def channel(self, target: SnmpTarget) -> AsyncIterator[Channel]:
        try:
            session = _session(target)
        except OSError as error:
            raise Unreachable(f"no route to {target.address}: {error}") from error
        channel = GufoChannel(session, target)
        try:
            if target.version == "v3":
                await channel.shake_hands()
            yield channel
        finally:
            channel.close()


class GufoChannel:
    def __init__(self, session: SnmpSession, target: SnmpTarget) -> None:
        self._session = session
        self._target = target
        self._socket = session._sock
        self._wire = Wire(self._socket.get_fd(), target.timeout_s)

    def close(self) -> None:
        self._wire.close()

    async def shake_hands(self) -> None:
        """Learn the agent's engine id, boots and time [RFC 3414 section 4]."""
        started = time.monotonic()
        for _ in range(self._target.tries):
            try:
                handshake = self._session.refresh()
                return await self._once(asyncio.wait_for(handshake, self._target.timeout_s))
            except NoAnswerYet:
                continue
        elapsed_s = time.monotonic() - started
        raise self._undecrypted(elapsed_s) or silence(self._target, elapsed_s)

    def _undecrypted(self, elapsed_s: float) -> Refused | None:
        """An agent that cannot decrypt says nothing. The engine id comes before encryption: who
        gave it and is silent from then on has another key."""
        if self._target.priv_protocol and self._session.get_engine_id():
            return no_decryption(self._target, elapsed_s)
        return None

    async def get(self, oids: Sequence[str]) -> dict[str, Value]:
        """sysUpTime rides along: an agent that answers at all has it, so its absence is how an
        error-status shows."""
        asked = dict.fromkeys(oids)
        names = list(asked | {SYS_UPTIME: None})
        send = partial(self._socket.send_get_many, names)
        values = await self._once(self._wire.exchange(send, self._socket.recv_get_many))
        if not values:
            raise RequestFailed
        if values.keys() <= asked.keys() and set(map(type, values.values())) <= KINDS:
            # as nearly always: a look at each of 60 values costs more than asking for them
            return cast(dict[str, Value], values)
        return {oid: value for oid, value in values.items() if oid in asked and _is_value(value)}

    def walker(self, root: str, repetitions: int) -> Step:
        position = GetIter(root, repetitions)
        send = partial(self._socket.send_get_bulk, position)
        receive = partial(self._socket.recv_get_bulk, position)

        async def step() -> tuple[list[Row], End]:
            try:
                received = await self._wire.exchange(send, receive)
            except StopAsyncIteration:
                return [], End.PERHAPS
            rows = [(row[0], row[1]) for row in received if row is not None and _is_value(row[1])]
            return rows, End.YES if None in received else End.NO

        return lambda: self._once(step())

    async def is_there(self) -> bool:
        """For v3 the handshake has proved the keys: silence after it is just silence."""
        return False

    async def _once(self, request: Awaitable[T]) -> T:
        """One try, gufo's errors as ours."""
        try:
            return await request
        except TimeoutError:
            raise NoAnswerYet from None
        except SnmpAuthError:
            raise Refused(_refusal(self._target)) from None
        except SnmpError as error:
            if "incomplete" in str(error):
                raise RequestFailed from None
            raise Nonsense(f"answered, but not valid SNMP: {error}") from error
        except OSError as error:
            raise Unreachable(f"cannot send to {self._target.address}: {error}") from error
        except BaseException as error:
            # a datagram can make the Rust code panic, which PyO3 raises as no Exception at all: it
            # would pass every handler between here and the end of the process
            if type(error).__name__ != "PanicException":
                raise
            raise Nonsense(f"answered, but not valid SNMP: {error}") from None


class Wire:
    """A socket of gufo's in the event loop: one question at a time, each with the same time-out.

    gufo's own session puts a reader in and out and starts a timed task for each PDU, which for
    60 values costs about as much as the values themselves.
    """

    def __init__(self, fd: int, timeout_s: float) -> None:
        self._fd, self._timeout_s = fd, timeout_s
        self._loop = asyncio.get_running_loop()
        self._is_read = False
        self._answer: asyncio.Future[Any] | None = None
        self._receive: Callable[[], Any] = bool

    async def exchange(self, send: Callable[[], None], receive: Callable[[], T]) -> T:
        """Send, and what `receive` makes of the answer. Raises TimeoutError and what gufo raises."""
        answer: asyncio.Future[T] = self._loop.create_future()
        self._answer, self._receive = answer, receive
        if not self._is_read:
            self._loop.add_reader(self._fd, self._ready)
            self._is_read = True
        with suppress(BlockingIOError):  # no room for a packet: as good as lost on the way
            send()
        timer = self._loop.call_later(self._timeout_s, self._late, answer)
        try:
            return await answer
        finally:
            timer.cancel()
            self._answer = None
            del answer  # it holds its exception, that this frame, and this frame the socket

    def close(self) -> None:
        if self._is_read:
            self._loop.remove_reader(self._fd)
            self._is_read = False

    def _ready(self) -> None:
        answer = self._answer
        if answer is None or answer.done():
            self.close()  # nobody waits: gufo passes over it with the next question
            return
        try:
            answer.set_result(self._receive())
        except BlockingIOError:
            pass  # to an earlier question
        except BaseException as error:  # noqa: BLE001 - it is for who waits, panics too
            answer.set_exception(error.with_traceback(None))  # which would hold `answer`

    @staticmethod
    def _late(answer: "asyncio.Future[T]") -> None:
        if not answer.done():
            answer.set_exception(TimeoutError())


def _refusal(target: SnmpTarget) -> str:
    if target.version == "v2c":
        return "SNMP access refused by the agent (authorizationError)"
    return "SNMPv3 refused: unknown user, wrong authentication, or security level not allowed"


def _is_value(value: object) -> TypeGuard[Value]:
    return isinstance(value, int | bytes | str)


def _session(target: SnmpTarget) -> SnmpSession:
    if target.version == "v2c":
        return SnmpSession(
            target.address,
            port=target.port,
            community=target.community,
            version=SnmpVersion.v2c,
            timeout=target.timeout_s,
        )
    return SnmpSession(
        target.address,
        port=target.port,
        user=_user(target),
        version=SnmpVersion.v3,
        timeout=target.timeout_s,
    )


def _user(target: SnmpTarget) -> User:
    auth = AUTH_KEYS.get(target.auth_protocol)
    priv = PRIV_KEYS.get(target.priv_protocol)
    return User(
        target.user,
        auth_key=auth(target.auth_key.encode()) if auth else None,
        priv_key=priv(target.priv_key.encode()) if priv else None,
    )
