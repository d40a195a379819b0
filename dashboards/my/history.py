"""My history: what was changed in the own service, links and accounts, when and by whom."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import CharField, Model, Q, QuerySet
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils.http import urlencode

from dashboards.my.alerts import PROVIDER
from dashboards.my.sections import Section
from ispcore.accounts.models import Account
from ispcore.accounts.pages import account_of
from ispcore.accounts.roles import May
from ispcore.accounts.scope import visible
from ispcore.base import clock, csv_files, history
from ispcore.base.history import Line, Words
from ispcore.base.models import AuditEntry
from resellers.models import Mapping, Reseller

A_PAGE = 50
MOST_CSV = 5_000
HEAD = ("at", "by", "what", "kind", "name", "field", "old", "new", "reason", "address")
PORTAL = "the portal"
_BY_ITSELF = {AuditEntry.Kind.JOB, AuditEntry.Kind.SYSTEM}
_VERBS = {"map": "Add", "move mapping": "Move here", "end mapping": "End"}


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of own objects. `hidden` are columns that are the provider's, or always the same."""

    label: str
    word: str
    model: type[Model]
    hidden: frozenset[str]


KINDS = {
    "service": Kind("Service", "service", Reseller, Reseller.internal | {"tenant_id"}),
    "links": Kind("Links", "link", Mapping, frozenset({"reseller_id", "side"})),
    "people": Kind(
        "People", "account", Account, frozenset({"tenant_id", "is_machine", "is_narrowed"})
    ),
}
_KIND_OF = {kind.model._meta.label_lower: kind for kind in KINDS.values()}


@dataclass(frozen=True, slots=True)
class Row:
    """An entry in the words of its tenant; `reason` and `address` only of its own people."""

    key: int
    at: datetime
    by: str
    verb: str
    kind: str
    name: str
    lines: Sequence[Line]
    reason: str = ""
    address: str = ""


def entries(account: Account, only: str = "") -> QuerySet[AuditEntry]:
    """What was changed in what an account sees now, newest first; `only` is a key of KINDS.

    Of accounts it sees all where it keeps them, else its own.
    """
    about = Q()
    for key in [only] if only in KINDS else KINDS:
        model: Any = KINDS[key].model
        seen = visible(model._default_manager.order_by(), account)
        if model is Account and not account.may(May.EDIT_ACCOUNTS):
            seen = seen.filter(pk=account.pk)
        ids = seen.annotate(as_text=Cast("pk", CharField())).values("as_text")
        about |= Q(object_kind=model._meta.label_lower, object_id__in=ids)
    own = AuditEntry.objects.filter(about, tenant_id=account.tenant_id)
    return own.order_by("-at", "-pk")


def rows(found: Sequence[AuditEntry], account: Account) -> list[Row]:
    """The entries as the people of the account's tenant are shown them.

    The provider's people are not named, nor are their addresses and reasons shown.
    """
    people = Account.objects.filter(tenant_id=account.tenant_id or 0)
    words, own = Words(found), set(people.values_list("pk", flat=True))
    return [_row(entry, words, is_own=entry.actor_id in own) for entry in found]


def _row(entry: AuditEntry, words: Words, *, is_own: bool) -> Row:
    kind = _KIND_OF[entry.object_kind]
    provider = PORTAL if entry.kind in _BY_ITSELF else PROVIDER
    return Row(
        key=entry.pk,
        at=entry.at,
        by=entry.actor if is_own else provider.capitalize(),
        verb=_VERBS.get(entry.action, entry.action.capitalize()),
        kind=kind.word,
        name=entry.object_name,
        lines=words.lines(entry, without=kind.hidden),
        reason=entry.reason if is_own else "",
        address=(entry.address or "") if is_own else "",
    )


def as_csv(found: Sequence[AuditEntry], account: Account) -> str:
    """One line per changed value, times in the ISP's zone; says so where it was cut."""
    return csv_files.lines([HEAD, *_csv_rows(rows(found[:MOST_CSV], account)), *_cut(found)])


def _csv_rows(shown: Sequence[Row]) -> Iterator[Sequence[Any]]:
    zone = clock.isp_zone()
    for each in shown:
        at = each.at.astimezone(zone).isoformat(timespec="seconds")
        for line in each.lines or [Line("", "", "", "")]:
            changed = (line.label, line.old, line.new)
            about = (at, each.by, each.verb, each.kind, each.name)
            yield (*about, *changed, each.reason, each.address)


def _cut(found: Sequence[AuditEntry]) -> list[Sequence[str]]:
    return [(f"cut after {MOST_CSV} changes",)] if len(found) > MOST_CSV else []


class History(Section):
    """What was changed, all of it or of one kind."""

    start, label, icon = "history", "History", "clock"

    def urls(self) -> Sequence[URLPattern]:
        return [
            self.route("history/", self.history, "history"),
            self.route("history.csv", self.history_csv, "history_csv"),
        ]

    def history(self, request: HttpRequest) -> HttpResponse:
        account, only = account_of(request), self._only(request)
        before = request.GET.get("before", "")
        found, last = history.a_page(entries(account, only), before=before, most=A_PAGE)
        shown = {
            "rows": rows(found, account),
            "kinds": self._kinds(account, only),
            "newest_url": _url("history", only) if before else "",
            "older_url": _url("history", only, before=str(last)) if last else "",
            "csv_url": _url("history_csv", only),
        }
        return self.page(request, "my/history/page.html", shown, title="History")

    def history_csv(self, request: HttpRequest) -> HttpResponse:
        account = account_of(request)
        found = list(entries(account, self._only(request))[: MOST_CSV + 1])
        response = HttpResponse(as_csv(found, account), content_type="text/csv; charset=utf-8")
        name = csv_files.file_name(f"{account.tenant} history")
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    def _only(self, request: HttpRequest) -> str:
        asked = request.GET.get("of", "")
        return asked if asked in KINDS else ""

    def _kinds(self, account: Account, only: str) -> list[tuple[str, str, bool]]:
        """(label, address, whether it is shown) of all kinds together, and of each."""
        sees_people = account.may(May.EDIT_ACCOUNTS)
        labels = {key: kind.label for key, kind in KINDS.items()}
        labels |= {} if sees_people else {"people": "Your account"}
        shown = {"": "All"} | labels
        return [(label, _url("history", key), key == only) for key, label in shown.items()]


def _url(name: str, only: str, *, before: str = "") -> str:
    asked = {"of": only, "before": before}
    query = urlencode({key: value for key, value in asked.items() if value})
    return reverse(f"my:{name}") + (f"?{query}" if query else "")
