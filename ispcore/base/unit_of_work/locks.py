"""Who waits for whom: one lock for all provisioning, shared by most, and one for each name.

On PostgreSQL they are advisory locks of the transaction, taken in one order: `provisioning` first,
then names by their numbers. A lock for each of 20,000 names would exhaust the server's table of
locks: above MOST_NAMES `provisioning` is taken for oneself, and no names. On SQLite the file's
write lock, which a transaction of ours begins with, is all of them.
"""

from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

MOST_NAMES = 500
LOCK_S, BULK_LOCK_S = 5, 60
BULK_STATEMENT_S = 120
EVERYTHING = None

Names = Sequence[str] | None


def number(name: str) -> int:
    """The lock of a name, as PostgreSQL counts them: signed, 64 bits."""
    return int.from_bytes(blake2b(name.encode(), digest_size=8).digest(), "big", signed=True)


PROVISIONING = number("ispcore: provisioning")


def bounded(names: Names) -> Names:
    """None where they are too many to be locked one by one."""
    if names is None or len(set(names)) > MOST_NAMES:
        return EVERYTHING
    return names


def time_outs(*, bulk: bool) -> tuple[str, list[Any]]:
    """SQL for PostgreSQL: how long this transaction waits for locks, and a bulk one's statements
    run."""
    if not bulk:
        return "SELECT set_config('lock_timeout', %s, true)", [f"{LOCK_S}s"]
    return (
        "SELECT set_config('lock_timeout', %s, true), set_config('statement_timeout', %s, true)",
        [f"{BULK_LOCK_S}s", f"{BULK_STATEMENT_S}s"],
    )


def taking(names: Names) -> tuple[str, list[Any]]:
    """SQL for PostgreSQL that waits for the locks of these names, and keeps them."""
    if names is EVERYTHING:
        return "SELECT pg_advisory_xact_lock(%s)", [PROVISIONING]
    shared = "SELECT pg_advisory_xact_lock_shared(%s)"
    if not names:
        return shared, [PROVISIONING]
    numbers = sorted({number(name) for name in names})
    each = "SELECT pg_advisory_xact_lock(number) FROM unnest(%s::bigint[]) AS number"
    return f"{shared}; {each}", [PROVISIONING, numbers]
