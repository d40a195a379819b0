"""Recovery by itself and by hand, the journal's page, and what is forgotten."""

import io
import json
import time
from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.test import Client
from django.urls import reverse

from ispcore.base import clock, unit_of_work
from ispcore.base.models import JournalEntry
from ispcore.base.tasks import tidy_journal
from ispcore.base.unit_of_work import Scope, journal, markers
from ispcore.jobs import recovery
from tests.harness.forks import Worker
from tests.harness.processes import free_port
from tests.unit_of_work import isp
from tests.unit_of_work.isp import RADIUS, Lines

if TYPE_CHECKING:
    from ispcore.accounts.models import Account


def die_between_the_commits() -> None:
    isp.put("ali", "gold")
    Worker.start(lambda: isp.put("ali", "silver"), stop_at="kill:radius_committed").ended()
    assert not isp.agree()


def command(*options: str) -> str:
    out = io.StringIO()
    call_command("recover_provisioning", *options, stdout=out)
    return out.getvalue()


def test_a_cluster_recovers_by_itself() -> None:
    die_between_the_commits()
    worker = Worker.start(lambda: recovery.begin().join())
    until = time.monotonic() + 15
    while not isp.agree() and time.monotonic() < until:
        time.sleep(0.1)
    worker.kill()
    assert isp.agree()
    assert isp.truth() == {"ali": "gold"}


@pytest.mark.parametrize(
    ("is_embedded", "cluster", "recovers"),
    [(True, "default", True), (False, "provision", True), (False, "default", False)],
)
def test_one_cluster_of_a_node_recovers(
    settings: object, is_embedded: bool, cluster: str, recovers: bool
) -> None:
    settings.EMBEDDED = is_embedded  # type: ignore[attr-defined]
    assert recovery.is_of(cluster) == recovers


def test_recovery_can_be_asked_for() -> None:
    die_between_the_commits()
    assert command() == f"undone: {isp.KIND} ali\n1 changes were in doubt; none is any more\n"
    assert isp.agree()
    assert command() == "0 changes were in doubt; none is any more\n"


def test_recovery_of_one_name_as_json() -> None:
    die_between_the_commits()
    assert json.loads(command("--name", "bea", "--json")) == {"undone": [], "in_doubt": 0}
    said = json.loads(command("--name", " ALI ", "--json"))
    assert [each["keys"] for each in said["undone"]] == [["ali"]]
    assert said["in_doubt"] == 0


def test_what_cannot_be_decided_is_told(lines: Lines, caplog: pytest.LogCaptureFixture) -> None:
    """A projection with a fault holds up nobody else, and its own marker stays."""
    die_between_the_commits()
    isp.put("bea", "gold")
    Worker.start(lambda: isp.remove("bea"), stop_at="kill:radius_committed").ended()
    broken = [marker.gid for marker in markers.pending() if marker.scope.keys == ("ali",)]

    def fault() -> None:
        if JournalEntry.objects.filter(gid=broken[0]).exists():
            raise ValueError("no such attribute")

    lines.meanwhile = fault
    with pytest.raises(CommandError, match="1 changes"):
        command()
    assert "no such attribute" in caplog.text
    assert isp.radius() == [("ali", "silver"), ("bea", "gold")]
    lines.meanwhile = None
    command()
    assert isp.agree()


def test_a_kind_that_nobody_writes_any_more_waits() -> None:
    with connections[RADIUS].cursor() as cursor:
        left = markers.Marker(uuid4(), Scope("starship", ("x",)), "launch")
        cursor.execute(markers.PUT, [str(left.gid), left.text, "2026-03-02 12:00:00"])
    isp.put("ali", "gold")
    assert unit_of_work.recover() == []
    assert unit_of_work.in_doubt() == 1


def test_a_database_that_is_away_is_one_line(
    monkeypatch: pytest.MonkeyPatch, viewer: "Account"
) -> None:
    config = connections[RADIUS].settings_dict
    connections[RADIUS].close()
    with monkeypatch.context() as patched:
        patched.setitem(config, "PORT", str(free_port()))
        if connections[RADIUS].vendor == "sqlite":
            patched.setitem(config, "NAME", "/nowhere/radius.sqlite3")
        with pytest.raises(CommandError, match="FreeRADIUS' database does not answer"):
            command()
        assert tidy_journal().startswith("none forgotten: RADIUS is away")
        client = Client()
        client.force_login(viewer)
        page = client.get(reverse("admin:base_journalentry_changelist"))
        assert "what is in doubt now is unknown" in page.content.decode()
    connections[RADIUS].close()


def test_old_units_are_forgotten_unless_a_marker_refers_to_them() -> None:
    for number in range(3):
        isp.put("ali", "gold" if number % 2 else "silver")
    kept, *others = markers.since()
    markers.drop(others)
    old = clock.now() - journal.KEEP - timedelta(hours=1)
    JournalEntry.objects.update(at=old)
    isp.put("ali", "gold")
    doubted = journal.entry(
        uuid4(), "x", isp.line("bea"), outcome=JournalEntry.Outcome.UNDONE, doubt="died"
    )
    doubted.at = old
    doubted.save()
    assert tidy_journal() == "2 entries of the provisioning journal forgotten"
    assert set(JournalEntry.objects.filter(at=old).values_list("gid", flat=True)) == {
        kept,
        doubted.gid,
    }


def test_the_journal_shows_what_was_in_doubt(viewer: "Account") -> None:
    die_between_the_commits()
    client = Client()
    client.force_login(viewer)
    url = reverse("admin:base_journalentry_changelist")
    page = client.get(url).content.decode()
    assert f"<td>put a line</td><td>{isp.KIND} ali</td>" in page
    assert "undone in both within seconds" in page
    with connections[RADIUS].cursor() as cursor:
        cursor.execute("UPDATE ispcore_markers SET at = '2026-03-02 12:00:00'")
    page = client.get(url).content.decode()
    assert "2026-03-02T12:00:00" in page
    assert "tried every 5 s and did not succeed" in page
    unit_of_work.recover()
    page = client.get(url).content.decode()
    assert "Nothing is in doubt now." in page
    assert "its writer ended between the two commits" in page
    assert "Undone in both" in page
    assert page.count("put a line") == 1
    assert "2 provisioning" not in page
    assert "put a line" in client.get(f"{url}?shown=all").content.decode()
    gid = JournalEntry.objects.get(outcome="undone").gid
    one = client.get(reverse("admin:base_journalentry_change", args=[gid])).content.decode()
    assert f"{isp.KIND} ali" in one
