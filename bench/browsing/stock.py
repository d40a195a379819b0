"""The same models under a plain AdminSite: what a stock ModelAdmin would show of the same rows.

Each shows the columns of ours that are fields of the model (or are sorted by one), and has its
search, its filters by fields, its page size and its select_related, so that it is no straw man.
"""

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.urls import path

# lists of ours that are no lists of Django's, and how many rows they show
COLUMNS = {
    "base.auditentry": ("at", "actor", "surface", "address", "action", "object_name", "reason"),
    "monitoring.alert": (
        *("subject", "severity", "summary", "impact", "state", "acknowledged_by", "opened_at"),
    ),
}
ROWS = {"base.auditentry": 50, "monitoring.alert": 200}


def columns(ours: "admin.ModelAdmin[Any]") -> tuple[str, ...]:
    known = COLUMNS.get(ours.model._meta.label_lower)
    return known or tuple(dict.fromkeys(_fields_of(ours))) or ("__str__",)


def _fields_of(ours: "admin.ModelAdmin[Any]") -> Iterator[str]:
    for name in ours.list_display:
        shown = getattr(ours, str(name), None)
        for field in (str(name), getattr(shown, "admin_order_field", None) or ""):
            if _is_field(ours.model, field):
                yield field
                break


def _is_field(model: type[models.Model], name: str) -> bool:
    try:
        return bool(model._meta.get_field(name).concrete)
    except FieldDoesNotExist:
        return False


def _stock(ours: "admin.ModelAdmin[Any]") -> "type[admin.ModelAdmin[Any]]":
    filters = [name for name in ours.list_filter or () if isinstance(name, str)]
    looks = {
        "list_display": columns(ours),
        "list_filter": filters,
        "search_fields": ours.search_fields,
        "list_select_related": ours.list_select_related,
        "date_hierarchy": ours.date_hierarchy,
        "list_per_page": ROWS.get(ours.model._meta.label_lower, ours.list_per_page),
    }
    return type(f"Stock{ours.model.__name__}", (admin.ModelAdmin,), looks)


site = admin.AdminSite(name="stock")
for model, ours in admin.site._registry.items():
    site.register(model, _stock(ours))
urlpatterns = [path("admin/", site.urls)]
