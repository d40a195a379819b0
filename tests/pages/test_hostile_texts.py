"""Every page with hostile text in every place that a device or a person can write to."""

from typing import TYPE_CHECKING, Any

import pytest
from django.apps import apps
from django.db import models

from ispcore.base.models import AuditEntry
from ispcore.base.secrets import SecretField
from monitoring.models import AlertEvent
from tests.access import surfaces
from tests.access.conftest import world
from tests.access.walk import answer, client_of

if TYPE_CHECKING:
    from tests.access.world import World

__all__ = ["world"]  # a fixture, found by its name
pytestmark = pytest.mark.one_database
HOSTILE = "\"'><img src=x onerror=alert(1)></script><script>alert(2)</script>{{ 7|add:7 }}"
OURS = ("accounts", "base", "monitoring", "resellers", "routers", "subscribers")
SECRET = "marked-s3cret"


def _is_free_text(field: "models.Field[Any, Any]") -> bool:
    written = isinstance(field, models.CharField | models.TextField)
    return written and not (field.choices or field.primary_key or field.unique)


def _poison() -> None:
    """Write HOSTILE, cut to fit, to each text column that may hold anything; secrets are marked."""
    for model in apps.get_models():
        if model._meta.app_label not in OURS or model in (AlertEvent, AuditEntry):
            continue  # these are never rewritten: a hostile one is added
        for field in model._meta.concrete_fields:
            if isinstance(field, SecretField):
                model._default_manager.update(**{field.name: f"{SECRET}-{field.name}"})
            elif _is_free_text(field) and field.name not in SHAPED:
                value = HOSTILE[: field.max_length or 500]
                model._default_manager.update(**{field.name: value})
        for name in ("name", "username"):
            _poison_unique(model, name)


SHAPED = {
    *("password", "object_kind", "subject_kind", "kind", "action", "object_id", "fingerprint"),
    *(
        "username",
        "source",
        "surface",
        "error_kind",
        "from_kind",
        "slot",
        "name",
        "metric",
        "capability",
    ),
}


def _add_hostile_entry(reseller_pk: int) -> None:
    AuditEntry.objects.create(
        actor=HOSTILE[:150],
        token=HOSTILE[:100],
        action=HOSTILE[:60],
        surface=HOSTILE[:20],
        object_kind="resellers.reseller",
        object_id=str(reseller_pk),
        object_name=HOSTILE[:200],
        reason=HOSTILE,
        old={"contact": HOSTILE, HOSTILE: HOSTILE},
        new={"contact": HOSTILE, HOSTILE: [HOSTILE]},
    )


def _poison_unique(model: Any, name: str) -> None:
    if name not in {f.name for f in model._meta.concrete_fields if not f.primary_key}:
        return
    if (
        model._meta.label_lower == "subscribers.subscriber"
    ):  # of letters that databases compare alike
        return
    length = model._meta.get_field(name).max_length or 80
    for row in model._default_manager.all():
        value = f"{row.pk}{HOSTILE}"[:length]
        model._default_manager.filter(pk=row.pk).update(**{name: value})


@pytest.mark.parametrize("person", ["super", "dhaka_owner"])
def test_no_page_lets_a_text_become_markup_or_tells_a_secret(person: str, world: "World") -> None:
    _poison()
    AlertEvent.objects.create(
        alert_id=world.keys["alert"],
        kind="note",
        severity="high",
        by=HOSTILE[:100],
        text=HOSTILE[:250],
    )
    _add_hostile_entry(world.keys["resellers"])
    client = client_of(world.people[person])
    seen = 0
    for pattern, _ in surfaces.patterns():
        for query in ("", "?q=%3Cimg+src%3Dx+onerror%3Dalert(1)%3E", "?fragment=detail"):
            response = answer(client, "get", world.address(pattern) + query)
            text = response.content.decode()
            assert SECRET not in text, pattern
            if "json" in response["Content-Type"] or "csv" in response["Content-Type"]:
                assert response["X-Content-Type-Options"] == "nosniff"
                continue
            assert "<img src=x" not in text, pattern
            assert "<script>alert" not in text, pattern
            seen += "&lt;img src=x" in text
    assert seen > 5  # it was there, escaped
