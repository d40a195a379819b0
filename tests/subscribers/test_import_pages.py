"""The import's pages: all faults at once, then a plan, then one unit after the other."""

from collections.abc import Callable, Iterator

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from ispcore.accounts.models import Account, SharedCache, Tenant
from ispcore.base.unit_of_work import steps
from subscribers.models import Package, Subscriber
from subscribers.operations import reconciling, uploads
from tests.subscribers.admin import RADIUS_AWAY, text
from tests.subscribers.conftest import by_hand, checks, made

IMPORT = "admin:subscribers_subscriber_import"
GOOD = "username,package,password,full_name\nali,Home 20,secret-1,Ali\nbea,Home 20,,Bea\n"


@pytest.fixture
def as_noc(noc: Account, client_for: Callable[[Account], Client]) -> Client:
    return client_for(noc)


@pytest.fixture(autouse=True)
def _two_at_once(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Pieces are of two lines here."""
    monkeypatch.setattr("subscribers.operations.uploads.PIECE", 2)
    yield
    steps.stop_at("")
    cache.clear()


def sent(client: Client, tenant: Tenant, lines: str | bytes, **given: str) -> str:
    """Choose a file; returns where it leads, or what the page says."""
    octets = lines if isinstance(lines, bytes) else lines.encode()
    file = SimpleUploadedFile("lines.csv", octets, content_type="text/csv")
    answer = client.post(reverse(IMPORT), {"tenant": tenant.pk, "file": file} | given)
    return str(answer.headers.get("Location") or answer.content.decode())


def test_all_faults_come_at_once_with_their_lines(
    as_noc: Client, tenant_dhaka: Tenant, home: Package
) -> None:
    text = "username,package,mac\nali,Home 20,\nb ea,Home 20,\ncem,Gold,\nali,Home 20,zz\n"
    said = sent(as_noc, tenant_dhaka, text)
    assert "3 faults in the file" in said.replace("\xa0", " ")
    for line, words in ((3, "A username has letters"), (4, "has no package"), (5, "MAC address")):
        assert f'<td class="num">{line}</td>' in said
        assert words in said
    assert not Subscriber.objects.exists()


def test_what_was_made_by_hand_can_be_taken_over(
    as_noc: Client, tenant_dhaka: Tenant, home: Package
) -> None:
    by_hand("ali")
    said = sent(as_noc, tenant_dhaka, GOOD)
    assert "RADIUS already has 2 rows for “ali”" in said
    assert 'type="checkbox" name="take_over"' in said
    address = sent(as_noc, tenant_dhaka, GOOD, take_over="on")
    assert "Taken over from RADIUS, where their rows were made by hand: 1." in text(
        as_noc.get(address)
    )
    as_noc.post(address, {"confirmed": "yes"})
    assert checks("ali")["Cleartext-Password"] == "secret-1"


@pytest.mark.django_db(transaction=True)
def test_freeradius_away_is_said_beside_the_file(
    as_noc: Client, tenant_dhaka: Tenant, home: Package, radius_away: Callable[[], None]
) -> None:
    radius_away()
    assert RADIUS_AWAY in sent(as_noc, tenant_dhaka, GOOD).replace("&#x27;", "'")


def test_a_plan_is_shown_before_anything_is_made(
    as_noc: Client, tenant_dhaka: Tenant, home: Package
) -> None:
    made(home, "cem")
    address = sent(as_noc, tenant_dhaka, f"{GOOD}cem,Home 20,,\n")
    said = as_noc.get(address).content.decode().replace("\xa0", " ")
    assert "2 subscribers" in said
    assert "Already there, and left as before: 1." in said
    assert "Without a password in the file: 1;" in said
    assert "secret-1" not in said
    assert Subscriber.objects.count() == 1


def test_each_post_makes_the_next_piece(
    as_noc: Client, tenant_dhaka: Tenant, home: Package
) -> None:
    lines = "".join(f"line-{n},Home 20,secret-{n},\n" for n in range(5))
    address = sent(as_noc, tenant_dhaka, f"username,package,password,full_name\n{lines}")
    for done in (2, 4):
        said = as_noc.post(address, {"confirmed": "yes"}).content.decode()
        assert f"<b>{done} of 5</b> made" in said
        assert "data-goes-on" in said
        assert Subscriber.objects.count() == done
    assert as_noc.post(address, {"confirmed": "yes"}).status_code == 302
    assert checks("line-4")["Cleartext-Password"] == "secret-4"
    assert not reconciling.plan(reconciling.Extent()).differing
    assert not SharedCache.objects.filter(cache_key__contains="import:").exists()


@pytest.mark.django_db(transaction=True, databases=["default", "radius"])
def test_a_piece_that_is_refused_is_not_made_and_the_import_goes_on_from_there(
    as_noc: Client, tenant_dhaka: Tenant, home: Package
) -> None:
    lines = "".join(f"line-{n},Home 20,secret-{n},10.0.0.{n + 1}\n" for n in range(4))
    address = sent(as_noc, tenant_dhaka, f"username,package,password,ipv4\n{lines}")
    as_noc.post(address, {"confirmed": "yes"})
    other = made(home, "other", ipv4="10.0.0.3")
    said = as_noc.post(address, {"confirmed": "yes"}).content.decode()
    assert "10.0.0.3 is the address of another subscriber" in said
    assert "2 are made so far, and stay" in said
    assert "data-goes-on" not in said
    assert Subscriber.objects.count() == 3
    other.delete()
    assert as_noc.post(address, {"confirmed": "yes"}).status_code == 302
    assert Subscriber.objects.count() == 4


def test_what_waits_is_encrypted(as_noc: Client, tenant_dhaka: Tenant, home: Package) -> None:
    sent(as_noc, tenant_dhaka, GOOD)
    kept = list(SharedCache.objects.filter(cache_key__contains="import:"))
    assert len(kept) == 2
    assert not any("secret-1" in row.value for row in kept)
    parts = [cache.get(row.cache_key.rpartition(":1:")[2]) for row in kept]
    assert "secret-1" not in repr(parts)


def test_an_upload_is_its_senders_alone(
    as_noc: Client,
    tenant_dhaka: Tenant,
    home: Package,
    super_user: Account,
    client_for: Callable[[Account], Client],
) -> None:
    address = sent(as_noc, tenant_dhaka, GOOD)
    other = client_for(super_user)
    assert other.get(address)["Location"] == reverse(IMPORT)
    assert other.post(address, {"confirmed": "yes"})["Location"] == reverse(IMPORT)
    assert not Subscriber.objects.exists()


def test_a_piece_that_is_being_made_is_not_made_by_another_window(
    as_noc: Client, noc: Account, tenant_dhaka: Tenant, home: Package
) -> None:
    address = sent(as_noc, tenant_dhaka, f"{GOOD}cem,Home 20,,\n")
    with uploads.claimed(address.strip("/").rpartition("/")[2], by=noc):
        said = as_noc.post(address, {"confirmed": "yes"}, follow=True).content.decode()
        assert "This import goes on in another window" in said
        assert not Subscriber.objects.exists()
    assert "<b>2 of 3</b> made" in as_noc.post(address, {"confirmed": "yes"}).content.decode()
    said = as_noc.post(address, {"confirmed": "yes"}, follow=True).content.decode()
    assert "3 subscribers made." in said.replace("\xa0", " ")


@pytest.mark.parametrize("method", ["get", "post"])
def test_an_import_whose_tenant_was_deleted_says_so(
    as_noc: Client, tenant_dhaka: Tenant, home: Package, method: str
) -> None:
    address = sent(as_noc, tenant_dhaka, GOOD)
    home.delete()
    tenant_dhaka.delete()
    answer = getattr(as_noc, method)(address, {"confirmed": "yes"}, follow=True)
    assert "The tenant is not there any more." in answer.content.decode()


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        (b"", "The submitted file is empty"),
        (b"\xff\xfe\x00", "not in UTF-8"),
        (b"name;package\n", "There is no column username or package"),
        (b"username,package\n", "Nothing to do."),
        (b"username,package\n\0,Home 20\n", "A username has letters"),
        (b'username,package\n"open,Home 20\n', "fault"),
    ],
)
def test_a_file_that_is_none_is_refused_in_words(
    as_noc: Client, tenant_dhaka: Tenant, home: Package, octets: bytes, words: str
) -> None:
    assert words in sent(as_noc, tenant_dhaka, octets)
    assert not Subscriber.objects.exists()


def test_a_viewer_may_not(
    viewer: Account, client_for: Callable[[Account], Client], tenant_dhaka: Tenant
) -> None:
    assert client_for(viewer).get(reverse(IMPORT)).status_code == 403
