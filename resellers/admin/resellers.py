"""Resellers: list, page with chart, and the forms that change them."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import redirect
from django.urls import URLPattern
from django.utils.safestring import SafeString
from django.utils.text import slugify

from ispcore.accounts.pages import (
    PageAdmin,
    PageList,
    actor_of,
    page_url,
    posted,
    require,
)
from ispcore.accounts.roles import May
from ispcore.base import units
from ispcore.base.lists import FewRows, how_many
from ispcore.base.templatetags.isp import bps, meter, percent, state
from resellers import queries
from resellers.forms import (
    NewResellerForm,
    PlanChangeForm,
    ResellerForm,
    ThresholdsForm,
    plan_words,
)
from resellers.models import Mapping, Plan, Reseller
from resellers.operations import plans
from resellers.operations import resellers as operations
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
    empty_hint = (
        "No reseller yet. Add one with its plan, then map it to the interfaces (VLANs) that "
        "carry it."
    )
    list_display = (
        *("name", "plan_words", "down_bps", "up_bps", "use", "use_percent", "mapping_count"),
        "status_word",
    )
    list_filter = ("status", ("plan", FewRows))
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
        rows: QuerySet[Reseller] = super().get_queryset(request).select_related("tenant", "plan")
        live = Mapping.objects.filter(ended_at=None)
        return rows.annotate(live_mappings=how_many(live, "reseller"))

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
        form = PlanChangeForm(posted(request), initial={"plan": reseller.plan_id})
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
        form = ThresholdsForm(posted(request), instance=reseller)
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


def _with(request: HttpRequest, **values: str) -> Any:
    """What was posted, with these values in place of its own."""
    sent = request.POST.copy()
    for name, value in values.items():
        sent[name] = value
    return sent
