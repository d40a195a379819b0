"""The list of background jobs and django-q's table say the same."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from django.conf import settings
from django.core.management import CommandError, call_command
from django.test import RequestFactory, override_settings
from django_q.conf import Conf
from django_q.models import OrmQ, Schedule

from ispcore import health, schedules
from ispcore.base import clock, leases
from ispcore.base.models import Heartbeat
from ispcore.jobs import broker

pytestmark = pytest.mark.django_db


def test_first_sync_adds_every_job_on_its_cluster() -> None:
    schedules.sync()
    rows = {row.name: row for row in Schedule.objects.all()}
    assert {job.name for job in schedules.jobs()} == set(rows)
    assert rows["discover"].cluster == "collect"
    assert rows["evaluate"].cluster == "default"
    assert rows["evaluate"].args == "('evaluate',)"
    assert rows["evaluate"].intended_date_kwarg == "due_at"
    assert rows["discover"].minutes == 60
    assert "'timeout': 180" in rows["discover"].kwargs


def test_second_sync_does_nothing() -> None:
    schedules.sync()
    before = list(Schedule.objects.order_by("pk").values())
    assert schedules.sync() == []
    assert list(Schedule.objects.order_by("pk").values()) == before


def test_change_of_the_period_moves_the_next_run_onto_its_grid() -> None:
    with clock.frozen(datetime(2026, 3, 2, 12, 3, 20, tzinfo=UTC)):
        schedules.sync()
        row = Schedule.objects.get(name="check routers")
        assert row.next_run == datetime(2026, 3, 2, 12, 5, tzinfo=UTC)
        Schedule.objects.filter(pk=row.pk).update(minutes=60)
        assert schedules.sync() == ["changed check routers (every 300 s)"]
        row.refresh_from_db()
        assert (row.minutes, row.next_run) == (5, datetime(2026, 3, 2, 12, 5, tzinfo=UTC))


def test_what_is_no_job_any_more_is_removed() -> None:
    Schedule.objects.create(name="old", func="gone.away")
    assert "removed old" in schedules.sync()
    assert not Schedule.objects.filter(name="old").exists()


@override_settings(EMBEDDED=True)
def test_embedded_portal_runs_all_jobs_on_one_cluster() -> None:
    schedules.sync()
    assert set(Schedule.objects.values_list("cluster", flat=True)) == {"default"}


def test_a_cluster_that_does_not_run_any_more_does_not_look_dead() -> None:
    for node in (settings.NODE, "far-away"):
        with override_settings(NODE=node):
            for name in ("watch", "jobs default", "jobs collect", "jobs provision"):
                leases.beat(name, started_at=clock.now())
    with override_settings(EMBEDDED=True):
        schedules.sync()
    ours, theirs = (
        Heartbeat.objects.filter(node=settings.NODE),
        Heartbeat.objects.exclude(node=settings.NODE),
    )
    assert set(ours.values_list("name", flat=True)) == {"watch", "jobs default"}
    assert theirs.count() == 4


def test_period_that_is_not_whole_minutes_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    odd = schedules.Job("odd", 90, "default", 20, "ispcore.base.tasks.tidy")
    monkeypatch.setattr(schedules, "jobs", lambda: [odd])
    with pytest.raises(CommandError, match="odd: 90 s"):
        call_command("sync_schedules")
    assert not Schedule.objects.exists()


def test_every_time_out_stays_below_the_retry() -> None:
    for job in schedules.jobs():
        assert job.timeout_s < settings.Q_CLUSTER["retry"]
        assert job.timeout_s + 5 <= max(job.every_s, 60)


def test_heartbeat_of_a_cluster_outlasts_its_longest_job() -> None:
    for cluster in schedules.clusters():
        of_cluster = [job.timeout_s for job in schedules.jobs() if job.cluster == cluster]
        longest_s = max(of_cluster, default=0)
        assert schedules.stale_after_s(cluster) > longest_s + 3 * broker.PULSE_EVERY_S


@override_settings(EMBEDDED=True)
def test_start_queues_the_first_logins_and_beat_at_once() -> None:
    schedules.start_now()
    queued = {(row.key, row.func()) for row in OrmQ.objects.all()}
    assert ("default", "routers.tasks.check_routers") in queued
    assert len(queued) == sum(bool(job.at_start) for job in schedules.jobs())


def test_ready_asks_for_fresh_heartbeats() -> None:
    with pytest.raises(CommandError, match="watch never showed life"):
        call_command("ready", "watch")
    leases.beat("watch", started_at=clock.now())
    call_command("ready", "watch")
    with (
        clock.frozen(clock.now() + timedelta(seconds=leases.STALE_AFTER_S + 1)),
        pytest.raises(CommandError, match="watch showed life 9"),
    ):
        call_command("ready", "watch")


def test_ready_believes_each_process_how_long_it_may_be_silent(
    capsys: pytest.CaptureFixture[str],
) -> None:
    leases.beat("watch", started_at=clock.now())
    leases.beat("jobs collect", started_at=clock.now(), stale_after_s=240)
    with clock.frozen(clock.now() + timedelta(seconds=120)):
        call_command("ready", "jobs collect")
        capsys.readouterr()
        call_command("ready", "--silent")
        assert capsys.readouterr().out == "watch\n"
        with pytest.raises(CommandError, match="jobs collect showed life 1"):
            call_command("ready", "jobs collect", "--within", "60")


def test_a_sign_of_life_on_another_node_does_not_count_here(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with override_settings(NODE="far-away"):
        leases.beat("watch", started_at=clock.now())
    with pytest.raises(CommandError, match="watch never showed life on"):
        call_command("ready", "watch")
    call_command("ready")
    assert "on far-away: watch (0 s ago)" in capsys.readouterr().out
    with clock.frozen(clock.now() + timedelta(minutes=5)):
        call_command("ready")
    assert "on far-away: watch (300 s ago, no sign of life)" in capsys.readouterr().out


@pytest.mark.django_db(databases=["default", "radius"])
def test_health_tells_databases_and_heartbeats() -> None:
    leases.beat("watch", started_at=clock.now())
    with override_settings(NODE="far-away"):
        leases.beat("jobs default", started_at=clock.now())
    answer = health.health(RequestFactory().get("/health/"))
    said = json.loads(answer.content)
    assert answer.status_code == 200
    assert said["databases"] == {"default": "ok", "radius": "ok"}
    assert said["node"] == settings.NODE
    assert said["processes"].keys() == {"watch"}
    assert said["processes"]["watch"]["age_s"] < 5
    assert said["others"]["far-away"].keys() == {"jobs default"}
    assert said["jobs_lost_24h"] == 0


# ---- a clock that is set back


def test_jobs_go_on_at_once_when_the_clock_is_set_back() -> None:
    """django-q looks at `next_run`, which is an hour ahead by then, and a period has its lease."""
    noon = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
    with clock.frozen(noon):
        schedules.sync()
        assert schedules.run("evaluate", due_at=noon.isoformat()) != "done already, or being done"
    an_hour_back = noon - timedelta(minutes=60, seconds=-20)
    with clock.frozen(an_hour_back):
        assert schedules.mend("default") > 0
        row = Schedule.objects.get(name="evaluate")
        assert row.next_run == datetime(2026, 3, 2, 11, 1, tzinfo=UTC)
        assert Schedule.objects.get(name="check routers").next_run > noon  # of another cluster
        assert schedules.mend("default") == 0
    with clock.frozen(noon):
        assert schedules.run("evaluate", due_at=noon.isoformat()) != "done already, or being done"


def test_what_is_due_when_it_should_be_is_left_alone() -> None:
    with clock.frozen(datetime(2026, 3, 2, 12, 0, tzinfo=UTC)):
        schedules.sync()
        before = list(Schedule.objects.order_by("pk").values())
        assert schedules.mend("default") == schedules.mend("collect") == 0
        assert list(Schedule.objects.order_by("pk").values()) == before


def test_a_worker_that_shows_life_looks_at_the_clock() -> None:
    schedules.sync()
    ahead = clock.now() + timedelta(hours=1, minutes=5)
    cluster = Conf.CLUSTER_NAME
    rows = Schedule.objects.filter(cluster=cluster, minutes=5)
    assert rows.update(next_run=ahead)
    broker.pulse()
    assert not rows.filter(next_run=ahead).exists()
