"""Evaluate the rules of a metric on observations, and open, move or resolve alerts accordingly."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from ispcore.base import clock
from monitoring.models import Alert, Rule, RuleState, Severity
from monitoring.operations import alerts
from monitoring.operations.alerts import Subject
from monitoring.thresholds import Level, Since, Thresholds

Says = Callable[[Level], str]


@dataclass(frozen=True, slots=True)
class Observation:
    """One value of a metric for one subject; None means unknown and changes nothing.

    `says` words the alert for a level that was reached; `warning` and `critical` replace the
    rule's thresholds for this subject. `void` says why the metric does not apply to the subject
    (any more): a live alert is resolved with these words.
    """

    subject: Subject
    value: float | None
    says: Says
    impact: Says = lambda _level: ""
    warning: float | None = None
    critical: float | None = None
    void: str = ""


@dataclass(frozen=True, slots=True)
class Outcome:
    """How many alerts an evaluation opened, moved in severity, and resolved."""

    opened: int = 0
    moved: int = 0
    resolved: int = 0

    @property
    def any(self) -> bool:
        return bool(self.opened or self.moved or self.resolved)


def evaluate(
    metric: str, observations: Iterable[Observation], *, at: datetime | None = None
) -> Outcome:
    """Judge every observation by every enabled rule of `metric`, in one transaction.

    Subjects are taken in one order, so that two evaluations at once wait for each other and never
    for ever.
    """
    now = at or clock.now()
    seen = sorted(observations, key=lambda each: (each.subject.kind, each.subject.pk))
    known = [each for each in seen if each.value is not None and not each.void]
    rules = list(Rule.objects.filter(metric=metric, is_enabled=True))
    counts = [0, 0, 0]
    with transaction.atomic():
        counts[2] += _withdraw({e.subject: e.void for e in seen if e.void}, at=now, metric=metric)
        for rule in rules if known else []:
            _judge_all(rule, known, now, counts)
    return Outcome(*counts)


def withdraw(subject: Subject, *, why: str) -> int:
    """Resolve all alerts of a subject that is not judged any more; returns how many."""
    with transaction.atomic():
        return _withdraw({subject: why}, at=clock.now())


def _withdraw(subjects: Mapping[Subject, str], *, at: datetime, metric: str = "") -> int:
    if not subjects:
        return 0
    why = {(each.kind, each.pk): words for each, words in subjects.items()}
    about = {"subject_kind__in": {k for k, _ in why}, "subject_id__in": [pk for _, pk in why]}
    if metric:
        about["rule__metric"] = metric
    for state in RuleState.objects.filter(**about).order_by("rule__name", "pk"):
        if (state.subject_kind, state.subject_id) in why:
            state.delete()
    live = Alert.objects.filter(**about, state__in=Alert.LIVE).order_by("pk")
    return sum(
        alerts.resolve_automatically(alert, at=at, text=why[alert.subject_kind, alert.subject_id])
        for alert in live
        if (alert.subject_kind, alert.subject_id) in why
    )


def _judge_all(
    rule: Rule, observations: Sequence[Observation], at: datetime, counts: list[int]
) -> None:
    kinds = {each.subject.kind for each in observations}
    keys = [each.subject.pk for each in observations]
    chosen = {"rule": rule, "subject_kind__in": kinds, "subject_id__in": keys}
    states = {
        (s.subject_kind, s.subject_id): s
        for s in RuleState.objects.select_for_update().filter(**chosen).order_by("pk")
    }
    live = {
        (a.subject_kind, a.subject_id): a
        for a in Alert.objects.filter(**chosen, state__in=Alert.LIVE)
    }
    changed: list[RuleState] = []
    for each in observations:
        key = (each.subject.kind, each.subject.pk)
        alert = live.get(key)
        if key not in states and alert is None and _level(rule, each, Level.NONE) == Level.NONE:
            continue  # healthy and always was: no row
        state = states.get(key) or RuleState(
            rule=rule, subject_kind=each.subject.kind, subject_id=each.subject.pk
        )
        before = _since(state)
        level = _judge(rule, each, state, alert, at)
        if _since(state) != before:
            changed.append(state)
        _act(rule, each, alert, level, at, counts)
    _store(changed)


def _judge(
    rule: Rule, seen: Observation, state: RuleState, alert: Alert | None, at: datetime
) -> Level:
    held = _held(rule, seen, alert)
    since = _since(state).moved(_level(rule, seen, held), at)
    state.warning_since, state.critical_since, state.clear_since = (
        since.warning,
        since.critical,
        since.clear,
    )
    return since.effective(_thresholds(rule, seen), at, held=held)


def _act(
    rule: Rule,
    seen: Observation,
    alert: Alert | None,
    level: Level,
    at: datetime,
    counts: list[int],
) -> None:
    if level == Level.NONE:
        if alert is not None:
            counts[2] += alerts.resolve_automatically(alert, at=at)
        return
    severity = _severity(rule, level)
    words = (seen.says(level), seen.impact(level))
    if alert is None:
        made = alerts.open_alert(
            rule, seen.subject, severity=severity, words=words, value=seen.value, at=at
        )
        counts[0] += made is not None
    else:
        counts[1] += alerts.update_live(
            alert, severity=severity, words=words, value=seen.value, at=at
        )


def _store(states: list[RuleState]) -> None:
    RuleState.objects.bulk_create(
        states,
        batch_size=500,
        update_conflicts=True,
        unique_fields=["rule", "subject_kind", "subject_id"],
        update_fields=["warning_since", "critical_since", "clear_since"],
    )


def _thresholds(rule: Rule, seen: Observation) -> Thresholds:
    return Thresholds(
        warning=rule.warning if seen.warning is None else seen.warning,
        critical=rule.critical if seen.critical is None else seen.critical,
        hysteresis=rule.hysteresis,
        for_s=rule.for_s,
        clear_for_s=rule.clear_for_s,
        at_least=rule.comparison == Rule.Comparison.AT_LEAST,
    )


def _level(rule: Rule, seen: Observation, held: Level) -> Level:
    assert seen.value is not None  # noqa: S101 - unknown values were left out by evaluate
    return _thresholds(rule, seen).level(seen.value, held=held)


def _since(state: RuleState) -> Since:
    return Since(state.warning_since, state.critical_since, state.clear_since)


def _severity(rule: Rule, level: Level) -> Severity:
    chosen = rule.critical_severity if level == Level.CRITICAL else rule.warning_severity
    return Severity(chosen)


def _held(rule: Rule, seen: Observation, alert: Alert | None) -> Level:
    if alert is None:
        return Level.NONE
    has_critical = _thresholds(rule, seen).critical is not None
    if has_critical and alert.severity == rule.critical_severity:
        return Level.CRITICAL
    return Level.WARNING
