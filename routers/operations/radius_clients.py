"""Enter, change and remove RADIUS clients: in the portal, with their rows of nas in step."""

from django.db import Error, transaction

from ispcore.base import audit, unit_of_work
from ispcore.base.audit import Actor
from ispcore.base.unit_of_work import Scope, faults
from radius.operations import nas
from radius.operations.nas import Client
from routers.models import RadiusClient


class UnknownClient(LookupError):
    """The portal has no client at such an address; nothing was changed."""


def put(client: Client, *, by: Actor) -> RadiusClient:
    """Make or change the client at its address. A row that somebody made there by hand is taken over:
    whatever dies meanwhile, the router can ask as before, or as it is to.

    Raises ValueError, which says what is wrong with it, NotProvisioned, BeingDecided.
    """
    nas.validate(client)
    _adopt(client.address, by)

    def change() -> RadiusClient:
        stored = _locked(client.address)
        old = audit.snapshot(stored) if stored else {}
        row = stored or RadiusClient(address=client.address)
        row.name, row.secret, row.signs_requests = client.name, client.secret, client.signs_requests
        row.save()
        audit.record("change" if stored else "create", row, by=by, old=old, new=audit.snapshot(row))
        return row

    return unit_of_work.run(f"put RADIUS client {client.address}", _scope(client.address), change)


def remove(address: str, *, by: Actor, reason: str = "") -> None:
    """Take one away; it is refused from its next packet on.

    Raises UnknownClient, also where only nas knows it, NotProvisioned, BeingDecided.
    """

    def change() -> None:
        stored = _locked(address)
        if stored is None:
            raise UnknownClient(f"the portal has no RADIUS client that asks from {address}")
        audit.record("delete", stored, by=by, old=audit.snapshot(stored), reason=reason)
        stored.delete()

    unit_of_work.run(f"remove RADIUS client {address}", _scope(address), change)


def _adopt(address: str, by: Actor) -> None:
    """What a row made by hand says becomes truth, in a transaction before the unit: should that be
    undone, it is this that recovery writes, where else it would leave nobody."""
    where = faults.RADIUS
    try:
        found = nas.made_by_hand(address)
        where = faults.PORTAL
        if found is not None:
            _enter(found, address, by)
    except Error as error:
        faults.tell(error, where)


def _enter(found: Client, address: str, by: Actor) -> None:
    """`found` may write the address in another way."""
    said = {"name": found.name, "secret": found.secret, "signs_requests": found.signs_requests}
    with transaction.atomic():
        row, is_new = RadiusClient.objects.get_or_create(address=address, defaults=said)
        if is_new:
            audit.record("adopt", row, by=by, new=audit.snapshot(row))


def _locked(address: str) -> RadiusClient | None:
    rows = RadiusClient.objects.select_for_update(no_key=True)
    return rows.filter(address=address).first()


def _scope(address: str) -> Scope:
    return Scope(nas.SCOPE, (address,))
