"""The field by which an account is narrowed: routers, resellers and other objects, found as one types."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib.admin import AdminSite
from django.contrib.admin.widgets import AutocompleteMixin, get_select2_language
from django.http import HttpRequest, JsonResponse

from ispcore.accounts import scope
from ispcore.accounts.models import Account, Grant
from ispcore.accounts.operations.grants import Key
from ispcore.accounts.pages import pk_of, typed

MOST_FOUND = 20


def value_of(kind: str, pk: int) -> str:
    """How an object is named in the form: "routers.router:7"."""
    return f"{kind}:{pk}"


def key_of(value: str) -> Key:
    """The same the other way; a primary key of 0 for what is none."""
    kind, _, pk = value.partition(":")
    return kind, pk_of(pk)


class GrantsSelect(forms.SelectMultiple):
    """The stock admin's autocomplete, over all kinds of objects at once."""

    def __init__(self, url: str = "") -> None:
        super().__init__()
        self.url = url
        self.i18n_name = get_select2_language()

    def build_attrs(
        self, base_attrs: dict[str, Any], extra_attrs: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        return super().build_attrs(base_attrs, extra_attrs) | {
            "class": "admin-autocomplete",
            "data-ajax--url": self.url,
            "data-ajax--cache": "true",
            "data-ajax--delay": 250,
            "data-theme": "admin-autocomplete",
            "data-placeholder": "all that the role sees",
            "data-allow-clear": "false",
        }

    @property
    def media(self) -> forms.Media:
        media: forms.Media = AutocompleteMixin.media.fget(self)  # type: ignore[attr-defined]
        return media


class GrantsField(forms.MultipleChoiceField):
    """The objects of one account; what may be chosen is judged by the operation."""

    widget = GrantsSelect

    def __init__(self, account: Account | None = None, *, url: str = "") -> None:
        super().__init__(
            required=False,
            label="Sees only",
            help_text="routers or resellers, with what hangs on them; empty: all that the role "
            "sees. An object that is deleted stays here until it is taken out",
            widget=GrantsSelect(url),
        )
        rows = list(account.grants.all()) if account else []
        self.initial = [value_of(row.kind, row.object_id) for row in rows]
        self.choices = [(value_of(row.kind, row.object_id), str(row)) for row in rows]

    def validate(self, value: Any) -> None:
        """No choice but those already made is written into the page."""

    def bound_data(self, data: Any, initial: Any) -> Any:
        return data if data is None else self._with_names(data)

    def _with_names(self, values: Sequence[str]) -> Sequence[str]:
        """After a fault the form shows again what was chosen, by its name."""
        present: Any = self.choices
        known = {str(value) for value, _ in present}
        rows = {m._meta.label_lower: m._default_manager for m in scope.grantable()}
        for value in values:
            kind, pk = key_of(value)
            found = rows[kind].filter(pk=pk).first() if kind in rows else None
            if value not in known and found is not None:
                words = str(Grant(kind=kind, name=str(found)))
                self.choices = [*self.choices, (value, words)]  # type: ignore[misc]
        return values


def answer(request: HttpRequest, site: AdminSite) -> JsonResponse:
    """Objects whose list finds `term`, of each kind that can be granted and that the asker sees."""
    term, results = typed(request.GET.get("term", "")), []
    for model in scope.grantable():
        if not site.is_registered(model):
            continue
        admin = site.get_model_admin(model)
        if not admin.has_view_permission(request):
            continue
        rows, doubled = admin.get_search_results(request, admin.get_queryset(request), term)
        rows = rows.distinct() if doubled else rows
        results += [
            {
                "id": value_of(model._meta.label_lower, row.pk),
                "text": f"{model._meta.verbose_name} {row}",
            }
            for row in rows.order_by(*admin.get_ordering(request))[:MOST_FOUND]
        ]
    return JsonResponse({"results": results, "pagination": {"more": False}})
