"""Who may ask FreeRADIUS: rows of the table nas, one for each address that a router asks from.

FreeRADIUS looks at the table when a router's first packet comes (deploy/freeradius/clients.conf):
a new row works at once, a changed secret within half a minute, and a row that is gone is
refused with the next packet. Rows are the projection of what the portal has; whoever else made one
keeps it.
"""

import hashlib
import ipaddress
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from ispcore.base.unit_of_work import Scope
from radius.models import Nas

SCOPE = "nas"  # the kind of scopes whose keys are addresses
KIND, SIGNED_KIND = "mikrotik", "mikrotik-signed"  # the second is known to clients.conf
OURS = "kept by ISPCore"  # how the description of each row of ours ends
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


class Clients:
    """The projector of scopes whose keys are addresses of routers; `truth` says of some addresses who
    they are, and leaves out those that are nobody's any more."""

    def __init__(self, truth: Callable[[Sequence[str]], Iterable[Client]]) -> None:
        self._truth = truth

    def names(self, scope: Scope) -> Sequence[str] | None:
        return [f"nas {address}" for address in scope.keys]

    def write(self, scope: Scope) -> None:
        replace(scope.keys, self._truth(scope.keys))


def replace(addresses: Sequence[str], clients: Iterable[Client]) -> None:
    """Make these the only clients at these addresses. Opens no transaction."""
    made = [_row(client) for client in clients]
    Nas.objects.filter(address__in=addresses).delete()
    Nas.objects.bulk_create(made)


def present(addresses: Sequence[str] | None = None) -> dict[str, list[Client]]:
    """The clients that FreeRADIUS has, at these addresses or at all, by address in small letters."""
    rows = Nas.objects.order_by("id")
    if addresses is not None:
        rows = rows.filter(address__in=addresses)
    found: dict[str, list[Client]] = defaultdict(list)
    for row in rows:
        found[row.address.lower()].append(_client(row))
    return dict(found)


def made_by_hand(address: str) -> Client | None:
    """The client that FreeRADIUS knows there by a row that is not ours."""
    rows = Nas.objects.filter(address=address).exclude(description__endswith=OURS)
    row = rows.order_by("id").first()
    return _client(row) if row else None


def validate(client: Client) -> None:
    """Raises ValueError, which names the field and the fault."""
    try:
        plain = str(ipaddress.ip_address(client.address))
    except ValueError:
        raise ValueError(f"address: {client.address!r} is no IP address") from None
    if plain != client.address:
        raise ValueError(f"address: {client.address} is written {plain}")
    if "%" in client.address:
        raise ValueError(f"address: {client.address} names an interface, which packets do not")
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
        description=f"{client.name}, {OURS}",
    )


def _client(row: Nas) -> Client:
    """What FreeRADIUS makes of a row, whoever wrote it."""
    name = row.short_name or row.address[:32]
    return Client(row.address, name, row.secret, row.kind == SIGNED_KIND)
