"""Rows of nas as the projector of RADIUS clients writes and reads them, and what is refused."""

import pytest

from ispcore.base.unit_of_work import Scope
from radius.models import Nas
from radius.operations import nas
from radius.operations.nas import Client

SECRET = "a-secret-of-sixteen"
CLIENT = Client("10.88.4.1", "utt-edge-01", SECRET)


@pytest.mark.parametrize(
    ("client", "fault"),
    [
        (Client("10.88.4.0/24", "x", SECRET), "address"),
        (Client("2001:DB8::1", "x", SECRET), "address: 2001:DB8::1 is written 2001:db8::1"),
        (Client("fe80::1%eth0", "x", SECRET), "address: fe80::1%eth0 names an interface"),
        (Client("10.88.4.1", "", SECRET), "name"),
        (Client("10.88.4.1", "x" * 33, SECRET), "name"),
        (Client("10.88.4.1", "x", "short"), "secret"),
        (Client("10.88.4.1", "x", "with a space in it"), "secret"),
        (Client("10.88.4.1", "x", "percent-%{User-Name}"), "secret"),
    ],
)
def test_a_faulty_client_is_refused(client: Client, fault: str) -> None:
    with pytest.raises(ValueError, match=r"^(address|name|secret)") as refused:
        nas.validate(client)
    assert str(refused.value).startswith(fault)
    assert client.secret not in str(refused.value)


def test_projector_writes_what_is_true_of_the_scope_and_nothing_else(db: None) -> None:
    Nas.objects.create(address="10.88.4.9", short_name="foreign", secret=SECRET)
    truth = {"10.88.4.1": CLIENT}
    clients = nas.Clients(lambda keys: [truth[key] for key in keys if key in truth])
    scope = Scope(nas.SCOPE, ("10.88.4.1", "10.88.4.2"))
    assert clients.names(scope) == ["nas 10.88.4.1", "nas 10.88.4.2"]
    for _ in range(2):
        clients.write(scope)
    assert set(Nas.objects.values_list("address", flat=True)) == {"10.88.4.1", "10.88.4.9"}
    truth.clear()
    clients.write(scope)
    assert list(Nas.objects.values_list("address", flat=True)) == ["10.88.4.9"]


def test_a_row_is_read_as_the_client_it_was_written_from(db: None) -> None:
    signing = Client("2001:db8::1", "b", SECRET, signs_requests=True)
    nas.replace([], [CLIENT, signing])
    Nas.objects.create(address="10.88.4.9", secret=SECRET)
    assert nas.present() == {
        "10.88.4.1": [CLIENT],
        "2001:db8::1": [signing],
        "10.88.4.9": [Client("10.88.4.9", "10.88.4.9", SECRET)],
    }
    assert nas.present(["10.88.4.1", "10.88.4.2"]) == {"10.88.4.1": [CLIENT]}
    assert SECRET not in repr(nas.present())


def test_what_was_made_by_hand_is_told_from_ours(db: None) -> None:
    nas.replace([], [CLIENT])
    assert nas.made_by_hand(CLIENT.address) is None
    for secret in ("first", "second"):
        Nas.objects.create(address=CLIENT.address, description=None, secret=secret)
    found = nas.made_by_hand(CLIENT.address)
    assert found is not None
    assert found.secret == "first"
