"""What both SNMP engines share: splitting requests into PDUs, trying again, and walking."""

import time
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from itertools import chain
from typing import Protocol, TypeVar

from ispcore.protocols.errors import Nonsense, Refused, Unreachable
from ispcore.protocols.snmp.device_models import PLAIN, DeviceModel
from ispcore.protocols.snmp.values import SnmpTarget, Value

T = TypeVar("T")
Row = tuple[str, Value]

LONGEST_S = (
    120.0  # of one exchange: an agent that takes longer answers each step at the last moment
)
MOST_ROWS = 200_000  # of one walk: an agent that sends more is making them up


class NoAnswerYet(Exception):
    """One try timed out. Internal: becomes Unreachable when no try is left."""


class RequestFailed(Exception):
    """The agent answered with an error-status (tooBig, genErr) or with more than fits. Internal:
    the same request may succeed with fewer values."""


class End(Enum):
    """How a step of a walk ended: NO, more rows follow; YES, the subtree is done; PERHAPS, the
    engine cannot tell the end of the MIB from an error."""

    NO = auto()
    YES = auto()
    PERHAPS = auto()


Step = Callable[[], Awaitable[tuple[list[Row], End]]]


class Channel(Protocol):
    """One open session with one agent: one PDU and one try per call.

    Calls raise NoAnswerYet, RequestFailed or a ProtocolError.
    """

    async def get(self, oids: Sequence[str]) -> dict[str, Value]: ...

    def walker(self, root: str, repetitions: int) -> Step:
        """Each call of the result is one GETBULK that goes on where the last one stopped."""

    async def is_there(self) -> bool:
        """After silence: does the agent show that it is there and only our key is wrong?"""


@dataclass(frozen=True, slots=True)
class Answer:
    """One response PDU: the values that exist, and when it came (seconds since 1970)."""

    values: dict[str, Value]
    taken_at: float
    groups: int  # how many of the asked groups it answers


@dataclass(slots=True)
class Conversation:
    """The tries, sizes and elapsed time of one exchange with one agent."""

    channel: Channel
    target: SnmpTarget
    started: float = field(default_factory=time.monotonic)
    answered: bool = False
    model: DeviceModel = PLAIN  # whose sizes are kept to

    async def read(self, header: Sequence[str], groups: Sequence[Sequence[str]]) -> list[Answer]:
        """GET all groups in as few PDUs as fit, `header` again in each; a group is never split.

        A PDU that is answered with an error or not at all is halved. A single group that the
        agent answers with an error counts as absent. Raises Nonsense if that is all it does.
        """
        answers: list[Answer] = []
        done, failed = 0, 0
        per_pdu = _groups_per_pdu(self.model.oids_per_pdu, header, groups)
        tries = self.target.tries
        while done < len(groups):
            self._check_patience()
            batch = groups[done : done + per_pdu]
            oids = [*header, *chain.from_iterable(batch)]
            try:
                values = await self.channel.get(oids)
            except NoAnswerYet:
                tries -= 1
                await self._give_up_after(tries)
                per_pdu = max(1, len(batch) // 2)
                continue
            except RequestFailed:
                per_pdu = max(1, len(batch) // 2)
                if len(batch) > 1:
                    continue
                values, failed = {}, failed + 1
            self.answered, tries = True, self.target.tries
            answers.append(Answer(values, time.time(), len(batch)))
            done += len(batch)
        if failed and failed == len(answers):
            raise Nonsense("the SNMP agent answers every request with an error")
        return answers

    async def insist(self, ask: Callable[[], Awaitable[T]]) -> T:
        """The same request until it is answered or no try is left."""
        tries = self.target.tries
        while True:
            self._check_patience()
            try:
                answer = await ask()
            except NoAnswerYet:
                tries -= 1
                await self._give_up_after(tries)
            else:
                self.answered = True
                return answer

    async def walk(self, root: str) -> list[Row]:
        """All rows under `root`, in order. On an error, or an end that may be one, once more with
        half the repetitions, until two walks agree on more than nothing."""
        repetitions = self.model.max_repetitions
        before: int | None = None
        while True:
            rows, end = await self._walk_once(root, repetitions)
            if end is End.YES or repetitions == 1 or (rows and len(rows) == before):
                return rows
            before = len(rows) if end is End.PERHAPS else None
            repetitions = max(1, repetitions // 2)

    async def _walk_once(self, root: str, repetitions: int) -> tuple[list[Row], End]:
        step = self.channel.walker(root, repetitions)
        rows: list[Row] = []
        end = End.NO
        while end is End.NO:
            try:
                more, end = await self.insist(step)
            except RequestFailed:
                if repetitions == 1:
                    raise Nonsense(f"the SNMP agent answers an error to GETBULK {root}") from None
                return rows, End.NO
            _append_increasing(rows, more)
        return rows, end

    def _check_patience(self) -> None:
        elapsed_s = time.monotonic() - self.started
        if elapsed_s > LONGEST_S:
            raise Unreachable(f"SNMP did not come to an end in {elapsed_s:.0f} s")

    async def _give_up_after(self, tries: int) -> None:
        if tries > 0:
            return
        elapsed_s = time.monotonic() - self.started
        if not self.answered and await self.channel.is_there():
            raise no_decryption(self.target, elapsed_s)
        raise silence(self.target, elapsed_s)


def silence(target: SnmpTarget, elapsed_s: float) -> Unreachable:
    """Worded for the operator. An instant failure is an ICMP port unreachable."""
    hint = ", port unreachable" if elapsed_s < target.timeout_s / 2 else ""
    return Unreachable(f"no answer to SNMP in {elapsed_s:.1f} s ({_tries(target)}{hint})")


def no_decryption(target: SnmpTarget, elapsed_s: float) -> Refused:
    """The agent is there, but says nothing to what we encrypted."""
    waited = f"in {elapsed_s:.1f} s ({_tries(target)})"
    return Refused(f"no answer to encrypted SNMP {waited}: wrong privacy key or protocol?")


def _tries(target: SnmpTarget) -> str:
    return "1 try" if target.tries == 1 else f"{target.tries} tries"


def _groups_per_pdu(most: int, header: Sequence[str], groups: Sequence[Sequence[str]]) -> int:
    largest = max((len(group) for group in groups), default=1)
    return max(1, (most - len(header)) // max(1, largest))


def _append_increasing(rows: list[Row], more: list[Row]) -> None:
    for oid, value in more:
        if rows and _arcs(oid) <= _arcs(rows[-1][0]):
            raise Nonsense(f"the SNMP agent goes round in circles: {oid} after {rows[-1][0]}")
        rows.append((oid, value))
    if len(rows) > MOST_ROWS:
        raise Nonsense(f"the SNMP agent sends no end of rows (stopped at {len(rows)})")


def _arcs(oid: str) -> tuple[int, ...]:
    return tuple(int(arc) for arc in oid.split("."))


class Engine(ABC):
    """An SNMP library behind one small interface. Stateless: a session per call. OIDs are numeric,
    a leading dot is allowed in questions and absent in answers. All calls raise ProtocolErrors."""

    name: str

    @abstractmethod
    def channel(self, target: SnmpTarget) -> AbstractAsyncContextManager[Channel]:
        """Open a session with the agent (no packet for v2c)."""

    @asynccontextmanager
    async def converse(self, target: SnmpTarget) -> AsyncIterator[Conversation]:
        """Open a session for several requests in a row."""
        target.check()
        async with self.channel(target) as channel:
            yield Conversation(channel, target, model=target.model)

    async def get(self, target: SnmpTarget, oids: Sequence[str]) -> dict[str, Value]:
        """The values that exist; an absent instance is missing from the result, never zero."""
        async with self.converse(target) as conversation:
            answers = await conversation.read((), [[oid.lstrip(".")] for oid in oids])
        return {oid: value for answer in answers for oid, value in answer.values.items()}

    async def getbulk(
        self, target: SnmpTarget, root: str, max_repetitions: int = PLAIN.max_repetitions
    ) -> list[Row]:
        """The first rows under `root`, as many as one GETBULK brings."""
        async with self.converse(target) as conversation:
            step = conversation.channel.walker(root.lstrip("."), max_repetitions)
            try:
                rows, _ = await conversation.insist(step)
            except RequestFailed:
                raise Nonsense(f"the SNMP agent answers an error to GETBULK {root}") from None
        return rows

    async def walk(self, target: SnmpTarget, root: str) -> list[Row]:
        """All rows under `root`, in order, by GETBULK."""
        async with self.converse(target) as conversation:
            return await conversation.walk(root.lstrip("."))
