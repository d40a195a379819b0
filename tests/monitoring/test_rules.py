"""What raises an alert, what moves it, and what ends it."""

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction

from ispcore.base.audit import Actor
from ispcore.base.models import AuditEntry
from monitoring.models import Alert, AlertEvent, Metric, Rule, RuleState, Severity
from monitoring.operations import rule_edits, rules
from monitoring.operations.alerts import Subject
from monitoring.operations.rules import Observation, Outcome

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
METRIC = Metric.RESELLER_UTILISATION_PERCENT
DHAKA, CTG = Subject("resellers.reseller", 1, "Dhaka"), Subject("resellers.reseller", 2, "Ctg")
Clock = Callable[[datetime], None]


def a_rule(**values: Any) -> Rule:
    """80 and 100 %, ten minutes to raise, five to clear, five points of hysteresis."""
    Rule.objects.all().delete()
    usual = {
        "warning": 80,
        "critical": 100,
        "for_s": 600,
        "clear_for_s": 300,
        "hysteresis": 5,
        "metric": METRIC,
        "name": "over plan",
    }
    return Rule.objects.create(**usual | values)


@pytest.fixture
def patient(db: None) -> Rule:
    return a_rule()


@pytest.fixture
def prompt(db: None) -> Rule:
    """Raises and clears at once."""
    return a_rule(for_s=0, clear_for_s=0)


def see(percent: float | None, *, minutes: float = 0, of: Subject = DHAKA, **more: Any) -> Outcome:
    seen = Observation(of, percent, says=lambda level: f"{percent} % ({level.name})", **more)
    return rules.evaluate(METRIC, [seen], at=NOON + timedelta(minutes=minutes))


def live() -> Alert | None:
    return Alert.objects.filter(state__in=Alert.LIVE).first()


def severity() -> str | None:
    alert = live()
    return alert.severity if alert else None


def kinds() -> list[str]:
    return list(AlertEvent.objects.order_by("pk").values_list("kind", flat=True))


# ---- raising


def test_a_healthy_subject_leaves_no_trace(patient: Rule) -> None:
    assert not see(50).any
    assert not RuleState.objects.exists()


def test_an_alert_is_raised_once_the_value_was_beyond_for_long_enough(patient: Rule) -> None:
    see(85, minutes=0)
    see(85, minutes=9.9)
    assert live() is None
    assert see(85, minutes=10) == Outcome(opened=1)
    alert = live()
    assert alert is not None
    assert (alert.severity, alert.summary, alert.value) == ("medium", "85 % (WARNING)", 85)
    assert (alert.subject, alert.opened_at) == ("Dhaka", NOON + timedelta(minutes=10))


def test_a_dip_starts_the_wait_anew(patient: Rule) -> None:
    for minutes, percent in ((0, 85), (5, 79), (6, 85), (15, 85)):
        see(percent, minutes=minutes)
    assert live() is None
    see(85, minutes=16)
    assert severity() == Severity.MEDIUM


def test_a_value_at_the_threshold_is_beyond(prompt: Rule) -> None:
    see(79.99)
    assert live() is None
    see(80)
    assert severity() == Severity.MEDIUM
    see(100)
    assert severity() == Severity.CRITICAL


def test_unknown_changes_nothing(patient: Rule) -> None:
    for minutes in range(11):
        see(85, minutes=minutes)
    before = RuleState.objects.values().get()
    assert not see(None, minutes=30).any
    assert severity() == Severity.MEDIUM
    assert RuleState.objects.values().get() == before


def test_levels_alert_as_medium_and_critical_unless_the_rule_says_otherwise(db: None) -> None:
    a_rule(for_s=0)
    see(85)
    see(101, of=CTG)
    assert set(Alert.objects.values_list("severity", flat=True)) == {"medium", "critical"}
    Alert.objects.all().delete()
    a_rule(for_s=0, warning_severity="low", critical_severity="high")
    see(85)
    see(101, of=CTG)
    assert set(Alert.objects.values_list("severity", flat=True)) == {"low", "high"}


def test_a_rule_may_look_downwards(db: None) -> None:
    a_rule(comparison="le", warning=20, critical=5, for_s=0, clear_for_s=0)
    see(21)
    assert live() is None
    see(20)
    assert severity() == Severity.MEDIUM
    see(5)
    assert severity() == Severity.CRITICAL
    see(9)  # within the hysteresis
    assert severity() == Severity.CRITICAL
    see(26)
    assert live() is None


def test_a_disabled_rule_raises_nothing(db: None) -> None:
    a_rule(is_enabled=False, for_s=0)
    assert not see(120).any


def test_a_rule_with_only_one_threshold_has_only_one_level(db: None) -> None:
    a_rule(critical=None, for_s=0)
    see(500)
    assert severity() == Severity.MEDIUM


# ---- moving


def test_it_escalates_when_critical_has_lasted_and_warns_meanwhile(patient: Rule) -> None:
    see(85, minutes=0)
    see(120, minutes=8)
    see(120, minutes=10)
    assert severity() == Severity.MEDIUM
    assert see(120, minutes=18) == Outcome(moved=1)
    assert severity() == Severity.CRITICAL
    assert kinds() == ["opened", "severity"]


def test_it_de_escalates_when_the_value_left_critical(prompt: Rule) -> None:
    see(120)
    assert not see(96).moved  # within five points of 100
    assert see(95).moved
    assert severity() == Severity.MEDIUM


def test_words_follow_the_value_without_an_event(prompt: Rule) -> None:
    see(85)
    assert not see(88).any
    alert = live()
    assert alert is not None
    assert (alert.summary, alert.value) == ("88 % (WARNING)", 88)
    assert kinds() == ["opened"]


def test_a_subjects_own_thresholds_go_before_the_rules(prompt: Rule) -> None:
    see(85, warning=90, critical=95)
    assert live() is None
    see(96, warning=90, critical=95)
    assert severity() == Severity.CRITICAL
    see(92, warning=90, critical=95)  # held by the hysteresis of its own threshold
    assert severity() == Severity.CRITICAL


def test_a_subjects_own_critical_counts_where_the_rule_has_none(db: None) -> None:
    a_rule(critical=None, for_s=0, clear_for_s=0)
    see(96, critical=95)
    assert severity() == Severity.CRITICAL
    see(92, critical=95)
    assert severity() == Severity.CRITICAL
    see(89, critical=95)
    assert severity() == Severity.MEDIUM


# ---- ending


def test_it_resolves_once_the_value_was_back_for_long_enough(patient: Rule) -> None:
    see(85, minutes=0)
    see(85, minutes=10)
    see(76, minutes=11)  # below 80, not below 75: not back
    see(76, minutes=30)
    assert live() is not None
    see(75, minutes=31)
    see(75, minutes=35)
    assert live() is not None
    assert see(75, minutes=36) == Outcome(resolved=1)
    assert live() is None
    resolved = AlertEvent.objects.get(kind="resolved")
    assert (resolved.text, resolved.by) == ("Back to normal", "")


def test_a_relapse_while_clearing_keeps_the_same_alert(patient: Rule) -> None:
    for minutes, percent in ((0, 85), (10, 85), (11, 50), (14, 85), (15, 50), (19, 50)):
        see(percent, minutes=minutes)
    assert Alert.objects.count() == 1
    assert live() is not None


def test_trouble_that_comes_again_is_another_alert(prompt: Rule) -> None:
    for percent in (85, 50, 85):
        see(percent)
    assert Alert.objects.count() == 2


def test_an_alert_resolved_by_hand_opens_anew_while_the_trouble_lasts(
    patient: Rule, frozen_clock: Clock, noc: Any
) -> None:
    from monitoring.operations import alerts

    see(85, minutes=0)
    see(85, minutes=10)
    alert = live()
    assert alert is not None
    alerts.resolve(alert, by=noc)
    assert see(85, minutes=11) == Outcome(opened=1)


def test_what_cannot_be_judged_any_more_is_resolved_with_the_reason(prompt: Rule) -> None:
    see(85)
    see(120, of=CTG)
    assert see(None, void="The reseller has no plan any more") == Outcome(resolved=1)
    assert AlertEvent.objects.get(kind="resolved").text == "The reseller has no plan any more"
    assert severity() == Severity.CRITICAL  # of the other one
    assert RuleState.objects.get().subject_id == CTG.pk


def test_a_void_value_is_not_judged(prompt: Rule) -> None:
    assert not see(120, void="The reseller is suspended now").any


def test_a_subject_that_is_removed_takes_all_its_alerts_along(prompt: Rule) -> None:
    see(85)
    see(85, of=CTG)
    assert rules.withdraw(DHAKA, why="The reseller was removed") == 1
    assert rules.withdraw(DHAKA, why="The reseller was removed") == 0
    remaining = live()
    assert remaining is not None
    assert remaining.subject == "Ctg"


def test_withdrawing_takes_the_kind_of_subject_into_account(prompt: Rule) -> None:
    see(85)
    assert rules.withdraw(Subject("routers.router", DHAKA.pk, "r"), why="gone") == 0
    assert live() is not None


# ---- one live alert per subject and rule


def test_the_database_refuses_a_second_live_alert_for_one_key(prompt: Rule) -> None:
    see(85)
    twin = Alert.objects.values().get() | {"id": None}
    with pytest.raises(IntegrityError), transaction.atomic():
        Alert.objects.create(**twin)
    Alert.objects.create(**twin | {"state": "resolved", "resolved_at": NOON})


def test_an_alert_that_appeared_meanwhile_is_not_opened_twice(prompt: Rule) -> None:
    from monitoring.operations import alerts

    see(85)
    words = ("again", "")
    assert (
        alerts.open_alert(prompt, DHAKA, severity=Severity.MEDIUM, words=words, value=1, at=NOON)
        is None
    )
    assert kinds() == ["opened"]


def test_evaluations_at_the_same_time_open_one_alert_each(transactional_db: None) -> None:
    a_rule(for_s=0)
    subjects = [Subject("resellers.reseller", pk, f"reseller {pk}") for pk in range(1, 21)]
    start = threading.Barrier(4)
    outcomes: list[Outcome] = []
    failures: list[BaseException] = []

    def judge(order: int) -> None:
        seen = [Observation(s, 120, says=lambda _: "over") for s in subjects[::order]]
        start.wait()
        try:
            outcomes.extend(rules.evaluate(METRIC, seen) for _ in range(3))
        except BaseException as error:  # noqa: BLE001 - shown by the test's own thread
            failures.append(error)
        finally:
            connection.close()

    threads = [threading.Thread(target=judge, args=(order,)) for order in (1, -1, 1, -1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert sum(o.opened for o in outcomes) == 20
    assert Alert.objects.count() == 20
    assert kinds() == ["opened"] * 20
    assert RuleState.objects.count() == 20


# ---- rules themselves


def test_a_rule_needs_a_threshold_and_critical_lies_beyond_warning(db: None) -> None:
    for impossible in (
        {"warning": None, "critical": None},
        {"warning": 90, "critical": 80},
        {"warning": 5, "critical": 10, "comparison": "le"},
    ):
        rule = Rule(**{"name": "x", "metric": METRIC, "warning": 1, "critical": 2} | impossible)
        with pytest.raises(ValidationError):
            rule_edits.save(rule, by=Actor("noc"))
        with pytest.raises(IntegrityError), transaction.atomic():
            rule.save()
    assert not Rule.objects.filter(name="x").exists()


def test_a_changed_rule_is_in_the_audit_log(prompt: Rule) -> None:
    prompt.warning = 70
    rule_edits.save(prompt, by=Actor("noc"))
    entry = AuditEntry.objects.get(object_kind="monitoring.rule")
    assert (entry.action, entry.old, entry.new) == ("change", {"warning": 80.0}, {"warning": 70})


def test_a_rule_that_is_switched_off_and_on_again_waits_anew(patient: Rule) -> None:
    see(85, minutes=0)
    for is_enabled in (False, True):
        patient.is_enabled = is_enabled
        rule_edits.save(patient, by=Actor("noc"))
    see(85, minutes=30)
    assert live() is None


def test_a_new_portal_has_rules_for_resellers_routers_collection_and_mappings(db: None) -> None:
    found = {rule.metric: (rule.warning, rule.critical) for rule in Rule.objects.all()}
    assert found == {
        Metric.RESELLER_UTILISATION_PERCENT: (80, 100),
        Metric.ROUTER_UNREACHABLE_S: (None, 20),
        Metric.ROUTER_COLLECTION_AGE_PERIODS: (2, 4),
        Metric.ROUTER_FLAPPING_CHANGES: (1, None),
        Metric.UPLINK_GONE_S: (None, 1),
        Metric.COLLECTOR_WAITING_S: (300, 1800),
        Metric.COLLECTOR_LOST_BATCHES: (None, 1),
        Metric.MAPPING_INTERFACE_GONE: (None, 1),
    }
