"""The history page of an object: its changes, its state at a time, what differs between two."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.db import models
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode

from ispcore.accounts.models import Account
from ispcore.base import clock, csv_files, history, past
from ispcore.base.history import Line, Words
from ispcore.base.models import AuditEntry

if TYPE_CHECKING:
    from ispcore.accounts.pages import ScopedAdmin

A_PAGE = 50
MOST_CSV = 10_000
VIEWS = {"changes": "Changes", "state": "State at a time", "difference": "Difference"}
TYPED = "%Y-%m-%dT%H:%M"  # what a browser's field for date and time gives and takes
HEAD = ("at (UTC)", "by", "kind", "token", "action", "field", "old", "new", "reason")
STAFF_HEAD = ("surface", "address", "request id", "process")


class NotATime(ValueError):
    """What was typed is no date and time."""


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as the page shows it: what `reader` may see of it, in words."""

    entry: AuditEntry
    lines: Sequence[Line]
    reason: str
    where: str


@dataclass(frozen=True, slots=True)
class Reader:
    """What somebody is shown: a tenant's people neither our addresses nor what is internal."""

    is_staff: bool
    tenant_id: int | None
    hidden: frozenset[str]

    def rows(self, entries: Sequence[AuditEntry]) -> list[Row]:
        words, own = Words(entries), self._own(entries)
        return [
            Row(
                entry,
                words.lines(entry, without=self.hidden),
                entry.reason if self._sees(entry, own) else "",
                _where(entry) if self._sees(entry, own) else "",
            )
            for entry in entries
        ]

    def _sees(self, entry: AuditEntry, own: set[int]) -> bool:
        return self.is_staff or entry.actor_id in own

    def _own(self, entries: Sequence[AuditEntry]) -> set[int]:
        """Those who did it and are of the reader's own tenant."""
        if self.is_staff:
            return set()
        actors = {entry.actor_id for entry in entries if entry.actor_id}
        people = Account.objects.filter(tenant_id=self.tenant_id or 0, pk__in=actors)
        return set(people.values_list("pk", flat=True))


def reader_of(account: Account, model: type[models.Model]) -> Reader:
    hidden = frozenset() if account.is_staff else history.hidden_from_tenants(model)
    return Reader(account.is_staff, account.tenant_id, hidden)


def page(
    admin: "ScopedAdmin", request: HttpRequest, row: models.Model, account: Account
) -> HttpResponse:
    """The page, or with `?as=csv` its changes as a file."""
    reader = reader_of(account, type(row))
    field = _field(request, row, reader)
    entries = history.entries_of(row)
    if field:
        entries = history.with_field(entries, field)
    if request.GET.get("as") == "csv":
        return _csv(request, row, list(entries[:MOST_CSV]), reader)
    view = request.GET.get("view", "changes")
    view = view if view in VIEWS else "changes"
    context: dict[str, Any] = {
        "row": row,
        "view": view,
        "views": [(key, label, f"?view={key}") for key, label in VIEWS.items()],
        "zone": clock.isp_zone().key,
        "object_url": _object_url(admin, row),
        "is_staff": reader.is_staff,
    }
    if view == "changes":
        context |= _changes(request, entries, reader) | {
            "columns": [c for c in history.columns(type(row)) if c[0] not in reader.hidden],
            "field": field,
            "csv_url": "?" + urlencode({"as": "csv"} | ({"field": field} if field else {})),
        }
    else:
        context |= _then(request, row, reader, view)
    title = f"History of {row}"
    return admin.answer(request, "portal/history/page.html", context, title=title)


def _changes(request: HttpRequest, entries: Any, reader: Reader) -> dict[str, Any]:
    """A page of entries; the next begins after the number in `before`."""
    before = request.GET.get("before", "")
    if before.isdecimal() and len(before) <= 18:
        last = entries.filter(pk=int(before)).values_list("at", flat=True).first()
        if last is not None:
            same = models.Q(at=last, pk__lt=int(before))
            entries = entries.filter(same | models.Q(at__lt=last))
    found = list(entries[: A_PAGE + 1])
    older = ""
    if len(found) > A_PAGE:
        query = request.GET.copy()
        query["before"] = str(found[A_PAGE - 1].pk)
        older = f"?{query.urlencode()}"
    return {"rows": reader.rows(found[:A_PAGE]), "older_url": older, "is_first": not before}


def _then(request: HttpRequest, row: models.Model, reader: Reader, view: str) -> dict[str, Any]:
    now = clock.now()
    week = now - timedelta(days=7)
    try:
        if view == "state":
            at = _time(request, "at", now)
            return {"at": _typed(at), "past": past.state_at(row, at, hidden=reader.hidden)}
        start, end = sorted((_time(request, "from", week), _time(request, "until", now)))
    except NotATime as error:
        return {"fault": f"{error}.", "at": "", "start": "", "end": ""}
    old, new, changes = past.difference(row, start, end, hidden=reader.hidden)
    between = history.entries_of(row).filter(at__gt=start, at__lte=end)
    found = list(between[:A_PAGE])
    return {
        "start": _typed(start),
        "end": _typed(end),
        "old": old,
        "new": new,
        "changes": changes,
        "rows": reader.rows(found),
    }


def _time(request: HttpRequest, name: str, default: datetime) -> datetime:
    """A time that was typed, in the ISP's zone. Raises NotATime."""
    text = request.GET.get(name, "")
    if not text:
        return default
    try:
        local = datetime.fromisoformat(text[:40])
    except ValueError as error:
        raise NotATime(f"{text[:40]!r} is no date and time") from error
    if not 1970 <= local.year <= 2999:
        raise NotATime(f"{local.year} is no year of this record")
    zone: ZoneInfo = clock.isp_zone()
    return local if local.tzinfo else local.replace(tzinfo=zone)


def _typed(at: datetime) -> str:
    return at.astimezone(clock.isp_zone()).strftime(TYPED)


def _field(request: HttpRequest, row: models.Model, reader: Reader) -> str:
    """The column that is asked for, if there is one that the reader may see."""
    asked = request.GET.get("field", "")
    names = {name for name, _ in history.columns(type(row))} - reader.hidden
    return asked if asked in names else ""


def _where(entry: AuditEntry) -> str:
    """ "admin, 192.0.2.7", "token crm, api, 192.0.2.9", "job"."""
    token = f"token {entry.token}" if entry.token else ""
    return ", ".join(part for part in (token, entry.surface, entry.address) if part)


def url(admin: "ScopedAdmin", row: models.Model) -> str:
    """The address of the history page of `row`, on the site that `admin` is of."""
    return _reverse(admin, row, "history")


def _object_url(admin: "ScopedAdmin", row: models.Model) -> str:
    """Its page, else its form."""
    try:
        return _reverse(admin, row, "page")
    except NoReverseMatch:
        return _reverse(admin, row, "change")


def _reverse(admin: "ScopedAdmin", row: models.Model, name: str) -> str:
    meta, site = row._meta, admin.admin_site.name
    return reverse(f"{site}:{meta.app_label}_{meta.model_name}_{name}", args=[row.pk])


def _csv(
    request: HttpRequest, row: models.Model, entries: Sequence[AuditEntry], reader: Reader
) -> HttpResponse:
    """One line per changed value. All of it is read before it is sent: it is one object's."""
    head = HEAD + (STAFF_HEAD if reader.is_staff else ())
    text = csv_files.lines([head, *_csv_rows(reader.rows(entries), reader)])
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    name = csv_files.file_name(f"history {row._meta.verbose_name} {row.pk}")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _csv_rows(rows: Sequence[Row], reader: Reader) -> Iterator[Sequence[Any]]:
    for each in rows:
        e = each.entry
        at = e.at.strftime("%Y-%m-%dT%H:%M:%SZ")
        more = (e.surface, e.address, e.request_id, e.process) if reader.is_staff else ()
        for line in each.lines or [Line("", "", "", "")]:
            changed = (line.label, line.old, line.new)
            yield (at, e.actor, e.kind, e.token, e.action, *changed, each.reason, *more)
