"""What is wrong with a database that somebody else filled, before the portal writes to it."""

import ipaddress
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connections

from radius import attributes, schema
from radius.models import Check, GroupCheck, GroupReply, Nas, Reply
from radius.rows import bare

RADIUS = "radius"
MOST = 1000  # names shown of one kind; a report longer than this is read by nobody


@dataclass(frozen=True, slots=True)
class Finding:
    """`what` is one sentence, of the kind `kind`."""

    kind: str
    what: str


def adoption_report() -> Iterator[Finding]:
    """All that does not fit; nothing is changed. A few full scans of the attribute tables."""
    lacking = list(schema.lacking(connections[RADIUS]))
    for table, column in lacking:
        yield Finding("column", f"table {table} has no column {column}: it is older than 3.2")
    if lacking:
        return
    yield from _collisions()
    yield from _clients()
    yield from _unreadable()


def _collisions() -> Iterator[Finding]:
    for forms in colliding_usernames():
        listed = ", ".join(f"“{form}”" for form in forms)
        yield Finding("username", f"{listed} are one name: the database compares without capitals")


def colliding_usernames() -> list[list[str]]:
    """Names that MariaDB takes for one another (bob, BOB, bób, "bob "), each with all its forms."""
    forms: dict[str, set[str]] = defaultdict(set)
    exact = {
        "mysql": "CAST(CONVERT(username USING utf8mb4) AS BINARY)",
        "sqlite": "CAST(username AS BLOB)",
    }[connections[RADIUS].vendor]
    for table in ("radcheck", "radreply", "radusergroup"):
        with connections[RADIUS].cursor() as cursor:
            cursor.execute(f"SELECT DISTINCT {exact} FROM {table}")  # noqa: S608 - ours alone
            for (octets,) in cursor.fetchall():
                form = bytes(octets).decode(errors="replace")
                forms[bare(form)].add(form)
    return [sorted(each) for each in forms.values() if len(each) > 1]


def _clients() -> Iterator[Finding]:
    for client in Nas.objects.order_by("id"):
        try:
            ipaddress.ip_address(client.address)
        except ValueError:
            yield Finding(
                "client",
                f"RADIUS client {client.address} is no single address: routers are looked up by the "
                "address that they ask from, so make a row for each",
            )


def _unreadable() -> Iterator[Finding]:
    """Attributes of hand-made rows that the portal does not know; they may well be right."""
    for model in (Check, Reply, GroupCheck, GroupReply):
        unknown = (
            model._default_manager.exclude(attribute__in=attributes.ATTRIBUTES)
            .order_by("attribute")
            .values_list("attribute", flat=True)
            .distinct()
        )
        for attribute in unknown[:MOST]:
            yield Finding(
                "attribute",
                f"{model._meta.db_table} has {attribute}, which the portal never writes",
            )
