"""Mappings whose interface has gone: an alert for each, and what a confirmed rename moves."""

from collections.abc import Iterable
from datetime import UTC, datetime

from django.db import transaction
from django.db.models import Q, QuerySet

from ispcore.base.timeseries.buckets import BUCKET_S
from ispcore.live.publish import publish
from monitoring.models import Alert, Metric, RuleState
from monitoring.operations import rules
from monitoring.operations.rules import Observation
from resellers.models import Mapping, Reseller
from resellers.operations import mappings, usage
from resellers.operations.mappings import MappingEnded
from routers.hooks import InterfacesChanged, Renamed
from routers.models import InterfaceChange, InterfaceUsage

Kind = InterfaceChange.Kind


def changed(news: InterfacesChanged) -> None:
    """Some interfaces of a router changed: move what a person said is the same, judge the rest.

    Runs inside the transaction of who found it: the alert is there with the fact, or neither.
    """
    if news.renamed is not None:
        _follow(news.renamed)
    judge(Mapping.objects.filter(router=news.router))


def judge_all() -> int:
    """Judge every mapping by the rules; returns how many were looked at closely."""
    return judge(Mapping.objects.all())


def judge(among: QuerySet[Mapping]) -> int:
    """Judge those of these mappings whose interface has gone, or had."""
    chosen = among.filter(Q(ended_at=None, interface__gone_at__isnull=False) | Q(pk__in=_judged()))
    found = list(
        chosen.select_related("router", "interface", "reseller__tenant").order_by("pk").distinct()
    )
    if not found:
        return 0
    new_names = _suspected(found)
    with transaction.atomic():
        seen = [_observation(each, new_names.get(each.interface_id, "")) for each in found]
        if rules.evaluate(Metric.MAPPING_INTERFACE_GONE, seen).any:
            for each in found:
                publish("reseller", str(each.reseller_id))
    return len(found)


def _judged() -> Iterable[int]:
    """Mappings that a rule has in mind: an alert lives, or is about to."""
    kind = {"subject_kind": mappings.SUBJECT}
    live = Alert.objects.filter(**kind, state__in=Alert.LIVE)
    pending = RuleState.objects.filter(**kind, clear_since=None)
    return {pk for rows in (live, pending) for pk in rows.values_list("subject_id", flat=True)}


def _observation(mapping: Mapping, new_name: str) -> Observation:
    words = (
        f"{mapping.reseller}: interface {mapping.interface} is gone from {mapping.router}, "
        "and nothing is counted there"
    )
    if new_name:
        words += f"; it may be called {new_name} now: confirm it on the router's page"
    return Observation(
        mappings.subject_of(mapping),
        0.0 if mapping.interface.gone_at is None else 1.0,
        says=lambda _level: words,
        impact=lambda _level: "not counted",
        void=_void(mapping),
    )


def _void(mapping: Mapping) -> str:
    """Why a mapping needs no interface that is there; empty where it does."""
    if mapping.ended_at is not None:
        return "The mapping has ended"
    if mapping.reseller.status != Reseller.Status.ACTIVE:
        return f"The reseller is {mapping.reseller.get_status_display().lower()} now"
    return "" if mapping.router.is_polled else "Polling of the router was switched off"


def _suspected(found: Iterable[Mapping]) -> dict[int, str]:
    """The new names of interfaces that seem to be renamed, by the old one."""
    rows = InterfaceChange.objects.filter(
        kind=Kind.RENAMED, resolved_at=None, interface__in=[each.interface_id for each in found]
    )
    return {row.interface_id: str(row.other) for row in rows.select_related("other")}


def _follow(renamed: Renamed) -> None:
    """The mapping goes on where its interface is now, and gets what was measured there since."""
    mapping = Mapping.objects.filter(interface=renamed.old, ended_at=None).first()
    if mapping is None:
        return
    try:
        moved = mappings.move(mapping, interface=renamed.new, at=renamed.at, by=renamed.by)
    except MappingEnded:
        return  # this very moment: nothing is left to move
    since = int(moved.started_at.timestamp()) // BUCKET_S * BUCKET_S
    rows = InterfaceUsage.objects.filter(
        interface=renamed.new, bucket__gte=datetime.fromtimestamp(since, UTC)
    )
    measured = rows.order_by("bucket").values_list(*usage.COLUMNS[1:])
    usage.insert([(moved.pk, *values) for values in measured])
