"""Rows of router_checks, read and written by the thousand: plain values instead of model instances."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from ispcore.base.upsert import upsert
from routers.flapping import Flips
from routers.models import RouterCheck

Key = tuple[int, str]  # router and method
Looks = tuple[str, str, str, str]  # state, detail, kind of error, error


@dataclass(slots=True)
class CheckRow:
    """A RouterCheck without its model; the fields stand in the order of COLUMNS."""

    router_id: int
    method: str
    state: str
    since: datetime
    checked_at: datetime
    last_ok_at: datetime | None = None
    took_ms: float | None = None
    detail: str = ""
    error_kind: str = ""
    error: str = ""
    failed_at: datetime | None = None
    flips: str = ""
    flapping_since: datetime | None = None
    flap_changes: int = 0

    @property
    def key(self) -> Key:
        return self.router_id, self.method

    @property
    def flapping(self) -> Flips:
        return Flips(self.flips, self.flapping_since, self.flap_changes)

    @property
    def looks(self) -> Looks:
        """What pages show of it in words."""
        return self.state, self.detail, self.error_kind, self.error


COLUMNS = tuple(CheckRow.__dataclass_fields__)
_WRITTEN = ("router", *COLUMNS[1:], "created_at", "updated_at")


def read(
    router_ids: Iterable[int], *, methods: Iterable[str] = (), lock: bool = False
) -> list[CheckRow]:
    """The rows of these routers; `lock` takes them, in one order, until the transaction ends."""
    rows = RouterCheck.objects.filter(router_id__in=list(router_ids))
    chosen = list(methods)
    if chosen:
        rows = rows.filter(method__in=chosen)
    if lock:
        rows = rows.select_for_update().order_by("pk")
    return [CheckRow(*values) for values in rows.values_list(*COLUMNS)]


def write(rows: Iterable[CheckRow], *, at: datetime) -> None:
    """Store these rows, new ones and others. Must run inside the caller's transaction."""
    values = [(*(getattr(row, name) for name in COLUMNS), at, at) for row in rows]
    upsert(RouterCheck, _WRITTEN, values, key=("router", "method"), kept=("created_at",))
