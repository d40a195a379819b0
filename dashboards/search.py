"""Find resellers, subscribers, routers and interfaces by what people know of them."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from urllib.parse import urlencode

from django.db.models import Q, QuerySet
from django.urls import reverse

from ispcore.accounts.models import Account
from ispcore.accounts.pages import page_url, typed
from ispcore.accounts.roles import May
from ispcore.accounts.scope import visible
from ispcore.base import clock
from resellers.models import Reseller
from routers.models import Interface, Router
from routers.pages.interfaces import kind_words, state_of
from routers.pages.states import health
from subscribers.models import Subscriber
from subscribers.pages.finding import fitting
from subscribers.pages.logins import refused
from subscribers.pages.radius_side import asked
from subscribers.pages.states import day_and_time, shown_status

MOST_ROWS = 20
LONGEST = 100
STRANGERS = "Refused by FreeRADIUS"
STRANGERS_FOR = timedelta(days=7)
_VLAN = re.compile(r"(?:vlan[\s-]*)?(\d{1,4})", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class FoundRow:
    title: str
    url: str
    detail: str
    kind: str | None
    word: str


@dataclass(frozen=True, slots=True)
class Group:
    title: str
    rows: Sequence[FoundRow]
    more_url: str | None


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found; `only_url` where exactly one thing has exactly that name."""

    query: str
    groups: Sequence[Group]
    only_url: str | None

    @property
    def count(self) -> int:
        return sum(len(group.rows) for group in self.groups)


def find(account: Any, text: str) -> Found:
    """Search among what this account sees: a tenant's people find their own reseller only."""
    query = " ".join(typed(text, most=LONGEST).split())
    if not query or not isinstance(account, Account) or not account.may(May.VIEW):
        return Found(query, [], None)
    vlan = _VLAN.fullmatch(query)
    number = int(vlan[1]) if vlan else None
    resellers = visible(_resellers(query, number), account)
    groups = [_group("Resellers", "resellers_reseller", resellers, query, _reseller_row)]
    if account.is_staff:
        routers = visible(_routers(query), account).prefetch_related("checks")
        interfaces = visible(_interfaces(query, number), account)
        subscribers = visible(_subscribers(query), account)
        groups += [
            _group("Subscribers", "subscribers_subscriber", subscribers, query, _subscriber_row),
            _refused_stranger(account, query),
            _group("Routers", "routers_router", routers, query, _router_row),
            _group("Interfaces", "routers_interface", interfaces, query, _interface_row),
        ]
    same = [
        r.url
        for g in groups
        if g.title != STRANGERS
        for r in g.rows
        if r.title.casefold() == query.casefold()
    ]
    return Found(query, groups, same[0] if len(same) == 1 else None)


def _resellers(query: str, vlan_id: int | None) -> QuerySet[Reseller]:
    fits = Q(tenant__name__icontains=query) | Q(contact__icontains=query)
    digits = re.sub(r"[\s()/-]", "", query)
    if len(digits) >= 4:
        fits |= Q(phone__contains=digits)
    if vlan_id is not None:
        fits |= Q(mappings__vlan_id=vlan_id, mappings__ended_at=None)
    return Reseller.objects.filter(fits).select_related("tenant", "plan").distinct()


def _subscribers(query: str) -> QuerySet[Subscriber]:
    rows = Subscriber.objects.select_related("package", "tenant").defer("radius_password")
    return fitting(rows, query, online=True)


def _refused_stranger(account: Account, query: str) -> Group:
    """A name that no subscriber has, and that somebody dials in with: mistyped, as a rule."""
    group = Group(STRANGERS, [], None)
    if not account.sees_all or Subscriber.objects.filter(username_key=query.lower()).exists():
        return group
    last, _ = asked(lambda: refused(query, clock.now() - STRANGERS_FOR))
    if last is None:
        return group
    detail = f"{last.why}; last tried {day_and_time(last.at)}"
    url = reverse("admin:subscribers_subscriber_changelist")
    if account.may(May.EDIT_SUBSCRIBERS):
        url = f"{reverse('admin:subscribers_subscriber_add')}?{urlencode({'username': query})}"
        detail += "; opens the form of a new subscriber"
    return replace(group, rows=[FoundRow(query, url, detail, last.kind, last.word)])


def _routers(query: str) -> QuerySet[Router]:
    fits = Q(name__icontains=query) | Q(address__icontains=query) | Q(site__icontains=query)
    return Router.objects.filter(fits)


def _interfaces(query: str, vlan_id: int | None) -> QuerySet[Interface]:
    fits = Q(name__icontains=query) | Q(alias__icontains=query) | Q(mac__icontains=query)
    if vlan_id is not None:
        fits |= Q(vlan_id=vlan_id)
    return Interface.objects.filter(fits).select_related("router")


def _group(
    title: str,
    name: str,
    rows: QuerySet[Any],
    query: str,
    row: Callable[[Any], FoundRow],
) -> Group:
    found = list(rows[: MOST_ROWS + 1])
    more = f"{reverse(f'admin:{name}_changelist')}?{urlencode({'q': query})}"
    shown = [row(each) for each in found[:MOST_ROWS]]
    return Group(title, shown, more if len(found) > MOST_ROWS else None)


def _reseller_row(reseller: Reseller) -> FoundRow:
    parts = [reseller.contact, reseller.phone, str(reseller.plan or "no plan")]
    ended = reseller.status != Reseller.Status.ACTIVE
    return FoundRow(
        title=reseller.name,
        url=page_url(reseller),
        detail=", ".join(part for part in parts if part),
        kind="low" if ended else None,
        word=reseller.get_status_display(),
    )


def _subscriber_row(subscriber: Subscriber) -> FoundRow:
    kind, word = shown_status(subscriber, clock.now())
    parts = [subscriber.full_name, subscriber.phone, subscriber.package.name]
    return FoundRow(
        title=subscriber.username,
        url=page_url(subscriber),
        detail=", ".join([*(part for part in parts if part), subscriber.tenant.name]),
        kind=None if kind == "ok" else kind,
        word=word,
    )


def _router_row(router: Router) -> FoundRow:
    found = health(router, router.checks.all(), clock.now())
    detail = ", ".join(part for part in (router.site, router.address) if part)
    return FoundRow(router.name, page_url(router), detail, found.kind, found.word)


def _interface_row(interface: Interface) -> FoundRow:
    kind, word = state_of(interface, None, clock.now())
    parts = [interface.router.name, kind_words(interface), interface.alias]
    url = reverse("admin:routers_interface_change", args=[interface.pk])
    return FoundRow(interface.name, url, ", ".join(p for p in parts if p), kind, word)
