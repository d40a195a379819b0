"""What a search of the audit log compares: one text of names and values, without upper case."""

from collections.abc import Iterator
from typing import Any

from ispcore.base.models import AuditEntry

LONGEST = 8_000


def folded(text: str) -> str:
    """As both sides of a comparison are: Python knows more letters than a database does."""
    return text.casefold()


def words_of(entry: AuditEntry, *, name: str = "", values: tuple[Any, ...] = ()) -> str:
    """All that words are looked for in; a long list of values is cut. `name` and `values` are
    those of a member, where `entry` is the head of its batch."""
    shown = name or entry.object_name
    parts = [entry.actor, entry.token, entry.action, shown, entry.reason]
    for each in values or (entry.old, entry.new):
        parts.extend(_texts(each))
    return folded(" ".join(dict.fromkeys(filter(None, parts))))[:LONGEST].replace("\0", "")


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for name, each in value.items():
            yield str(name)
            yield from _texts(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from _texts(each)
    elif value is not None:
        # also of what is hidden: str() of it is its own word
        yield str(value)
