"""/api/resellers and their usage: what the account may see, read only, units in the names."""

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Case, F, Max, QuerySet, Sum, When
from rest_framework import serializers
from rest_framework.decorators import action
from rest_framework.exceptions import ValidationError
from rest_framework.request import Request
from rest_framework.response import Response

from ispcore.accounts.api_views import ScopedReads
from ispcore.accounts.parameters import Pages, choice, instant, refuse_unknown
from ispcore.accounts.scope import visible
from ispcore.base import clock
from ispcore.base.timeseries.buckets import BUCKET_S
from resellers import queries
from resellers.models import Mapping, Plan, Reseller, UsageDaily, UsageHourly
from resellers.usage_queries import five_minutes

# the longest span of each resolution: about ten thousand rows an answer
LONGEST = {
    "5m": timedelta(days=32),
    "hour": timedelta(days=400),
    "day": timedelta(days=3660),
}
SECONDS = {"5m": BUCKET_S, "hour": 3600, "day": 86_400}


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


@dataclass(frozen=True, slots=True)
class UsageRow:
    """Mean rates over one step from `at` on. `complete_percent`: the share of it that was seen."""

    at: datetime
    down_bps: int | None
    up_bps: int | None
    complete_percent: float


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
        rows = usage(reseller, start, end, resolution)
        return Response(
            {
                "reseller": reseller.pk,
                "from": start.astimezone(clock.isp_zone()),
                "to": end.astimezone(clock.isp_zone()),
                "resolution_s": SECONDS[resolution],
                "samples": UsageSerializer([asdict(row) for row in rows], many=True).data,
            }
        )


def usage(reseller: Reseller, start: datetime, end: datetime, resolution: str) -> list[UsageRow]:
    """Usage by 5 minutes (null in gaps), hour (UTC) or day (the ISP's zone; only what was seen)."""
    if resolution == "5m":
        return [
            UsageRow(p.at, p.down_bps, p.up_bps, 100.0 if p.down_bps is not None else 0.0)
            for p in five_minutes(reseller, start, end)
        ]
    if resolution == "hour":
        rows = UsageHourly.objects.filter(hour__gte=start, hour__lt=end)
        return [_rolled(row, row["hour"], 3600) for row in _sums(rows, reseller, "hour")]
    first, last = clock.isp_date(start), clock.isp_date(end - timedelta(microseconds=1))
    daily = UsageDaily.objects.filter(day__gte=first, day__lte=last)
    return [
        _rolled(row, clock.day_start(row["day"]), _day_s(row["day"]))
        for row in _sums(daily, reseller, "day")
    ]


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


def _sums(rows: QuerySet[Any], reseller: Reseller, by: str) -> Any:
    """Octets per direction and seconds seen, summed over the reseller's mappings."""
    own = Case(
        When(mapping__side=Mapping.Side.RESELLER, then=F("out_octets")), default=F("in_octets")
    )
    other = Case(
        When(mapping__side=Mapping.Side.RESELLER, then=F("in_octets")), default=F("out_octets")
    )
    return (
        rows.filter(mapping__reseller=reseller)
        .order_by(by)
        .values(by)
        .annotate(down=Sum(own), up=Sum(other), seen_s=Max("covered_s"))
    )


def _rolled(row: dict[str, Any], at: datetime, span_s: int) -> UsageRow:
    """Means over the time that was seen (of the mapping that was seen longest)."""
    seen_s = row["seen_s"]
    return UsageRow(
        at,
        row["down"] * 8 // seen_s if seen_s else None,
        row["up"] * 8 // seen_s if seen_s else None,
        round(min(100 * seen_s / span_s, 100), 1),
    )


def _day_s(day: Any) -> int:
    """A day in the ISP's zone may have 23 or 25 hours."""
    return int((clock.day_start(day + timedelta(days=1)) - clock.day_start(day)).total_seconds())
