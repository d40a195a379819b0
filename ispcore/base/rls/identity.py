"""For whom the statements of this thread or task are made, and in which role of PostgreSQL.

Both are facts of the context, not of a connection: the connection is told of them before each
statement (ispcore.base.postgresql), so that neither a pool, nor an exception, nor a thread can
hand one tenant's sight to another. A thread of ours starts with what its process may see, unless
`carried` brings more along.
"""

import contextlib
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from django.conf import settings

OWNER, APP, WORKER = "ispcore_owner", "ispcore_app", "ispcore_worker"
LOGIN_ROLE = "none"  # as SET ROLE calls it: what the connection logged in as

P = ParamSpec("P")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Sight:
    """What the policies let through: one tenant's rows, all rows, or what a login needs."""

    tenant_id: int | None = None
    scope: str = ""


NOBODY = Sight()
EVERYBODY = Sight(scope="all")
AT_LOGIN = Sight(scope="login")

Source = Sight | Callable[[], Sight]
_source: ContextVar[Source | None] = ContextVar("rls_sight", default=None)
_role: ContextVar[str | None] = ContextVar("rls_role", default=None)


def sight() -> Sight:
    """What statements made here and now may see: in web processes nothing until somebody says."""
    source = _source.get()
    if source is None:
        return NOBODY if settings.PROCESS == "web" else EVERYBODY
    return source if isinstance(source, Sight) else source()


def role() -> str:
    """The role that statements are made in; DATABASE_ROLE, else that of the kind of process."""
    return _role.get() or settings.DATABASE_ROLE or (APP if settings.PROCESS == "web" else WORKER)


@contextlib.contextmanager
def acting_as(source: Source) -> Iterator[None]:
    """Statements in the block see what `source` says; a function is asked before each of them."""
    token = _source.set(source)
    try:
        yield
    finally:
        _source.reset(token)


def acting_for(tenant_id: int) -> "contextlib._GeneratorContextManager[None]":
    """Statements in the block see and write this tenant's rows, and no others."""
    return acting_as(Sight(tenant_id))


def acting_for_all() -> "contextlib._GeneratorContextManager[None]":
    """Statements in the block see every tenant's rows: for staff, and for what is the portal's own.

    Also a decorator. Where a page for a tenant needs it, keep to rows whose ids came from that tenant's own.
    """
    return acting_as(EVERYBODY)


@contextlib.contextmanager
def in_role(name: str) -> Iterator[None]:
    """Statements in the block are made in that role, where the login may take it."""
    token = _role.set(name)
    try:
        yield
    finally:
        _role.reset(token)


@contextlib.contextmanager
def as_owner() -> Iterator[None]:
    """For DDL: what is made in the block belongs to the owner of all tables. Sees all rows."""
    with in_role(OWNER), acting_for_all():
        yield


def carried(function: Callable[P, Result]) -> Callable[P, Result]:
    """`function` for other threads: there it acts for whom we act here, and in our role."""
    source, name = _source.get(), _role.get()

    def run(*args: P.args, **kwargs: P.kwargs) -> Result:
        with contextlib.ExitStack() as stack:
            if source is not None:
                stack.enter_context(acting_as(source))
            if name is not None:
                stack.enter_context(in_role(name))
            return function(*args, **kwargs)

    return run
