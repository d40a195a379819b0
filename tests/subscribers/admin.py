"""What tests of the admin of packages and subscribers share: addresses, forms, faults."""

from typing import Any

from django.urls import reverse

from ispcore.accounts.models import Tenant
from ispcore.base.models import AuditEntry
from subscribers.models import Package, Subscriber

RADIUS_AWAY = "FreeRADIUS' database does not answer"
UNCHANGED = "Nothing was changed."


def url(name: str, *args: object, of: str = "subscriber") -> str:
    return reverse(f"admin:subscribers_{of}_{name}", args=args)


def package_form(tenant: Tenant, **given: Any) -> dict[str, Any]:
    form = {
        "tenant": tenant.pk,
        "name": "Gold",
        "service": "pppoe",
        "down_bps": "50M",
        "up_bps": "25M",
        "device_limit": "1",
        "interim_s": "300",
        "validity": "month",
        "price": "1200",
        "currency": "BDT",
        "past_quota": "stop",
        "when_blocked": "reject",
    }
    return form | given


def subscriber_form(home: Package, **given: Any) -> dict[str, Any]:
    form = {"package": home.pk, "username": "karim", "radius_password": "let-me-in"}
    return form | {"full_name": "Karim Mia", "phone": "+8801712345678"} | given


def text(response: Any) -> str:
    """What a page says."""
    return str(response.content.decode()).replace("\xa0", " ").replace("&#x27;", "'")


def portal_rows() -> list[Any]:
    columns = ("pk", "username", "package_id", "status", "full_name", "ipv4", "radius_password")
    packages = Package.objects.order_by("pk").values_list("pk", "name", "device_limit")
    entries = AuditEntry.objects.exclude(action__startswith="log ").count()
    return [*Subscriber.objects.order_by("pk").values_list(*columns), *packages, entries]


def chosen(action: str, rows: list[Subscriber], **given: Any) -> dict[str, Any]:
    return {"action": action, "_selected_action": [row.pk for row in rows]} | given
