"""The history page of an object: its changes, its state at a time, what differs between two."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from django.db import models
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode

from ispcore.base import clock, csv_files, history, past
from ispcore.base.history import Line, Words
from ispcore.base.models import AuditEntry

if TYPE_CHECKING:
    from ispcore.accounts.pages import ScopedAdmin

A_PAGE = 50
MOST_CSV = 10_000
VIEWS = {"changes": "Changes", "state": "State at a time", "difference": "Difference"}
TYPED = "%Y-%m-%dT%H:%M"  # what a browser's field for date and time gives and takes
HEAD = (
    *("at (UTC)", "by", "kind", "token", "action", "field", "old", "new"),
    *("reason", "surface", "address", "request id", "process"),
)


class NotATime(ValueError):
    """What was typed is no date and time."""


@dataclass(frozen=True, slots=True)
class Row:
    """An entry as the page shows it, in words."""

    entry: AuditEntry
    lines: Sequence[Line]
    where: str


def _rows(entries: Sequence[AuditEntry]) -> list[Row]:
    words = Words(entries)
    return [Row(entry, words.lines(entry), _where(entry)) for entry in entries]


def page(admin: "ScopedAdmin", request: HttpRequest, row: models.Model) -> HttpResponse:
    """The page, or with `?as=csv` its changes as a file."""
    field = _field(request, row)
    entries = history.entries_of(row)
    if field:
        entries = history.with_field(entries, field)
    if request.GET.get("as") == "csv":
        return _csv(row, list(entries[:MOST_CSV]))
    view = request.GET.get("view", "changes")
    view = view if view in VIEWS else "changes"
    context: dict[str, Any] = {
        "row": row,
        "view": view,
        "views": [(key, label, f"?view={key}") for key, label in VIEWS.items()],
        "zone": clock.isp_zone().key,
        "object_url": _object_url(admin, row),
    }
    if view == "changes":
        context |= _changes(request, entries) | {
            "columns": history.columns(type(row)),
            "field": field,
            "csv_url": "?" + urlencode({"as": "csv"} | ({"field": field} if field else {})),
        }
    else:
        context |= _then(request, row, view)
    title = f"History of {row}"
    return admin.answer(request, "portal/history/page.html", context, title=title)


def _changes(request: HttpRequest, entries: QuerySet[AuditEntry]) -> dict[str, Any]:
    """A page of entries; the next begins after the number in `before`."""
    before = request.GET.get("before", "")
    found, last = history.a_page(entries, before=before, most=A_PAGE)
    query = request.GET.copy()
    query["before"] = str(last)
    older = f"?{query.urlencode()}" if last else ""
    return {"rows": _rows(found), "older_url": older, "is_first": not before}


def _then(request: HttpRequest, row: models.Model, view: str) -> dict[str, Any]:
    now = clock.now()
    week = now - timedelta(days=7)
    try:
        if view == "state":
            at = _time(request, "at", now)
            return {"at": _typed(at), "past": past.state_at(row, at)}
        start, end = sorted((_time(request, "from", week), _time(request, "until", now)))
    except NotATime as error:
        return {"fault": f"{error}.", "at": "", "start": "", "end": ""}
    old, new, changes = past.difference(row, start, end)
    between = history.entries_of(row).filter(at__gt=start, at__lte=end)
    found = list(between[:A_PAGE])
    return {
        "start": _typed(start),
        "end": _typed(end),
        "old": old,
        "new": new,
        "changes": changes,
        "rows": _rows(found),
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


def _field(request: HttpRequest, row: models.Model) -> str:
    """The column that is asked for, if there is one."""
    asked = request.GET.get("field", "")
    return asked if asked in dict(history.columns(type(row))) else ""


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


def _csv(row: models.Model, entries: Sequence[AuditEntry]) -> HttpResponse:
    """One line per changed value. All of it is read before it is sent: it is one object's."""
    text = csv_files.lines([HEAD, *_csv_rows(_rows(entries))])
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    name = csv_files.file_name(f"history {row._meta.verbose_name} {row.pk}")
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


def _csv_rows(rows: Sequence[Row]) -> Iterator[Sequence[Any]]:
    for each in rows:
        e = each.entry
        at = e.at.strftime("%Y-%m-%dT%H:%M:%SZ")
        more = (e.reason, e.surface, e.address, e.request_id, e.process)
        for line in each.lines or [Line("", "", "", "")]:
            changed = (line.label, line.old, line.new)
            yield (at, e.actor, e.kind, e.token, e.action, *changed, *more)
