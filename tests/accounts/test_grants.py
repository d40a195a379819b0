"""An account that is narrowed sees the objects it was granted and what hangs on them, no more."""

from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, models, transaction
from django.test.utils import CaptureQueriesContext

from ispcore.accounts.models import Account, Grant, Tenant
from ispcore.accounts.operations import accounts, grants
from ispcore.accounts.roles import May
from ispcore.accounts.scope import visible
from ispcore.base.audit import Actor
from ispcore.base.models import AuditEntry
from monitoring.models import Alert, AlertEvent, Rule
from resellers.models import Mapping, Plan, Reseller, Usage
from routers.models import Interface, Poll, Router, RouterCheck
from tests.accounts.test_scope import OURS, STAFF_ONLY, fill

BY = Actor("test")
# what hangs on no object that can be granted: accounts themselves, and what is only for who sees all
NOT_FOR_NARROWED = {"accounts.tenant", "accounts.account", "accounts.grant"}
HANGS = ("grant_paths", "grant_subject", "grant_through")
if TYPE_CHECKING:
    from django.db.models import Model


@pytest.fixture
def two(reseller_dhaka: Account, reseller_ctg: Account) -> tuple[Router, Router]:
    """A router with everything that hangs on it, and another with the same."""
    fill(reseller_dhaka, 1)
    fill(reseller_ctg, 2)
    return Router.objects.get(name="r1"), Router.objects.get(name="r2")


def routers(*chosen: Router) -> list[tuple[str, int]]:
    return [("routers.router", router.pk) for router in chosen]


def on_router(router: Router) -> Alert:
    return Alert.objects.create(
        fingerprint=f"on {router}",
        subject_kind="routers.router",
        subject_id=router.pk,
        subject=router.name,
        severity="high",
        summary="away",
    )


@pytest.mark.parametrize("label", sorted(m._meta.label_lower for m in apps.get_models()))
def test_every_table_says_whether_it_hangs_on_a_grant(label: str) -> None:
    model = apps.get_model(label)
    if model._meta.app_label not in OURS:
        return
    says = any(hasattr(model, each) for each in HANGS) or getattr(model, "is_reference", False)
    known = label in STAFF_ONLY | NOT_FOR_NARROWED
    assert says != known or getattr(model, "is_reference", False)


def test_without_grants_nothing_changes(two: Any, noc: Account) -> None:
    assert not noc.is_narrowed
    assert visible(Router.objects.all(), noc).count() == 2


@pytest.mark.parametrize(
    "model", [m for m in apps.get_models() if hasattr(m, "grant_paths")], ids=lambda m: m.__name__
)
def test_a_granted_router_is_seen_with_what_hangs_on_it(
    two: tuple[Router, Router], noc: Account, model: "type[Model]"
) -> None:
    grants.replace(noc, routers(two[0]), by=BY)
    seen = visible(model._default_manager.all(), noc)
    if "routers.router" not in model.grant_paths:  # type: ignore[attr-defined]
        assert not seen.exists()
        return
    path = model.grant_paths["routers.router"]  # type: ignore[attr-defined]
    assert seen.count() == 1
    assert model._default_manager.filter(**{path: two[0].pk}).get() == seen.get()


def test_alerts_are_seen_with_their_subject(two: tuple[Router, Router], noc: Account) -> None:
    about = [on_router(router) for router in two]
    mapping = Mapping.objects.get(router=two[0])
    gone = Alert.objects.create(
        fingerprint="m",
        subject_kind="resellers.mapping",
        subject_id=mapping.pk,
        subject="m",
        severity="low",
        summary="gone",
    )
    event = AlertEvent.objects.create(alert=about[0], kind="opened", severity="high")
    AlertEvent.objects.create(alert=about[1], kind="opened", severity="high")
    grants.replace(noc, routers(two[0]), by=BY)
    assert set(visible(Alert.objects.all(), noc)) == {about[0], gone}
    assert list(visible(AlertEvent.objects.all(), noc)) == [event]


def test_a_granted_reseller_is_seen_with_its_mappings_and_alerts(two: Any, noc: Account) -> None:
    reseller = Reseller.objects.get(tenant__name="Dhaka Fibre")
    grants.replace(noc, [("resellers.reseller", reseller.pk)], by=BY)
    assert visible(Reseller.objects.all(), noc).get() == reseller
    assert visible(Mapping.objects.all(), noc).get().reseller == reseller
    assert visible(Usage.objects.all(), noc).count() == 1
    assert visible(Alert.objects.all(), noc).get().subject_id == reseller.pk
    assert not visible(Router.objects.all(), noc).exists()


def test_several_grants_add_up(two: tuple[Router, Router], noc: Account) -> None:
    reseller = Reseller.objects.get(tenant__name="Chattogram Net")
    grants.replace(noc, [*routers(two[0]), ("resellers.reseller", reseller.pk)], by=BY)
    assert visible(Mapping.objects.all(), noc).count() == 2
    assert visible(Router.objects.all(), noc).get() == two[0]


def test_a_tenants_person_stays_within_the_tenant(
    two: tuple[Router, Router], reseller_dhaka: Account
) -> None:
    grants.replace(reseller_dhaka, routers(*two), by=BY)
    assert {m.router for m in visible(Mapping.objects.all(), reseller_dhaka)} == {two[0]}


def test_reference_rows_are_read_and_never_changed(two: Any, noc: Account) -> None:
    Plan.objects.create(name="x", down_bps=10**6, up_bps=10**6)
    grants.replace(noc, routers(two[0]), by=BY)
    noc.refresh_from_db()
    assert visible(Plan.objects.all(), noc).exists()
    assert visible(Rule.objects.all(), noc).exists()
    assert noc.has_perm("resellers.view_plan")
    assert not noc.has_perm("resellers.change_plan")
    assert not noc.has_perm("resellers.add_reseller")
    assert noc.has_perm("resellers.add_mapping")
    assert not noc.has_perm("base.view_auditentry")
    assert not noc.has_perm("nowhere.view_nothing")


def test_a_list_is_cut_in_its_own_query(two: Any, noc: Account) -> None:
    grants.replace(noc, routers(two[0]), by=BY)
    assert noc.may(May.VIEW)  # now the matrix is known
    for model in (Router, Interface, Mapping, Alert, RouterCheck, Poll):
        with CaptureQueriesContext(connection) as queries:
            list(visible(model._default_manager.all(), noc))
        assert len(queries) == 1, model


def test_an_account_whose_last_object_is_deleted_sees_nothing(two: Any, noc: Account) -> None:
    alone = Router.objects.create(name="alone", address="10.0.0.99")
    grants.replace(noc, routers(alone), by=BY)
    alone.delete()
    noc.refresh_from_db()
    assert noc.is_narrowed
    assert not visible(Router.objects.all(), noc).exists()


def test_grants_are_recorded_by_name(two: tuple[Router, Router], noc: Account) -> None:
    grants.replace(noc, routers(two[0]), by=BY)
    grants.replace(noc, routers(two[1]), by=BY)
    grants.replace(noc, routers(two[1]), by=BY)  # no change, no entry
    grants.replace(noc, [], by=BY)
    entries = AuditEntry.objects.filter(action="change grants").order_by("pk")
    everything = ["all that its role sees"]
    assert [(e.old["sees"], e.new["sees"]) for e in entries] == [
        (everything, ["router r1"]),
        (["router r1"], ["router r2"]),
        (["router r2"], everything),
    ]
    noc.refresh_from_db()
    assert not noc.is_narrowed


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        ("monitoring.alert", "cannot be granted"),
        ("", "nothing cannot"),
        ("routers.router", "there"),
    ],
)
def test_what_cannot_be_granted_is_refused(noc: Account, kind: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        grants.replace(noc, [(kind, 10**9)], by=BY)
    assert not Grant.objects.exists()


def test_administrators_are_never_narrowed(
    two: tuple[Router, Router], admin_account: Account, super_user: Account, noc: Account
) -> None:
    for account in (admin_account, super_user):
        with pytest.raises(ValidationError, match="cannot be narrowed"):
            grants.replace(account, routers(two[0]), by=BY)
        with pytest.raises(IntegrityError), transaction.atomic():
            Account.objects.filter(pk=account.pk).update(is_narrowed=True)
    grants.replace(noc, routers(two[0]), by=BY)
    noc.role = "admin"
    with pytest.raises(ValidationError, match="cannot be narrowed"):
        accounts.save(noc, by=BY)


def test_only_staff_who_manage_an_account_choose_what_it_sees(
    two: tuple[Router, Router], admin_account: Account, viewer: Account, reseller_dhaka: Account
) -> None:
    theirs = Account.objects.create_user("op", role="operator", tenant=reseller_dhaka.tenant)
    for by, of in ((viewer, theirs), (reseller_dhaka, theirs), (admin_account, admin_account)):
        with pytest.raises(ValidationError):
            grants.replace(of, routers(two[0]), by=by.actor)
    grants.replace(viewer, routers(two[0]), by=admin_account.actor)
    assert viewer.is_narrowed


def test_pages_that_watch_alerts_of_a_narrowed_account_are_told(
    two: tuple[Router, Router], noc: Account
) -> None:
    from ispcore.live import topics
    from ispcore.live.models import LiveEvent
    from monitoring.operations import alerts
    from monitoring.pages import watched_key

    away = on_router(two[0])
    on_router(two[1])
    grants.replace(noc, routers(two[0]), by=BY)
    key = watched_key(noc)
    topic = topics.get("alerts")
    assert topic is not None
    assert topic.allowed(noc, key)
    assert not topic.allowed(noc, "")
    assert "r1" in topic.spots(key)["rows"]
    assert "r2" not in topic.spots(key)["rows"]
    if connection.vendor == "sqlite":
        alerts.acknowledge(away, by=noc)
        assert LiveEvent.objects.filter(topic="alerts", key=key).exists()
    grants.replace(noc, [], by=BY)
    with pytest.raises(LookupError):
        topic.spots(key)


def test_a_tenant_named_by_a_row_stays_choosable(two: tuple[Router, Router], noc: Account) -> None:
    from routers.forms import RouterForm

    grants.replace(noc, routers(two[0]), by=BY)
    router = Router.objects.get(pk=two[0].pk)
    form = type("Form", (RouterForm,), {"asker": noc})(instance=router)
    field: Any = form.fields["tenant"]
    assert [row.pk for row in field.queryset] == [router.tenant_id]
    assert Tenant.objects.count() == 2
    assert isinstance(field.queryset, models.QuerySet)
