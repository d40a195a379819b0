"""Other tenants' ids, and those of objects that were not granted, in every field that takes one.

The fields come from the forms themselves: every page is opened by a super user, and each field of
its form that chooses a row is tried; of the API, each relation that a serializer writes.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from django import forms
from django.apps import apps
from django.db import models
from django.db.models import Model
from django.test import Client, RequestFactory
from django.urls import reverse
from rest_framework import serializers

from ispcore.accounts.operations import grants, matrix
from ispcore.accounts.operations.matrix import Change
from ispcore.accounts.roles import Group, May
from ispcore.accounts.scope import visible
from ispcore.base.audit import Actor
from monitoring.models import Alert
from resellers.api import ResellerSerializer
from resellers.models import Mapping
from routers.admin import RouterAdmin
from routers.models import Interface, Router
from tests.access import surfaces
from tests.access.walk import answer, client_of, undone
from tests.conftest import NOON
from tests.pages.conftest import _package

if TYPE_CHECKING:
    from tests.access.world import World

BY = Actor("test")
TRIED_AS = ("dhaka_owner", "dhaka_operator", "dhaka_viewer", "narrowed")
OURS = {"accounts", "monitoring", "routers", "resellers", "subscribers"}


@dataclass(frozen=True, slots=True)
class Choice:
    """A field of a page's form that takes the id of a row."""

    pattern: str
    field: str
    model: type[Model]


@pytest.fixture
def tried(world: "World") -> "World":
    """`narrowed` may do all that an operator can be given, with one router and one reseller."""
    narrowed, isp = world.people["narrowed"], world.isp
    assert narrowed is not None
    grants.replace(
        narrowed, [("routers.router", isp.edge.pk), ("resellers.reseller", isp.dhaka.pk)], by=BY
    )
    matrix.change([Change(Group.OPERATOR, May.EDIT_ROUTERS, True)], by=BY)
    Interface.objects.create(
        router=isp.silent, name="vlan-9", index=9, first_seen_at=NOON, last_seen_at=NOON
    )
    _package(isp.ctg.tenant, "Ctg 20")
    return world


def form_at(client: Client, url: str) -> "forms.BaseForm | None":
    """The form that a page shows, of the stock admin or of our own."""
    response = answer(client, "get", url)
    context = response.context if response.status_code == 200 else None
    if context is None:
        return None
    if "adminform" in context:
        form: forms.BaseForm = context["adminform"].form
        return form
    found = context.get("form")
    return found if isinstance(found, forms.BaseForm) else None


_choices: list[Choice] = []  # the forms have the same fields in every test, so they are read once


def choices(world: "World") -> list[Choice]:
    """Every field of every form in which a row is chosen."""
    if not _choices:
        _choices.extend(_found_in_forms(world))
    return _choices


def _found_in_forms(world: "World") -> list[Choice]:
    client = client_of(world.people["super"])
    found = []
    for pattern, _ in surfaces.patterns():
        form = form_at(client, world.address(pattern))
        for name, field in form.fields.items() if form else ():
            if isinstance(field, forms.ModelChoiceField):
                rows: Any = field.queryset
                found.append(Choice(pattern, name, rows.model))
    return found


def filled(form: "forms.BaseForm | None", client: Client) -> dict[str, Any]:
    """What a browser would send: the values shown, and something plausible where there is none."""
    sent: dict[str, Any] = {}
    for name, field in form.fields.items() if form else ():
        value = form[name].value() if form else None
        if value in (None, "", []) and field.required:
            value = _plausible(field)
        if value not in (None, "", False):
            sent[name] = value
    return sent


def _plausible(field: forms.Field) -> Any:
    if isinstance(field, forms.ModelChoiceField):
        first = next((value for value, _ in _flat(field.choices) if value), "")
        return str(first)
    if isinstance(field, forms.ChoiceField):
        return next(value for value, _ in field.choices if value)  # type: ignore[union-attr, misc]
    if isinstance(field, forms.GenericIPAddressField):
        return "10.9.9.9"
    return 100 if isinstance(field, forms.IntegerField) else "200M"


def _flat(found: Any) -> Iterator[tuple[Any, Any]]:
    for value, label in found:
        if isinstance(label, list | tuple):
            yield from _flat(label)
        else:
            yield value, label


def references(row: Model) -> dict[str, int]:
    """How many rows refer to this one, by foreign key."""
    return {
        f"{model._meta.label}.{field.name}": model._default_manager.filter(
            **{field.attname: row.pk}
        ).count()
        for model in apps.get_models()
        for field in model._meta.concrete_fields
        if isinstance(field, models.ForeignKey) and field.related_model is type(row)
        if model._meta.app_label in OURS
    }


def sent_at(client: Client, url: str, sent: dict[str, Any], row: Model) -> tuple[Any, bool]:
    """(the answer, whether anything refers to `row` that did not before); all of it is undone."""
    with undone():
        before = references(row)
        response = client.post(url, sent)
        moved = references(row) != before
    return response, moved


def test_every_form_is_found(tried: "World") -> None:
    assert {(c.pattern, c.field) for c in choices(tried)} >= {
        ("admin/accounts/account/add/", "tenant"),
        ("admin/accounts/account/<path:object_id>/change/", "tenant"),
        ("admin/routers/router/add/", "tenant"),
        ("admin/routers/router/<path:object_id>/change/", "tenant"),
        ("admin/resellers/mapping/add/", "reseller"),
        ("admin/resellers/mapping/add/", "interface"),
        ("admin/resellers/reseller/add/", "plan"),
        ("admin/resellers/reseller/<int:pk>/plan/", "plan"),
    }


@pytest.mark.parametrize("persona", TRIED_AS)
def test_no_form_takes_a_row_that_is_not_seen(tried: "World", persona: str) -> None:
    account = tried.people[persona]
    client = client_of(account)
    tries = 0
    for choice in choices(tried):
        rows = choice.model._default_manager.all()
        unseen = rows.exclude(pk__in=visible(rows.order_by(), account).values("pk"))
        if persona == "narrowed" and getattr(choice.model, "is_reference", False):
            assert not unseen.exists()  # plans are everybody's
            continue
        foreign = unseen.order_by("-pk").first()
        assert foreign is not None, choice
        url = tried.address(choice.pattern)
        sent = filled(form_at(client, url), client) | {choice.field: str(foreign.pk)}
        response, moved = sent_at(client, url, sent, foreign)
        assert not moved, choice
        if response.status_code == 200:
            form = response.context.get("form") or response.context["adminform"].form
            assert choice.field in form.errors or choice.field not in form.fields, choice
        tries += 1
    assert tries >= 5


def test_a_form_takes_what_is_seen(tried: "World") -> None:
    """So that the test above refuses for the id, not for another fault in what it sends."""
    client = client_of(tried.people["narrowed"])
    url = reverse("admin:resellers_mapping_add")
    form = form_at(client, url)
    assert form is not None
    offered = [str(label) for _, label in _flat(form.fields["interface"].choices)]  # type: ignore[attr-defined]
    assert any(label.startswith("ether1") for label in offered)
    assert not any(label.startswith("vlan-9") for label in offered)
    before = Mapping.objects.count()
    assert client.post(url, filled(form, client)).status_code == 302
    assert Mapping.objects.count() == before + 1


@pytest.mark.parametrize("persona", [*TRIED_AS, "ctg"])
def test_no_list_of_ids_reaches_rows_that_are_not_seen(tried: "World", persona: str) -> None:
    account = tried.people[persona]
    seen = set(visible(Alert.objects.all(), account))
    foreign = [alert for alert in Alert.objects.all() if alert not in seen]
    assert foreign
    url = reverse("admin:monitoring_alert_acknowledge_many")
    client_of(account).post(url, {"pk": [alert.pk for alert in foreign]})
    untaken = Alert.objects.filter(pk__in=[a.pk for a in foreign], state=Alert.State.OPEN)
    assert untaken.count() == len(foreign)


def test_an_action_gets_only_rows_that_are_seen(
    tried: "World", monkeypatch: pytest.MonkeyPatch
) -> None:
    """No list has an action now; one that gets one is asked for rows that it does not show."""
    reached: list[Any] = []

    def collect(admin: Any, request: Any, rows: Any) -> None:
        reached.extend(rows)

    monkeypatch.setattr(RouterAdmin, "actions", [collect])
    account, everything = tried.people["narrowed"], list(Router.objects.all())
    sent = {"action": "collect", "_selected_action": [row.pk for row in everything]}
    client_of(account).post(reverse("admin:routers_router_changelist"), sent)
    assert set(reached) == set(visible(Router.objects.all(), account))
    assert 0 < len(reached) < len(everything)


@pytest.mark.parametrize("persona", [*TRIED_AS, "ctg"])
def test_no_list_and_no_inline_holds_rows_that_are_not_seen(tried: "World", persona: str) -> None:
    account = tried.people[persona]
    request = RequestFactory().get("/")
    request.user = account  # type: ignore[assignment]
    looked = 0
    for site in surfaces.sites():
        for model, admin in site._registry.items():
            if not admin.has_view_permission(request):
                continue
            for shown in (admin, *admin.get_inline_instances(request)):
                rows = shown.get_queryset(request)
                seen = visible(rows.model._default_manager.order_by(), account).values("pk")
                assert not rows.exclude(pk__in=seen).exists(), (model, shown)
                looked += 1
    assert looked >= 3


@pytest.mark.parametrize("persona", TRIED_AS)
def test_no_picker_names_rows_that_are_not_seen(tried: "World", persona: str) -> None:
    """The stock autocomplete, asked for every foreign key of every registered model."""
    account = tried.people[persona]
    client, answered = client_of(account), 0
    for site in surfaces.sites():
        for model in site._registry:
            for field in model._meta.concrete_fields:
                if not isinstance(field, models.ForeignKey):
                    continue
                label, _, name = model._meta.label_lower.partition(".")
                query = {"app_label": label, "model_name": name}
                response = client.get(
                    reverse(f"{site.name}:autocomplete"),
                    query | {"field_name": field.name, "term": ""},
                )
                if response.status_code == 200:
                    target: Any = field.related_model
                    seen = visible(target._default_manager.all(), account).values_list("pk")
                    found = {int(each["id"]) for each in response.json()["results"]}
                    assert found <= {pk for (pk,) in seen}, field
                    answered += 1
    assert (answered > 3) == (persona == "narrowed")  # tenants' people have no use for the admin's


def relations(serializer: type[Any]) -> list[tuple[str, type[Model]]]:
    """The fields of a serializer that write a reference to a row."""
    fields: dict[str, Any] = serializer().fields
    written = {name: field for name, field in fields.items() if not field.read_only}
    related: Any = serializers.RelatedField
    return [(n, field.queryset.model) for n, field in written.items() if isinstance(field, related)]


def test_a_relation_that_a_serializer_writes_is_found() -> None:
    class Writing(serializers.ModelSerializer):  # type: ignore[type-arg]
        class Meta:
            model = Mapping
            fields = ["reseller", "carries"]

    assert [name for name, _ in relations(Writing)] == ["reseller"]
    assert relations(ResellerSerializer) == []


@pytest.mark.parametrize("persona", TRIED_AS)
def test_no_endpoint_takes_a_row_that_is_not_seen(tried: "World", persona: str) -> None:
    account = tried.people[persona]
    client = client_of(account)
    for pattern, view in surfaces.patterns():
        serializer = getattr(view.cls, "serializer_class", None) if surfaces.is_api(view) else None
        for name, model in relations(serializer) if serializer else ():
            rows = model._default_manager.all()
            seen = visible(rows.order_by(), account).values("pk")
            foreign = rows.exclude(pk__in=seen).first()
            if foreign is not None:
                url = tried.address(pattern)
                _, moved = sent_at(client, url, {name: foreign.pk}, foreign)
                assert not moved, (pattern, name)
