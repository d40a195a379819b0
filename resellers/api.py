"""/api/resellers and their usage: what the account may see, read only, units in the names."""

from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from ispcore.accounts.api_views import ScopedReads
from ispcore.accounts.parameters import Pages, choice, instant, refuse_unknown
from ispcore.accounts.scope import visible
from ispcore.base import clock
from resellers import queries
from resellers.models import Mapping, Plan, Reseller
from resellers.usage_queries.steps import SECONDS, steps

# the longest span of each resolution: about ten thousand rows an answer
LONGEST = {
    "5m": timedelta(days=32),
    "hour": timedelta(days=400),
    "day": timedelta(days=3660),
}


class PlanSerializer(serializers.ModelSerializer):  # type: ignore[type-arg]
    class Meta:
        model = Plan
        fields = ["id", "name", "down_bps", "up_bps"]


class ResellerSerializer(serializers.ModelSerializer):  # type: ignore[type-arg]
    """A reseller with its plan. Notes are the operator's own and stay out."""

    name = serializers.CharField(read_only=True)
    plan = PlanSerializer(read_only=True)

    class Meta:
        model = Reseller
        fields = [
            *("id", "name", "status", "contact", "phone", "email", "address", "plan"),
            *("warning_percent", "critical_percent", "created_at", "updated_at"),
        ]


class CurrentSerializer(serializers.Serializer):  # type: ignore[type-arg]
    """Use now; null is unknown, never zero."""

    at = serializers.DateTimeField()
    down_bps = serializers.IntegerField()
    up_bps = serializers.IntegerField()
    down_percent = serializers.FloatField()
    up_percent = serializers.FloatField()
    known = serializers.IntegerField(help_text="mappings with a current rate")
    total = serializers.IntegerField(help_text="live mappings")


class MappingSerializer(serializers.ModelSerializer):  # type: ignore[type-arg]
    router = serializers.CharField(source="router.name", read_only=True)
    interface = serializers.CharField(source="interface.name", read_only=True)

    class Meta:
        model = Mapping
        fields = ["id", "router", "interface", "vlan_id", "carries", "side", "started_at"]


class ResellerDetailSerializer(ResellerSerializer):
    """One reseller with its live mappings and what it uses now."""

    current = serializers.SerializerMethodField()
    mappings = serializers.SerializerMethodField()

    class Meta(ResellerSerializer.Meta):
        fields = [*ResellerSerializer.Meta.fields, "current", "mappings"]

    def get_current(self, reseller: Reseller) -> Any:
        return CurrentSerializer(queries.current([reseller])[reseller.pk]).data

    def get_mappings(self, reseller: Reseller) -> Any:
        live = reseller.mappings.filter(ended_at=None).select_related("router", "interface")
        return MappingSerializer(live, many=True).data


class UsageSerializer(serializers.Serializer):  # type: ignore[type-arg]
    at = serializers.DateTimeField()
    down_bps = serializers.IntegerField()
    up_bps = serializers.IntegerField()
    complete_percent = serializers.FloatField()


class ResellerViewSet(ScopedReads):
    """Resellers. List parameter: status."""

    resource = "resellers"
    serializer_class = ResellerSerializer
    pagination_class = Pages
    filter_backends: list[Any] = []
    lookup_value_regex = r"\d{1,18}"

    def get_queryset(self) -> QuerySet[Reseller]:
        rows = visible(Reseller.objects.select_related("tenant", "plan"), self.request.user)
        if self.detail:
            return rows
        refuse_unknown(self.request, ("status",))
        status = choice(self.request, "status", Reseller.Status.values)
        return rows.filter(status=status) if status else rows

    def get_serializer_class(self) -> type[Any]:
        return ResellerDetailSerializer if self.detail else ResellerSerializer

    @action(detail=True)
    def usage(self, request: Request, pk: str) -> Response:
        """Parameters: from and to (instants with an offset; the last 24 h), resolution."""
        reseller = self.get_object()
        refuse_unknown(request, ("from", "to", "resolution"))
        resolution = choice(request, "resolution", tuple(LONGEST)) or "5m"
        start, end = _span(request, resolution)
        rows = steps(reseller, start, end, resolution)
        return Response(
            {
                "reseller": reseller.pk,
                "from": start.astimezone(clock.isp_zone()),
                "to": end.astimezone(clock.isp_zone()),
                "resolution_s": SECONDS[resolution],
                "samples": UsageSerializer([asdict(row) for row in rows], many=True).data,
            }
        )


def _span(request: Request, resolution: str) -> tuple[datetime, datetime]:
    end = instant(request, "to") or clock.now()
    start = instant(request, "from") or end - timedelta(days=1)
    if start >= end:
        raise ValidationError({"from": "lies at or after `to`"})
    if end - start > LONGEST[resolution]:
        days = LONGEST[resolution].days
        raise ValidationError(
            {"from": f"more than {days} days before `to`: too long for resolution {resolution}"}
        )
    return start, end
