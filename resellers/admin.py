"""Resellers, their plans and mappings."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.text import slugify

from ispcore.accounts.models import Account
from ispcore.accounts.pages import (
    PageAdmin,
    PageList,
    ScopedAdmin,
    actor_of,
    page_url,
    require,
    words_of,
)
from ispcore.accounts.roles import May
from ispcore.base import units
from ispcore.base.templatetags.isp import bps, meter, percent, state
from resellers import queries
from resellers.forms import (
    EndMappingForm,
    MappingForm,
    NewResellerForm,
    PlanChangeForm,
    PlanForm,
    ResellerForm,
    ThresholdsForm,
    plan_words,
)
from resellers.models import Mapping, Plan, Reseller
from resellers.operations import mappings, plans
from resellers.operations import resellers as operations
from resellers.operations.mappings import MappingEnded
from resellers.operations.plans import PlanInUse
from resellers.operations.resellers import ResellerInUse
from resellers.pages import chart, states
from resellers.pages.chart import NotARange, Span

STATUS_KINDS = {"active": "ok", "suspended": "warning", "ended": "low"}


class ResellerList(PageList):
    """The list with what each of its resellers uses now, in three queries for all."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        rows = list(self.result_list)
        used = queries.current(rows)
        for row in rows:
            row.used = used[row.pk]
        self.result_list = rows


@admin.register(Reseller)
class ResellerAdmin(PageAdmin):
    """Resellers: list, page with chart, and the forms that change them."""

    page_template = "portal/reseller/page.html"
    form = ResellerForm
    refusals = (ResellerInUse,)
    list_display = (
        *("name", "plan_words", "down_bps", "up_bps", "use", "use_percent", "mapping_count"),
        "status_word",
    )
    list_filter = ("status", "plan")
    list_select_related = ("tenant", "plan")
    search_fields = ("tenant__name", "contact", "phone", "email", "address")
    search_help_text = "name, contact, phone or address"
    ordering = ("tenant__name",)

    def page_urls(self) -> Sequence[URLPattern]:
        return [
            self.route("<int:pk>/plan/", self.change_plan, "plan"),
            self.route("<int:pk>/thresholds/", self.thresholds, "thresholds"),
            self.route("<int:pk>/usage.json", self.usage_json, "usage"),
            self.route("<int:pk>/usage.csv", self.usage_csv, "usage_csv"),
        ]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PageList]:
        return ResellerList

    def get_queryset(self, request: HttpRequest) -> QuerySet[Reseller]:
        live = Count("mappings", filter=Q(mappings__ended_at=None))
        rows: QuerySet[Reseller] = super().get_queryset(request).select_related("tenant", "plan")
        return rows.annotate(live_mappings=live)

    # -- the page and its chart

    def page_context(self, request: HttpRequest, row: Reseller) -> dict[str, Any]:
        key = request.GET.get("range", chart.DEFAULT)
        try:
            context = states.spots(row, chart_range=key)
        except NotARange as error:
            messages.error(request, f"{error}. 24 h are shown.")
            context = states.spots(row)
        if not request.user.has_perm("resellers.change_reseller"):
            context["actions"] = {}
        return context

    def usage_json(self, request: HttpRequest, pk: int) -> HttpResponse:
        reseller, span = self._asked_span(request, pk)
        if isinstance(span, HttpResponse):
            return span
        return JsonResponse(chart.as_json(reseller, span))

    def usage_csv(self, request: HttpRequest, pk: int) -> HttpResponse:
        reseller, span = self._asked_span(request, pk)
        if isinstance(span, HttpResponse):
            return span
        response = HttpResponse(
            chart.as_csv(reseller, span), content_type="text/csv; charset=utf-8"
        )
        name = f"{slugify(reseller.name) or f'reseller-{reseller.pk}'}-{span.key}.csv"
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response

    def _asked_span(self, request: HttpRequest, pk: int) -> tuple[Reseller, Span | HttpResponse]:
        """The reseller and the span, or the answer that says what is wrong with it."""
        reseller = self.visible_or_404(request, pk)
        try:
            return reseller, chart.span_of(request.GET.get("range", chart.DEFAULT))
        except NotARange as error:
            return reseller, JsonResponse({"detail": str(error)}, status=400)

    # -- writing

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[Any]:
        kwargs["form"] = ResellerForm if obj else NewResellerForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        contract = ["status"] if obj else ["plan"]
        return [
            (None, {"fields": ["name", "contact", "phone", "email", "address"]}),
            ("Contract", {"fields": [*contract, "warning_percent", "critical_percent"]}),
            ("Notes", {"fields": ["notes"]}),
        ]

    def store(self, request: HttpRequest, row: Reseller, form: Any, *, change: bool) -> None:
        values = form.cleaned_data
        if change:
            operations.save(row, name=values["name"], by=actor_of(request))
            return
        own = ("contact", "phone", "email", "address", "notes")
        made = operations.create(
            values["name"],
            by=actor_of(request),
            plan=values["plan"],
            **{name: values[name] for name in (*own, "warning_percent", "critical_percent")},
        )
        row.pk, row.tenant = made.pk, made.tenant

    def remove(self, request: HttpRequest, row: Reseller) -> None:
        operations.delete(row, by=actor_of(request))

    def change_plan(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Choose, see what changes, confirm."""
        account = require(request, May.EDIT_RESELLERS)
        reseller = self.visible_or_404(request, pk)
        form = PlanChangeForm(request.POST or None, initial={"plan": reseller.plan_id})
        preview: list[dict[str, str]] = []
        if request.method == "POST" and form.is_valid():
            plan: Plan | None = form.cleaned_data["plan"]
            chosen = str(plan.pk) if plan else "none"
            if form.cleaned_data["previewed"] == chosen:
                plans.change(
                    reseller, plan=plan, by=account.actor, reason=form.cleaned_data["reason"]
                )
                messages.success(request, f"{reseller} is on {plan_words(plan)} from now on.")
                return redirect(page_url(reseller))
            preview = _plan_preview(reseller.plan, plan)
            form = PlanChangeForm(_with(request, previewed=chosen))
        context = {
            "form": form,
            "lead": f"Now: {plan_words(reseller.plan)}.",
            "preview": preview,
            "button": "Change plan" if preview else "Preview",
            "back_url": page_url(reseller),
            "crumbs": [(reseller.name, page_url(reseller))],
        }
        return self.answer(request, "portal/form.html", context, title=f"Plan of {reseller}")

    def thresholds(self, request: HttpRequest, pk: int) -> HttpResponse:
        account = require(request, May.EDIT_RESELLERS)
        reseller = self.visible_or_404(request, pk)
        name = str(reseller)
        form = ThresholdsForm(request.POST or None, instance=reseller)
        if request.method == "POST" and form.is_valid():
            operations.save(reseller, by=account.actor)
            messages.success(
                request,
                f"{name} alerts from {reseller.warning_percent} % and is critical from "
                f"{reseller.critical_percent} % of its plan.",
            )
            return redirect(page_url(reseller))
        context = {
            "form": form,
            "button": "Save thresholds",
            "back_url": page_url(reseller),
            "crumbs": [(name, page_url(reseller))],
        }
        return self.answer(request, "portal/form.html", context, title=f"Thresholds of {name}")

    # -- columns

    @admin.display(description="plan", ordering="plan__down_bps")
    def plan_words(self, reseller: Reseller) -> str:
        plan = reseller.plan
        return f"{plan.name}, {units.format_bps(plan.down_bps)}" if plan else "no plan"

    @admin.display(description="down now")
    def down_bps(self, reseller: Any) -> SafeString:
        return bps(reseller.used.down_bps)

    @admin.display(description="up now")
    def up_bps(self, reseller: Any) -> SafeString:
        return bps(reseller.used.up_bps)

    @admin.display(description="of plan")
    def use(self, reseller: Any) -> SafeString:
        return meter(reseller.used.percent, reseller.warning_percent, reseller.critical_percent)

    @admin.display(description="use")
    def use_percent(self, reseller: Any) -> str:
        return percent(reseller.used.percent)

    @admin.display(description="mappings", ordering="live_mappings")
    def mapping_count(self, reseller: Any) -> int:
        return int(reseller.live_mappings)

    @admin.display(description="status", ordering="status")
    def status_word(self, reseller: Reseller) -> SafeString:
        return state(STATUS_KINDS[reseller.status], reseller.get_status_display())


def _plan_preview(old: Plan | None, new: Plan | None) -> list[dict[str, str]]:
    def rate(plan: Plan | None, direction: str) -> str:
        return units.format_bps(getattr(plan, f"{direction}_bps")) if plan else "no limit"

    rows = [("Plan", old.name if old else "no plan", new.name if new else "no plan")]
    rows += [(d.capitalize(), rate(old, d), rate(new, d)) for d in ("down", "up")]
    return [{"label": label, "old": before, "new": after} for label, before, after in rows]


@admin.register(Plan)
class PlanAdmin(ScopedAdmin):
    """Plans: rates are typed as 200M."""

    form = PlanForm
    refusals = (PlanInUse,)
    list_display = ("name", "rate_down_bps", "rate_up_bps", "reseller_count")
    search_fields = ("name",)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Plan]:
        rows: QuerySet[Plan] = super().get_queryset(request)
        return rows.annotate(on_it=Count("resellers"))

    def store(self, request: HttpRequest, row: Plan, form: Any, *, change: bool) -> None:
        plans.save(row, by=actor_of(request))

    def remove(self, request: HttpRequest, row: Plan) -> None:
        plans.delete(row, by=actor_of(request))

    @admin.display(description="down", ordering="down_bps")
    def rate_down_bps(self, plan: Plan) -> SafeString:
        return bps(plan.down_bps)

    @admin.display(description="up", ordering="up_bps")
    def rate_up_bps(self, plan: Plan) -> SafeString:
        return bps(plan.up_bps)

    @admin.display(description="resellers", ordering="on_it")
    def reseller_count(self, plan: Any) -> int:
        return int(plan.on_it)


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
    list_filter = (LiveFilter, "router")
    list_select_related = ("interface", "router", "reseller__tenant")
    search_fields = ("reseller__tenant__name", "router__name", "interface__name", "carries")
    ordering = ("reseller__tenant__name", "router__name", "vlan_id")

    def page_urls(self) -> Sequence[URLPattern]:
        return [self.route("<int:pk>/end/", self.end, "end")]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Mapping]:
        return (
            super().get_queryset(request).select_related("interface", "router", "reseller__tenant")
        )

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
            *("started_at", "ended_at", *end),
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

    def response_post_save_add(self, request: HttpRequest, obj: Mapping) -> HttpResponseRedirect:
        return HttpResponseRedirect(page_url(obj.reseller))

    def end(self, request: HttpRequest, pk: int) -> HttpResponse:
        account = require(request, May.EDIT_RESELLERS)
        mapping = self.visible_or_404(request, pk)
        url = page_url(mapping.reseller)
        form = EndMappingForm(request.POST or None)
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

    @admin.display(description="end")
    def ending(self, mapping: Mapping) -> SafeString:
        url = reverse("admin:resellers_mapping_end", args=[mapping.pk])
        return format_html('<a href="{}">End this mapping</a>', url)


def _may_edit(request: HttpRequest) -> bool:
    return isinstance(request.user, Account) and request.user.may(May.EDIT_RESELLERS)


def _with(request: HttpRequest, **values: str) -> Any:
    """What was posted, with these values in place of its own."""
    posted = request.POST.copy()
    for name, value in values.items():
        posted[name] = value
    return posted
