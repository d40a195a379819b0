"""Routers that may ask FreeRADIUS, entered by hand: in the portal and in nas, or in neither."""

from collections.abc import Callable, Iterator
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.db import connection, connections

from ispcore.base.audit import Actor
from ispcore.base.models import AuditEntry, JournalEntry
from ispcore.base.secrets import SecretUnreadable
from ispcore.base.unit_of_work import STEPS, RadiusAway, in_doubt, recover, steps
from radius.models import Nas
from radius.operations import nas
from radius.operations.nas import Client
from routers.models import RadiusClient
from routers.operations import radius_clients
from routers.queries import radius_clients as clients_at
from tests.harness.forks import Worker

BY = Actor("noc")
SECRET, ANOTHER = "a-secret-of-sixteen", "another-of-sixteen"
ADDRESS = "10.88.4.1"
KILLED = -9
CLIENT = Client(ADDRESS, "utt-edge-01", SECRET)
CHANGED = Client(ADDRESS, "utt-edge-1", ANOTHER, signs_requests=True)
both = pytest.mark.django_db(transaction=True, databases=["default", "radius"])
StopAt = Callable[[str], None]


@pytest.fixture
def fail_at() -> Iterator[StopAt]:
    yield lambda step: steps.stop_at(f"fail:{step}")
    steps.stop_at("")


def actions() -> list[str]:
    return list(AuditEntry.objects.order_by("id").values_list("action", flat=True))


def agree() -> bool:
    """Whether nas has what the portal says, of everybody."""
    return nas.present() == {client.address: [client] for client in clients_at()}


def test_a_client_is_entered_changed_and_removed_with_entries(db: None) -> None:
    made = radius_clients.put(CLIENT, by=BY)
    assert nas.present() == {ADDRESS: [CLIENT]}
    radius_clients.put(CHANGED, by=BY)
    assert nas.present() == {ADDRESS: [CHANGED]}
    assert agree()
    radius_clients.remove(ADDRESS, by=BY, reason="sold")
    assert not Nas.objects.exists()
    assert not RadiusClient.objects.exists()
    created, changed, deleted = AuditEntry.objects.order_by("id")
    assert [created.action, changed.action, deleted.action] == ["create", "change", "delete"]
    assert {each.object_kind for each in (created, changed, deleted)} == {"routers.radiusclient"}
    assert created.object_id == changed.object_id == deleted.object_id == str(made.pk)
    assert (deleted.object_name, deleted.reason) == ("utt-edge-1", "sold")
    assert changed.new["signs_requests"] is True
    kept = f"{created.new}{changed.old}{changed.new}{deleted.old}"
    assert SECRET not in kept
    assert ANOTHER not in kept
    assert "secret" in changed.new  # that it was changed is told


def test_one_whose_secret_no_key_opens_is_entered_anew_or_removed(db: None) -> None:
    radius_clients.put(CLIENT, by=BY)
    for mend in (
        lambda: radius_clients.put(CHANGED, by=BY),
        lambda: radius_clients.remove(ADDRESS, by=BY),
    ):
        with connection.cursor() as cursor:
            cursor.execute("UPDATE radius_clients SET secret = 'gAAAAA-of-a-lost-key'")
        with pytest.raises(SecretUnreadable, match=rf"{ADDRESS}: put back .* or enter the client"):
            clients_at()
        mend()
        assert agree()


def test_the_secret_is_encrypted_at_rest(db: None) -> None:
    radius_clients.put(CLIENT, by=BY)
    with connection.cursor() as cursor:
        cursor.execute("SELECT secret FROM radius_clients")
        [(stored,)] = cursor.fetchall()
    assert SECRET not in stored
    assert RadiusClient.objects.get().secret == SECRET


def test_a_faulty_client_changes_nothing(db: None) -> None:
    Nas.objects.create(address=ADDRESS, secret="by-hand")
    with pytest.raises(ValueError, match=r"^secret"):
        radius_clients.put(Client(ADDRESS, "x", "short"), by=BY)
    assert not RadiusClient.objects.exists()
    assert not AuditEntry.objects.exists()


def test_who_is_not_there_cannot_be_removed(db: None) -> None:
    """Nor who is in nas alone."""
    Nas.objects.create(address="10.88.4.9", secret="by-hand")
    with pytest.raises(radius_clients.UnknownClient, match=r"10\.88\.4\.9"):
        radius_clients.remove("10.88.4.9", by=BY)
    assert Nas.objects.exists()
    assert not AuditEntry.objects.exists()


def test_a_row_made_by_hand_is_taken_over(db: None) -> None:
    Nas.objects.create(address=ADDRESS, short_name="old", kind="cisco", secret="by-hand")
    Nas.objects.create(address="10.88.4.9", secret="by-hand")
    radius_clients.put(CLIENT, by=BY)
    assert nas.present()[ADDRESS] == [CLIENT]
    assert nas.present()["10.88.4.9"][0].secret == "by-hand"
    adopted, changed = AuditEntry.objects.order_by("id")
    assert (adopted.action, adopted.new["name"]) == ("adopt", "old")
    assert (changed.action, changed.old["name"]) == ("change", "old")
    assert "by-hand" not in f"{adopted.new}{changed.old}"


@both
@pytest.mark.parametrize("step", STEPS[:-1])
def test_what_fails_at_any_step_is_in_neither(step: str, fail_at: StopAt) -> None:
    radius_clients.put(CLIENT, by=BY)
    fail_at(step)
    for change in (
        lambda: radius_clients.put(CHANGED, by=BY),
        lambda: radius_clients.put(Client("10.88.4.2", "new", SECRET), by=BY),
        lambda: radius_clients.remove(ADDRESS, by=BY),
    ):
        with pytest.raises(steps.Stopped):
            change()
        assert clients_at() == [CLIENT]
        assert agree()
    assert actions() == ["create"]


@both
def test_a_take_over_that_is_undone_leaves_what_the_router_asked_with(fail_at: StopAt) -> None:
    Nas.objects.create(address=ADDRESS, secret="by-hand")
    fail_at("radius_committed")
    with pytest.raises(steps.Stopped):
        radius_clients.put(CLIENT, by=BY)
    assert [client.secret for client in nas.present()[ADDRESS]] == ["by-hand"]
    assert agree()
    assert JournalEntry.objects.filter(outcome="undone").count() == 1
    assert actions() == ["adopt"]


def die() -> None:
    """A process of its own enters CLIENT, and is killed between the two commits."""
    writer = Worker.start(
        lambda: radius_clients.put(CLIENT, by=BY), stop_at="kill:radius_committed"
    )
    assert writer.ended() == KILLED


@both
def test_recovery_undoes_a_client_of_a_dead_writer() -> None:
    die()
    assert [client.secret for client in nas.present()[ADDRESS]] == [SECRET]
    assert in_doubt() == 1
    [decided] = recover([ADDRESS])
    assert decided.scope.keys == (ADDRESS,)
    assert nas.present() == {}
    assert agree()


@both
def test_what_a_dead_writer_left_is_not_taken_for_made_by_hand() -> None:
    die()
    radius_clients.put(CHANGED, by=BY)
    assert actions() == ["create"]
    assert nas.present() == {ADDRESS: [CHANGED]}
    assert in_doubt() == 0


@both
def test_while_radius_is_away_nothing_is_changed(radius_away: Callable[[], None]) -> None:
    radius_away()
    with pytest.raises(RadiusAway, match="nothing was changed"):
        radius_clients.put(CLIENT, by=BY)
    assert not RadiusClient.objects.exists()
    assert not AuditEntry.objects.exists()


@pytest.fixture
def radius_away() -> Iterator[Callable[[], None]]:
    """The file of the embedded database, or the server's port, is not there."""
    there = connections["radius"]
    settings = dict(there.settings_dict)

    def go() -> None:
        there.close()
        if there.vendor == "sqlite":
            there.settings_dict["NAME"] = "/nowhere/radius.sqlite3"
        else:
            there.settings_dict["PORT"] = "1"

    yield go
    there.close()
    there.settings_dict.update(settings)


def test_commands_enter_and_remove(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    told = StringIO()
    monkeypatch.setenv("RADIUS_CLIENT_SECRET", SECRET)
    call_command("radius_client", ADDRESS, "--name=utt", "--signs-requests", stdout=told)
    assert Nas.objects.get().kind == nas.SIGNED_KIND
    assert RadiusClient.objects.get().signs_requests
    call_command("radius_client", ADDRESS, "--remove", stdout=told)
    assert not Nas.objects.exists()
    assert told.getvalue().splitlines() == [
        f"{ADDRESS}: may ask FreeRADIUS",
        f"{ADDRESS}: removed, its next packet is refused",
    ]
    with pytest.raises(CommandError, match=r"no RADIUS client.*Nothing was changed\."):
        call_command("radius_client", ADDRESS, "--remove")
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    for given, said in (("", "no secret is given"), ("short", "16 to 60 letters")):
        monkeypatch.setenv("RADIUS_CLIENT_SECRET", given)
        with pytest.raises(CommandError, match=rf"^RADIUS_CLIENT_SECRET: {said}.*Nothing was cha"):
            call_command("radius_client", ADDRESS)
    monkeypatch.setenv("RADIUS_CLIENT_SECRET", SECRET)
    with pytest.raises(CommandError, match=r"^--name: 1 to 32 characters\. Nothing was changed"):
        call_command("radius_client", ADDRESS, name="x" * 33)
    assert SECRET not in repr(CLIENT)
