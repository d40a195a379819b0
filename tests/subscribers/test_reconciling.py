"""FreeRADIUS' tables are compared with the portal's truth, and mended where they differ."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client as Browser

from ispcore.accounts.models import Tenant
from ispcore.base.models import AuditEntry
from ispcore.base.unit_of_work import recover
from radius.models import Accounting, Check, GroupReply, Nas, Reply, UserGroup
from radius.operations import nas
from radius.operations.nas import Client
from routers.models import Router
from routers.operations import radius_clients
from subscribers import queries
from subscribers.models import Package
from subscribers.operations import packages, reconciling
from subscribers.operations.reconciling import Extent, TooMuchChange
from subscribers.projection import Terms
from tests.harness.forks import Worker
from tests.subscribers.admin import text, url
from tests.subscribers.conftest import BY, NOON, a_package, all_rows, group_rows, made

EDGE = Client("10.88.4.1", "edge", "a-secret-of-sixteen")


@pytest.fixture
def isp(home: Package, hotspot: Package, tenant_ctg: Tenant) -> list[Package]:
    """Twelve subscribers of two tenants, on three packages."""
    other = packages.create(a_package(tenant_ctg, "Ctg 20"), by=BY)
    for number in range(4):
        made(home, f"Home{number}", device_limit=number + 1)
        made(hotspot, f"guest{number}")
        made(other, f"ctg{number}", ipv4=f"10.9.0.{number + 1}")
    return [home, hotspot, other]


def differing(**extent: Any) -> dict[str, str]:
    found = reconciling.plan(Extent(**extent))
    return found.usernames | {package.name: word for package, word in found.packages.items()}


def test_what_was_provisioned_agrees(isp: list[Package]) -> None:
    plan = reconciling.plan(Extent())
    assert (plan.compared, plan.differing, plan.foreign) == (15, 0, [])
    assert reconciling.apply(plan, by=BY) == 0


def test_every_kind_of_difference_is_found_and_mended(isp: list[Package]) -> None:
    before = all_rows()
    Check.objects.filter(username="Home0", attribute="Cleartext-Password").update(value="other")
    Check.objects.filter(username="Home1").delete()
    UserGroup.objects.filter(username="Home1").delete()
    Reply.objects.create(username="ctg1", attribute="Session-Timeout", op=":=", value="60")
    GroupReply.objects.filter(group=f"pkg-{isp[0].pk}").delete()
    plan = reconciling.plan(Extent())
    assert plan.usernames == {"home0": "differs", "home1": "missing", "ctg1": "differs"}
    assert plan.packages == {isp[0]: "missing"}
    assert reconciling.apply(plan, by=BY) == 4
    assert all_rows() == before
    assert differing() == {}
    entries = AuditEntry.objects.filter(action="reconcile RADIUS").order_by("pk")
    assert [entry.members for entry in entries] == [1, 0, 3, 0, 0, 0]
    assert {entry.object_name for entry in entries} >= {"Home0", "Home 20", "everything"}


def test_a_row_that_stands_twice_differs(isp: list[Package]) -> None:
    row = Check.objects.filter(username="Home2").first()
    assert row is not None
    row.pk = None
    row.save(force_insert=True)
    assert differing() == {"home2": "differs"}


def test_a_package_that_is_edited_meanwhile_does_not_differ(
    isp: list[Package], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody edits one between the reading of packages and that of subscribers; others are made
    and go."""
    GroupReply.objects.filter(group=f"pkg-{isp[2].pk}").delete()
    pages, terms = queries.in_pages, queries.terms_of

    def edited(package: Package) -> Terms:
        """The portal was read a moment before the edit, FreeRADIUS after it."""
        monkeypatch.setattr(queries, "terms_of", terms)
        before = terms(isp[0])
        packages.edit(isp[0], changes={"address_list": "vip"}, by=BY)
        return before

    def with_news(*args: Any) -> Any:
        yield from pages(*args)
        made(packages.create(a_package(isp[0].tenant, "New"), by=BY), "newcomer")

    monkeypatch.setattr(queries, "terms_of", edited)
    monkeypatch.setattr(queries, "in_pages", with_news)
    plan = reconciling.plan(Extent())
    assert plan.packages == {isp[2]: "missing"}
    assert plan.foreign == []


def test_rows_made_by_hand_are_told_and_left(isp: list[Package]) -> None:
    Check.objects.create(username="byhand", attribute="Cleartext-Password", op=":=", value="x")
    GroupReply.objects.create(group="vip", attribute="Framed-Pool", op="=", value="vip")
    plan = reconciling.plan(Extent())
    assert (plan.differing, plan.foreign) == (0, ["byhand", "group vip"])
    Check.objects.filter(username="Home0").delete()
    reconciling.apply(reconciling.plan(Extent()), by=BY)
    assert Check.objects.filter(username="byhand").exists()
    assert reconciling.plan(Extent(username="byhand")).foreign == ["byhand"]


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda home: made(home, "Karim"), "karim"),
        (lambda home: packages.create(a_package(home.tenant, "New"), by=BY), "group pkg-"),
        (lambda home: radius_clients.put(EDGE, by=BY), "RADIUS client 10.88.4.1"),
    ],
)
@pytest.mark.django_db(transaction=True, databases=["default", "radius"])
def test_what_a_dead_writer_left_between_the_commits_is_in_doubt_and_not_foreign(
    home: Package,
    browser: Browser,
    capsys: Any,
    change: Callable[[Package], object],
    name: str,
) -> None:
    writer = Worker.start(lambda: change(home), stop_at="kill:radius_committed")
    assert writer.ended() == -9
    Check.objects.create(username="byhand", attribute="Cleartext-Password", op=":=", value="x")
    plan = reconciling.plan(Extent())
    assert [each.startswith(name) for each in plan.in_doubt] == [True]
    assert (plan.foreign, plan.differing) == (["byhand"], 0)
    call_command("reconcile_radius")
    assert f"{plan.in_doubt[0]}: in doubt" in capsys.readouterr().out
    assert "1 name in doubt" in text(browser.get(url("reconcile"), {"compare": "yes"}))
    recover()
    plan = reconciling.plan(Extent())
    assert (plan.in_doubt, plan.foreign) == ([], ["byhand"])


def test_a_tenant_a_username_and_a_router_are_compared_alone(
    isp: list[Package], tenant_ctg: Tenant
) -> None:
    Check.objects.all().delete()
    assert differing(tenant=tenant_ctg) == {f"ctg{number}": "differs" for number in range(4)}
    assert differing(username=" HOME3 ") == {"home3": "differs"}
    router = Router.objects.create(name="utt-edge-01", address="10.88.4.1")
    Accounting.objects.create(
        unique_id="x", session_id="x", username="Guest1", nas_address="10.88.4.1", started_at=NOON
    )
    assert differing(router=router) == {"guest1": "differs"}


def test_clients_are_compared_and_mended(isp: list[Package]) -> None:
    clients = [Client(f"10.88.4.{n}", f"edge-{n}", "a-secret-of-sixteen") for n in range(1, 6)]
    for client in clients:
        radius_clients.put(client, by=BY)
    before = nas.present()
    plan = reconciling.plan(Extent())
    assert (plan.compared, plan.differing) == (20, 0)
    Nas.objects.filter(address="10.88.4.1").delete()
    Nas.objects.filter(address="10.88.4.2").update(secret="another")
    Nas.objects.filter(address="10.88.4.3").update(kind=nas.SIGNED_KIND)
    Nas.objects.create(address="10.88.4.4", secret="another")
    Nas.objects.create(address="10.88.4.9", secret="by-hand")
    plan = reconciling.plan(Extent())
    mended = {"10.88.4.1": "missing"} | {f"10.88.4.{n}": "differs" for n in (2, 3, 4)}
    assert plan.clients == mended
    assert (plan.differing, plan.foreign) == (4, ["RADIUS client 10.88.4.9"])
    router = Router(name="edge-2", address="10.88.4.2")
    assert reconciling.plan(Extent(router=router)).clients == {"10.88.4.2": "differs"}
    stranger = Router(name="stranger", address="10.88.4.9")
    assert reconciling.plan(Extent(router=stranger)).foreign == ["RADIUS client 10.88.4.9"]
    assert reconciling.plan(Extent(username="home0")).clients == {}
    assert reconciling.apply(plan, by=BY) == 4
    found = nas.present()
    assert [client.secret for client in found.pop("10.88.4.9")] == ["by-hand"]
    assert found == before
    head = AuditEntry.objects.filter(action="reconcile RADIUS").order_by("pk")[0]
    assert (head.object_kind, head.members) == ("routers.radiusclient", 4)


def test_the_command_tells_of_clients(home: Package, capsys: Any) -> None:
    radius_clients.put(Client("10.88.4.1", "edge", "a-secret-of-sixteen"), by=BY)
    Nas.objects.update(secret="another-secret-of-ours")
    call_command("reconcile_radius", apply=True)
    told = capsys.readouterr().out
    assert "  RADIUS client 10.88.4.1: differs" in told
    assert "secret-of" not in told
    assert nas.present()["10.88.4.1"][0].secret == "a-secret-of-sixteen"


def test_a_client_whose_secret_no_key_opens_is_named_and_holds_up_nothing(
    isp: list[Package], browser: Browser, capsys: Any
) -> None:
    for number in (1, 2):
        radius_clients.put(Client(f"10.88.4.{number}", "edge", "a-secret-of-sixteen"), by=BY)
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE radius_clients SET secret = 'gAAAAA-of-a-lost-key' WHERE address = '10.88.4.1'"
        )
    Nas.objects.update(secret="another-secret-of-ours")
    Check.objects.filter(username="Home0").delete()
    plan = reconciling.plan(Extent())
    assert (plan.compared, plan.unreadable_clients) == (16, ["10.88.4.1"])
    assert (plan.clients, plan.foreign) == ({"10.88.4.2": "differs"}, [])
    page = browser.get(url("reconcile"), {"compare": "yes"})
    assert "1 RADIUS client whose secret the portal cannot read" in text(page)
    call_command("reconcile_radius", apply=True)
    told = capsys.readouterr()
    assert "RADIUS client 10.88.4.1: left as it is: no key in FIELD_ENCRYPTION_KEYS" in told.err
    assert "2 written anew" in told.out
    stored = {address: found[0].secret for address, found in nas.present().items()}
    assert stored == {"10.88.4.1": "another-secret-of-ours", "10.88.4.2": "a-secret-of-sixteen"}


def test_too_much_change_is_refused_unless_forced(isp: list[Package]) -> None:
    before = all_rows()
    Check.objects.filter(username__startswith="Home").delete()
    Check.objects.filter(username__startswith="guest").delete()
    plan = reconciling.plan(Extent())
    with pytest.raises(TooMuchChange, match=r"8 of 15 differ, more than 30 %.*Nothing was changed"):
        reconciling.apply(plan, by=BY)
    with pytest.raises(CommandError, match=r"8 of 15 differ.*--force"):
        call_command("reconcile_radius", apply=True)
    assert reconciling.apply(plan, by=BY, force=True) == 8
    assert all_rows() == before


def test_a_few_are_no_reason_to_refuse(home: Package) -> None:
    made(home)
    Check.objects.all().delete()
    assert reconciling.apply(reconciling.plan(Extent()), by=BY) == 1


def test_the_exit_code_says_whether_they_differ(isp: list[Package], capsys: Any) -> None:
    call_command("reconcile_radius")
    assert "everything: 15 compared, 0 differ" in capsys.readouterr().out
    GroupReply.objects.filter(group=f"pkg-{isp[2].pk}").delete()
    with pytest.raises(CommandError, match="1 of 15 differ") as ended:
        call_command("reconcile_radius")
    assert ended.value.returncode == 3
    assert "  package Ctg 20: missing" in capsys.readouterr().out
    with pytest.raises(CommandError) as ended:
        call_command("reconcile_radius", tenant="Chattogram Net")
    assert ended.value.returncode == 3
    call_command("reconcile_radius", tenant="Dhaka Fibre")
    call_command("reconcile_radius", apply=True)
    assert "1 written anew" in capsys.readouterr().out
    assert group_rows(isp[2])
    with pytest.raises(CommandError, match="no router named x"):
        call_command("reconcile_radius", router="x")


@pytest.mark.django_db(transaction=True, databases=["default", "radius"])
def test_a_comparison_without_the_radius_database_says_so(
    home: Package, radius_away: Callable[[], None]
) -> None:
    radius_away()
    said = "FreeRADIUS' database does not answer; nothing was changed"
    with pytest.raises(CommandError, match=said):
        call_command("reconcile_radius")
