"""Routers that may ask: entered, changed and removed by hand, and by a unit of work's projector."""

from dataclasses import dataclass
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from ispcore.base.audit import Actor
from ispcore.base.models import AuditEntry
from radius.models import Nas
from radius.operations import nas
from radius.operations.nas import Client

BY = Actor("noc")
SECRET = "a-secret-of-sixteen"
CLIENT = Client("10.88.4.1", "utt-edge-01", SECRET)


def test_a_client_is_entered_changed_and_removed_with_entries(db: None) -> None:
    nas.put(CLIENT, by=BY)
    nas.put(Client("10.88.4.1", "utt-edge-1", f"{SECRET}-2", signs_requests=True), by=BY)
    row = Nas.objects.get()
    assert (row.short_name, row.kind, row.secret) == ("utt-edge-1", nas.SIGNED_KIND, f"{SECRET}-2")
    nas.remove("10.88.4.1", by=BY, reason="sold")
    assert not Nas.objects.exists()
    created, changed, deleted = AuditEntry.objects.order_by("id")
    assert [created.action, changed.action, deleted.action] == ["create", "change", "delete"]
    assert {each.object_kind for each in (created, changed, deleted)} == {"radius.nas"}
    assert created.object_id == changed.object_id == deleted.object_id == str(row.pk)
    assert (deleted.object_name, deleted.reason) == ("utt-edge-1", "sold")
    assert changed.new["kind"] == nas.SIGNED_KIND
    kept = f"{created.new}{changed.old}{changed.new}{deleted.old}"
    assert SECRET not in kept
    assert "secret" in changed.new  # that it was changed is told


@pytest.mark.parametrize(
    ("client", "fault"),
    [
        (Client("10.88.4.0/24", "x", SECRET), "address"),
        (Client("2001:DB8::1", "x", SECRET), "address: 2001:DB8::1 is written 2001:db8::1"),
        (Client("10.88.4.1", "", SECRET), "name"),
        (Client("10.88.4.1", "x" * 33, SECRET), "name"),
        (Client("10.88.4.1", "x", "short"), "secret"),
        (Client("10.88.4.1", "x", "with a space in it"), "secret"),
        (Client("10.88.4.1", "x", "percent-%{User-Name}"), "secret"),
    ],
)
def test_a_faulty_client_is_refused(db: None, client: Client, fault: str) -> None:
    with pytest.raises(ValueError, match=r"^(address|name|secret)") as refused:
        nas.put(client, by=BY)
    assert str(refused.value).startswith(fault)
    assert client.secret not in str(refused.value)
    assert not Nas.objects.exists()
    assert not AuditEntry.objects.exists()


def test_who_is_not_there_cannot_be_removed(db: None) -> None:
    with pytest.raises(nas.UnknownClient, match=r"10\.88\.4\.9"):
        nas.remove("10.88.4.9", by=BY)
    assert not AuditEntry.objects.exists()


@dataclass
class Scope:
    keys: tuple[str, ...]


def test_projector_writes_what_is_true_of_the_scope_and_nothing_else(db: None) -> None:
    nas.put(Client("10.88.4.9", "foreign", SECRET), by=BY)
    truth = {"10.88.4.1": CLIENT}
    clients = nas.Clients(lambda keys: [truth[key] for key in keys if key in truth])
    scope = Scope(("10.88.4.1", "10.88.4.2"))
    assert clients.names(scope) == ["nas 10.88.4.1", "nas 10.88.4.2"]
    for _ in range(2):
        clients.write(scope)
    assert set(Nas.objects.values_list("address", flat=True)) == {"10.88.4.1", "10.88.4.9"}
    truth.clear()
    clients.write(scope)
    assert list(Nas.objects.values_list("address", flat=True)) == ["10.88.4.9"]


def test_commands_enter_and_remove(db: None, monkeypatch: pytest.MonkeyPatch) -> None:
    told = StringIO()
    monkeypatch.setenv("RADIUS_CLIENT_SECRET", SECRET)
    call_command("radius_client", "10.88.4.1", "--name=utt", "--signs-requests", stdout=told)
    assert Nas.objects.get().kind == nas.SIGNED_KIND
    call_command("radius_client", "10.88.4.1", "--remove", stdout=told)
    assert not Nas.objects.exists()
    assert told.getvalue().splitlines() == [
        "10.88.4.1: may ask FreeRADIUS",
        "10.88.4.1: removed, its next packet is refused",
    ]
    with pytest.raises(CommandError, match="no RADIUS client"):
        call_command("radius_client", "10.88.4.1", "--remove")
    monkeypatch.delenv("RADIUS_CLIENT_SECRET")
    monkeypatch.setattr("sys.stdin.isatty", lambda: False, raising=False)
    with pytest.raises(CommandError, match=r"^secret"):
        call_command("radius_client", "10.88.4.1")
    assert SECRET not in repr(CLIENT)
