"""Who may ask FreeRADIUS: rows of the table nas, one for each address that a router asks from.

FreeRADIUS looks at the table when a router's first packet comes (deploy/freeradius/clients.conf):
a new row works at once, a changed secret within half a minute, and a row that is gone is
refused with the next packet.
"""

import hashlib
import ipaddress
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from django.db import transaction

from ispcore.base import audit
from ispcore.base.audit import Actor
from ispcore.base.audit_values import Hidden
from radius.models import Nas

RADIUS = "radius"
KIND, SIGNED_KIND = "mikrotik", "mikrotik-signed"  # the second is known to clients.conf
_SECRET = re.compile(r"[A-Za-z0-9!#$()*+,./:;<=>?@^_{|}~-]{16,60}")


@dataclass(frozen=True, slots=True)
class Client:
    """`address` is the one that packets come from. `signs_requests`: the router sends
    Message-Authenticator (RouterOS 7.15 and newer, require-message-auth), and what comes without it
    is dropped."""

    address: str
    name: str
    secret: str = field(repr=False)
    signs_requests: bool = False


class UnknownClient(LookupError):
    """There is no such address in nas."""


class _Scope(Protocol):
    @property
    def keys(self) -> tuple[str, ...]: ...


class Clients:
    """The projector of scopes whose keys are addresses of routers; `truth` says of some addresses who
    they are, and leaves out those that are nobody's any more."""

    def __init__(self, truth: Callable[[Sequence[str]], Iterable[Client]]) -> None:
        self._truth = truth

    def names(self, scope: _Scope) -> Sequence[str] | None:
        return [f"nas {address}" for address in scope.keys]

    def write(self, scope: _Scope) -> None:
        replace(scope.keys, self._truth(scope.keys))


def replace(addresses: Sequence[str], clients: Iterable[Client]) -> None:
    """Make these the only clients at these addresses. Opens no transaction."""
    made = [_row(client) for client in clients]
    Nas.objects.filter(address__in=addresses).delete()
    Nas.objects.bulk_create(made)


def put(client: Client, *, by: Actor) -> Nas:
    """Make or change one client by hand. Raises ValueError, which says what is wrong with it."""
    validate(client)
    with transaction.atomic(), transaction.atomic(using=RADIUS):
        old = Nas.objects.select_for_update().filter(address=client.address).first()
        row = _row(client)
        row.pk = old.pk if old else None
        row.save()
        audit.record(
            "change" if old else "create",
            row,
            by=by,
            old=_shown(old) if old else {},
            new=_shown(row),
        )
    return row


def remove(address: str, *, by: Actor, reason: str = "") -> None:
    """Take one away; it is refused from its next packet on. Raises UnknownClient."""
    with transaction.atomic(), transaction.atomic(using=RADIUS):
        old = Nas.objects.select_for_update().filter(address=address).first()
        if old is None:
            raise UnknownClient(f"no RADIUS client asks from {address}")
        Nas.objects.filter(pk=old.pk).delete()
        audit.record("delete", old, by=by, old=_shown(old), reason=reason)


def validate(client: Client) -> None:
    """Raises ValueError, which names the field and the fault."""
    try:
        plain = str(ipaddress.ip_address(client.address))
    except ValueError:
        raise ValueError(f"address: {client.address!r} is no IP address") from None
    if plain != client.address:
        raise ValueError(f"address: {client.address} is written {plain}")
    if not 1 <= len(client.name) <= 32:
        raise ValueError("name: 1 to 32 characters")
    if not _SECRET.fullmatch(client.secret):
        raise ValueError(
            "secret: 16 to 60 letters, digits and signs, without spaces, quotes, %, & and \\"
        )


def nas_column(address: str) -> str:
    """How a router's address stands in radacct.nasipaddress, which has 15 characters: an IPv6
    address by the start of its MD5, as deploy/freeradius/policy.conf writes it."""
    if ipaddress.ip_address(address).version == 4:
        return address
    return f"v6-{hashlib.md5(address.encode(), usedforsecurity=False).hexdigest()[:12]}"


def _row(client: Client) -> Nas:
    return Nas(
        address=client.address,
        short_name=client.name,
        kind=SIGNED_KIND if client.signs_requests else KIND,
        secret=client.secret,
        description=f"{client.name}, kept by ISPCore"[:200],
    )


def _shown(row: Nas) -> dict[str, object]:
    return {
        "address": row.address,
        "name": row.short_name,
        "kind": row.kind,
        "secret": Hidden(row.secret),
    }
