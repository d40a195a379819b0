"""/api/alerts: alerts that the account may see, newest first."""

from typing import Any

from django.db.models import QuerySet
from rest_framework import serializers

from ispcore.accounts.api_views import ScopedReads
from ispcore.accounts.parameters import Pages, choice, refuse_unknown
from ispcore.accounts.scope import visible
from monitoring.models import Alert, Severity


class AlertSerializer(serializers.ModelSerializer):  # type: ignore[type-arg]
    """An alert; instants are UTC."""

    acknowledged_by = serializers.SlugRelatedField("username", read_only=True)  # type: ignore[var-annotated]
    rule = serializers.CharField(source="rule.name", default=None, read_only=True)

    class Meta:
        model = Alert
        fields = [
            *("id", "severity", "state", "subject_kind", "subject_id", "subject", "summary"),
            *("impact", "value", "rule", "opened_at", "acknowledged_at", "acknowledged_by"),
            "resolved_at",
        ]


class AlertViewSet(ScopedReads):
    """Parameters: state (open, acknowledged, resolved), severity."""

    resource = "alerts"
    serializer_class = AlertSerializer
    pagination_class = Pages
    filter_backends: list[Any] = []
    lookup_value_regex = r"\d{1,18}"

    def get_queryset(self) -> QuerySet[Alert]:
        alerts = Alert.objects.select_related("acknowledged_by", "rule")
        rows = visible(alerts, self.request.user).order_by("-opened_at", "-pk")
        if self.detail:
            return rows
        refuse_unknown(self.request, ("state", "severity"))
        if state := choice(self.request, "state", Alert.State.values):
            rows = rows.filter(state=state)
        if severity := choice(self.request, "severity", Severity.values):
            rows = rows.filter(severity=severity)
        return rows
