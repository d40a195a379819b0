"""Plans: what resellers buy."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString

from ispcore.accounts.pages import (
    ScopedAdmin,
    actor_of,
)
from ispcore.base.lists import how_many
from ispcore.base.templatetags.isp import bps
from resellers.forms import (
    PlanForm,
)
from resellers.models import Plan, Reseller
from resellers.operations import plans
from resellers.operations.plans import PlanInUse


@admin.register(Plan)
class PlanAdmin(ScopedAdmin):
    """Plans: rates are typed as 200M."""

    form = PlanForm
    refusals = (PlanInUse,)
    list_display = ("name", "rate_down_bps", "rate_up_bps", "reseller_count")
    search_fields = ("name",)
    ordering = ("down_bps", "name")
    empty_hint = (
        "No plan yet. A plan is the bandwidth that a reseller buys, down and up; resellers get one "
        "when they are added."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Plan]:
        rows: QuerySet[Plan] = super().get_queryset(request)
        return rows.annotate(on_it=how_many(Reseller.objects.all(), "plan"))

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
