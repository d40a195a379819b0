"""Mappings: which interface carries whom."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ispcore.accounts.models import Account
from ispcore.accounts.pages import ScopedAdmin, actor_of, page_url, posted, require
from ispcore.accounts.roles import May
from ispcore.accounts.scope import visible
from ispcore.base.faults import words_of
from ispcore.base.lists import FewRows
from ispcore.base.templatetags.isp import clock_time, state
from resellers.forms import (
    EndMappingForm,
    MappingForm,
)
from resellers.models import Mapping, Reseller
from resellers.operations import mappings
from resellers.operations.mappings import MappingEnded
from routers.queries import SECRETS


class LiveFilter(admin.SimpleListFilter):
    """Live mappings unless asked otherwise."""

    title = "state"
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [("ended", "Ended"), ("all", "All")]

    def choices(self, changelist: Any) -> Any:
        first, *others = super().choices(changelist)
        yield {**first, "display": "Live"}
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        if self.value() == "all":
            return queryset
        return queryset.filter(ended_at__isnull=self.value() != "ended")


@admin.register(Mapping)
class MappingAdmin(ScopedAdmin):
    """Mappings: added and ended, never edited, so that usage stays with whom it was counted for."""

    form = MappingForm
    refusals = (MappingEnded,)
    list_display = ("interface", "router", "vlan_id", "reseller", "carries", "side_words", "live")
    list_filter = (LiveFilter, ("router", FewRows))
    labels = {"reseller": ("tenant__name",)}
    search_fields = ("reseller__tenant__name", "router__name", "interface__name", "carries")
    ordering = ("reseller__tenant__name", "router__name", "vlan_id")
    empty_hint = (
        "No mapping yet. A mapping says which interface (VLAN) of which router carries a reseller. "
        "It takes a router whose interfaces are known (some minutes after it was added) and a "
        "reseller."
    )

    def page_urls(self) -> Sequence[URLPattern]:
        return [self.route("<int:pk>/end/", self.end, "end")]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mapping]:
        rows: QuerySet[Mapping] = super().get_queryset(request)
        rows = rows.select_related("interface", "router", "reseller__tenant")
        return rows.defer(*(f"router__{name}" for name in SECRETS))

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is None:
            return MappingForm.Meta.fields
        end = ["ending"] if obj.is_live and _may_edit(request) else []
        where = ["router", "interface"]  # a tenant's people cannot follow links to routers
        if isinstance(request.user, Account) and request.user.is_staff:
            where = ["router_link", "interface_link"]
        return [
            *("reseller_link", *where, "vlan_id", "carries", "side_words"),
            *("started", "ended", *end),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return self.get_fields(request, obj) if obj else ()

    def store(self, request: HttpRequest, row: Mapping, form: Any, *, change: bool) -> None:
        if change:
            raise PermissionDenied
        values = form.cleaned_data
        made = mappings.add(
            values["reseller"],
            interface=values["interface"],
            vlan_id=values["vlan_id"],
            carries=values["carries"],
            side=values["side"],
            by=actor_of(request),
        )
        row.pk = made.pk

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        plain = {"show_save_and_continue": False}
        return super().add_view(request, form_url, plain | (extra_context or {}))

    def response_post_save_add(self, request: HttpRequest, obj: Mapping) -> HttpResponseRedirect:
        return HttpResponseRedirect(_after(request, obj))

    def end(self, request: HttpRequest, pk: int) -> HttpResponse:
        account = require(request, May.EDIT_RESELLERS)
        mapping = self.visible_or_404(request, pk)
        url = _after(request, mapping)
        form = EndMappingForm(posted(request))
        if request.method == "POST" and form.is_valid():
            try:
                mappings.end(mapping, by=account.actor, reason=form.cleaned_data["reason"])
            except MappingEnded as error:
                messages.error(request, words_of(error))
            else:
                messages.success(request, f"{mapping} carries {mapping.reseller} no longer.")
            return redirect(url)
        context = {
            "form": form,
            "lead": f"{mapping} carries {mapping.reseller} until now. Its usage so far stays.",
            "button": "End mapping",
            "back_url": url,
            "crumbs": [(mapping.reseller.name, url)],
        }
        return self.answer(request, "portal/form.html", context, title=f"End mapping {mapping}")

    # -- columns

    @admin.display(description="side", ordering="side")
    def side_words(self, mapping: Mapping) -> str:
        return mapping.get_side_display()

    @admin.display(description="state", ordering="ended_at")
    def live(self, mapping: Mapping) -> SafeString:
        return state("ok", "Live") if mapping.is_live else state("low", "Ended")

    @admin.display(description="reseller")
    def reseller_link(self, mapping: Mapping) -> SafeString:
        return format_html('<a href="{}">{}</a>', page_url(mapping.reseller), mapping.reseller)

    @admin.display(description="router")
    def router_link(self, mapping: Mapping) -> SafeString:
        return format_html('<a href="{}">{}</a>', page_url(mapping.router), mapping.router)

    @admin.display(description="interface")
    def interface_link(self, mapping: Mapping) -> SafeString:
        url = reverse("admin:routers_interface_change", args=[mapping.interface_id])
        return format_html('<a href="{}">{}</a>', url, mapping.interface)

    @admin.display(description="started")
    def started(self, mapping: Mapping) -> SafeString:
        return clock_time(mapping.started_at)

    @admin.display(description="ended")
    def ended(self, mapping: Mapping) -> SafeString | str:
        return clock_time(mapping.ended_at) if mapping.ended_at else "not yet"

    @admin.display(description="end")
    def ending(self, mapping: Mapping) -> SafeString:
        url = reverse("admin:resellers_mapping_end", args=[mapping.pk])
        return format_html('<a href="{}">End this mapping</a>', url)


def _after(request: HttpRequest, mapping: Mapping) -> str:
    """The reseller's page; who does not see it, for it was not granted, goes to the mappings."""
    if visible(Reseller.objects.filter(pk=mapping.reseller_id), request.user).exists():
        return page_url(mapping.reseller)
    return reverse("admin:resellers_mapping_changelist")


def _may_edit(request: HttpRequest) -> bool:
    return isinstance(request.user, Account) and request.user.may(May.EDIT_RESELLERS)
