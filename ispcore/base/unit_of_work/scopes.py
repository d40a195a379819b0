"""What a unit changes, and who writes that to FreeRADIUS: scopes and the projectors of their kinds."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Scope:
    """What a unit changes, in words that its projector understands.

    Of "subscriber" the keys are normalised user names (stripped, lower case); a rename has both.
    """

    kind: str
    keys: tuple[str, ...]
    is_new: bool = field(default=False, compare=False)
    """Nobody has rows of it yet, as far as truth knows: its projector refuses to write over some. Of
    the unit alone; its marker does not say so, and recovery makes what is there what truth says."""

    def may_touch(self, other: "Scope") -> bool:
        """Whether both may write rows of one name; of different kinds that is not known."""
        return self.kind != other.kind or not set(self.keys).isdisjoint(other.keys)


class Projector(Protocol):
    """Writes the rows of one kind of scope. Both run for all tenants, whoever acts."""

    def names(self, scope: Scope) -> Sequence[str] | None:
        """What is locked, from one space of names for all kinds; None: everything.

        Asked in the portal's transaction before the locks are taken, and once more with them. More
        than 500 lock everything too.
        """

    def write(self, scope: Scope) -> None:
        """In the RADIUS transaction: make what we own of that scope what truth says, all of it.

        Truth is read here, not kept from `names`. No error of the database may be caught here.
        """


class UnknownKind(LookupError):
    """Nobody writes scopes of this kind."""


_projectors: dict[str, Projector] = {}


def register(kind: str, projector: Projector) -> None:
    """Say who writes scopes of `kind`: the app that owns their truth does, when it is loaded."""
    _projectors[kind] = projector


def projector_of(scope: Scope) -> Projector:
    """Raises UnknownKind."""
    try:
        return _projectors[scope.kind]
    except KeyError:
        raise UnknownKind(f"nobody writes {scope.kind!r} to FreeRADIUS") from None
