"""One id per request: in the answer's headers, the log's lines, error pages and audit entries."""

import contextlib
import logging
import re
import uuid
from collections.abc import Iterator
from contextvars import ContextVar

HEADER = "X-Request-ID"
WELL_FORMED = re.compile(r"[A-Za-z0-9._-]{8,64}", re.ASCII)
_current: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """The id of the request that is being answered; empty outside of one."""
    return _current.get()


def made() -> str:
    return uuid.uuid4().hex


def accepted(given: str) -> str:
    """What a proxy gave, if it is well formed (8 to 64 letters, digits, `.`, `_`, `-`); else one
    of our own."""
    return given if WELL_FORMED.fullmatch(given) else made()


@contextlib.contextmanager
def during(request_id: str) -> Iterator[None]:
    """All that is logged and recorded inside the block names this request."""
    token = _current.set(request_id)
    try:
        yield
    finally:
        _current.reset(token)


class InLog(logging.Filter):
    """Gives every record `request`: " [id]" inside a request, else nothing."""

    def filter(self, record: logging.LogRecord) -> bool:
        record.request_words = f" [{current()}]" if current() else ""
        return True
