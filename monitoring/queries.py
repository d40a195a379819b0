"""Reads of alerts that several surfaces share."""

from collections.abc import Iterable, Sequence

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When

from ispcore.base import clock
from monitoring.models import SEVERITY_RANK, Alert, AlertEvent, RuleState, Severity

State = Alert.State
OF_ACCOUNT = "account-"  # key of the topic `alerts` for one that is narrowed, before its id


def worst_first(alerts: QuerySet[Alert]) -> QuerySet[Alert]:
    """By severity, what nobody has taken before what somebody has, newest first."""
    rank = Case(
        *(When(severity=severity, then=Value(place)) for severity, place in SEVERITY_RANK.items()),
        default=Value(len(SEVERITY_RANK)),
        output_field=IntegerField(),
    )
    taken = Case(
        When(state=State.OPEN, then=Value(0)), default=Value(1), output_field=IntegerField()
    )
    return alerts.select_related("acknowledged_by").order_by(rank, taken, "-opened_at", "-pk")


def live(alerts: QuerySet[Alert] | None = None) -> QuerySet[Alert]:
    """Alerts that are not resolved: open, and those that somebody has taken."""
    rows = Alert.objects.all() if alerts is None else alerts
    return rows.filter(state__in=Alert.LIVE)


def of_subject(kind: str, pk: int) -> QuerySet[Alert]:
    """Live alerts on one subject, worst first; `kind` as "routers.router"."""
    return worst_first(live().filter(subject_kind=kind, subject_id=pk))


def troubled(kind: str, metrics: Iterable[str]) -> set[int]:
    """Subjects of a kind that a rule of these metrics has something on, alerted or not yet."""
    of = {"subject_kind": kind, "rule__metric__in": list(metrics)}
    beyond = Q(warning_since__isnull=False) | Q(critical_since__isnull=False)
    states = RuleState.objects.filter(beyond, **of).values_list("subject_id", flat=True)
    return {*states, *live().filter(**of).values_list("subject_id", flat=True)}


def resolved_today(alerts: QuerySet[Alert]) -> QuerySet[Alert]:
    """Resolved since midnight in the ISP's zone."""
    midnight = clock.day_start(clock.isp_date(clock.now()))
    return alerts.filter(state=State.RESOLVED, resolved_at__gte=midnight)


def untaken_critical(alerts: QuerySet[Alert], *, most: int = 10) -> Sequence[Alert]:
    """Critical alerts that nobody has taken, newest first."""
    rows = alerts.filter(state=State.OPEN, severity=Severity.CRITICAL)
    return list(rows.select_related("acknowledged_by").order_by("-opened_at", "-pk")[:most])


def counts(alerts: QuerySet[Alert]) -> dict[tuple[str, str], int]:
    """How many, by (state, severity)."""
    found = alerts.order_by().values_list("state", "severity").annotate(rows=Count("pk"))
    return {(state, severity): rows for state, severity, rows in found}


def events(alert: Alert, *, most: int = 200) -> list[AlertEvent]:
    """What happened to an alert, newest first."""
    return list(alert.events.order_by("-at", "-pk")[:most])
