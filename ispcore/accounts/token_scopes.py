"""What an API token may be limited to: reading or writing, per resource.

A scope opens nothing by itself: the account behind the token must be allowed the same.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from ispcore.accounts.models import Account
from ispcore.accounts.roles import May


@dataclass(frozen=True, slots=True)
class Resource:
    """`writes` is the capability that its writing scope is a part of; None: nobody writes it."""

    name: str
    label: str
    writes: May | None = None


RESOURCES = (
    Resource("overview", "the overview: sums of the whole network"),
    Resource("alerts", "alerts", May.HANDLE_ALERTS),
    Resource("resellers", "resellers, their mappings and usage", May.EDIT_RESELLERS),
    Resource("routers", "routers and their interfaces", May.EDIT_ROUTERS),
)


def choices() -> list[tuple[str, str]]:
    """Every scope with its words."""
    listed = []
    for each in RESOURCES:
        listed.append((f"{each.name}:read", f"Read {each.label}"))
        if each.writes is not None:
            listed.append((f"{each.name}:write", f"Change {each.label}"))
    return listed


def open_to(account: Account) -> set[str]:
    """The scopes that a token of this account can have: no more than the account itself may."""
    if not account.may(May.VIEW):
        return set()
    reading = {f"{each.name}:read" for each in RESOURCES}
    return reading | {
        f"{each.name}:write"
        for each in RESOURCES
        if each.writes is not None and account.may(each.writes)
    }


def words(scopes: Iterable[str]) -> str:
    """Scopes in one order, for a list."""
    return ", ".join(sorted(scopes))
