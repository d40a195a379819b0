"""My links: which VLANs of which routers carry the traffic, and how they stand.

A tenant's people learn the names of a router, of its site and of their own interface on it. Its
address, model, neighbours and whatever opens it are the provider's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern

from dashboards.my.sections import Section, reseller_of
from ispcore.base import clock
from ispcore.base.timeseries.buckets import BUCKET_S
from resellers.models import Mapping, Reseller, Usage
from resellers.queries import down_up
from routers.counter_states import Rate
from routers.pages.interfaces import state_of
from routers.queries import current_rates

SPARK = timedelta(hours=6)
MOST_PAST = 30
_SHOWN = (
    *("reseller_id", "vlan_id", "carries", "side", "started_at", "ended_at"),
    *("router__name", "router__site", "router__read_at"),
    *("interface__name", "interface__admin_state", "interface__oper_state"),
    *("interface__last_seen_at", "interface__gone_at"),
)
WORDS = {
    "Down": ("critical", "Down"),
    "Disabled": ("warning", "Switched off"),
    "Gone": ("warning", "Not on the router"),
}


@dataclass(frozen=True, slots=True)
class LinkRow:
    """A mapping as its owner may see it; rates in bit/s from the owner's side."""

    key: int
    vlan: int | None
    carries: str
    router: str
    site: str
    interface: str
    kind: str
    word: str
    read_at: datetime | None  # without a current rate: when its router was last read
    down_bps: int | None
    up_bps: int | None
    spark: Sequence[int | None]
    since: datetime
    ended_at: datetime | None

    @property
    def name(self) -> str:
        """ "VLAN 312", or the interface where there is no tag."""
        return self.interface if self.vlan is None else f"VLAN {self.vlan}"


def live_links(reseller: Reseller) -> list[LinkRow]:
    """The links that carry traffic now, with state and last reading."""
    found = list(
        _mappings(reseller).filter(ended_at=None).order_by("router__name", "vlan_id", "pk")
    )
    rates, lines = current_rates(m.router_id for m in found), _sparks(found)
    now = clock.now()
    return [_row(m, rates.get(m.interface_id), lines[m.pk], now) for m in found]


def past_links(reseller: Reseller) -> list[LinkRow]:
    """Links that ended, the latest first."""
    found = _mappings(reseller).exclude(ended_at=None).order_by("-ended_at", "-pk")[:MOST_PAST]
    return [_row(m, None, [], clock.now()) for m in found]


def context(reseller: Reseller | None) -> dict[str, Any]:
    """What the list of links needs, on a page and in a live frame."""
    links = live_links(reseller) if reseller else []
    return {"links": links, "links_known": sum(link.down_bps is not None for link in links)}


def _mappings(reseller: Reseller) -> QuerySet[Mapping]:
    """Without the columns of a router that are nobody's business here."""
    rows = Mapping.objects.filter(reseller=reseller)
    return rows.select_related("router", "interface").only(*_SHOWN)


def _row(mapping: Mapping, rate: Rate | None, line: Sequence[int | None], now: datetime) -> LinkRow:
    interface = mapping.interface
    interface.router = mapping.router
    kind, word = state_of(interface, None, now)
    kind, word = WORDS.get(word, (kind, word))
    down, up = down_up(mapping.side, rate.in_bps, rate.out_bps) if rate else (None, None)
    return LinkRow(
        key=mapping.pk,
        vlan=mapping.vlan_id,
        carries=mapping.carries,
        router=mapping.router.name,
        site=mapping.router.site,
        interface=interface.name,
        kind=kind,
        word=word,
        read_at=rate.rated_at if rate else mapping.router.read_at,
        down_bps=down,
        up_bps=up,
        spark=line,
        since=mapping.started_at,
        ended_at=mapping.ended_at,
    )


def _sparks(mappings: Iterable[Mapping]) -> dict[int, list[int | None]]:
    """Down of the last six hours, in steps of 5 minutes, by mapping; None where unknown."""
    sides = {m.pk: m.side for m in mappings}
    end = int(clock.now().timestamp()) // BUCKET_S
    slots = int(SPARK.total_seconds()) // BUCKET_S
    found: dict[int, list[int | None]] = {pk: [None] * slots for pk in sides}
    first = datetime.fromtimestamp((end - slots) * BUCKET_S, UTC)
    rows = Usage.objects.filter(mapping__in=sides, bucket__gte=first)
    for pk, bucket, in_bps, out_bps in rows.values_list("mapping", "bucket", "in_bps", "out_bps"):
        place = int(bucket.timestamp()) // BUCKET_S - (end - slots)
        if 0 <= place < slots:
            found[pk][place] = down_up(sides[pk], in_bps, out_bps)[0]
    return found


class Links(Section):
    """Which links carry the traffic, and how each stands."""

    start, label, icon, key = "links", "Links", "link", "l"

    def urls(self) -> Sequence[URLPattern]:
        return [self.route("links/", self.links, "links")]

    def links(self, request: HttpRequest) -> HttpResponse:
        reseller = reseller_of(request)
        past = past_links(reseller) if reseller else []
        shown = context(reseller) | {"reseller": reseller, "past": past}
        return self.page(request, "my/links/page.html", shown, title="Links")
