"""Alerts of type security: for staff only, one per thing and place, and bounded in number."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F, Value
from django.db.models.functions import Coalesce

from ispcore.accounts import security
from ispcore.accounts.models import Account
from ispcore.base import clock
from ispcore.base.addresses import network_of
from monitoring.models import SECURITY, Alert, Severity
from monitoring.operations import alerts
from monitoring.operations.alerts import Subject

MOST_LIVE = 50  # of each kind; what comes on top shares one alert
MANY = "many"
SEVERITIES: Mapping[str, Severity] = {
    security.BRUTE_FORCE: Severity.MEDIUM,
    security.TOKEN_REUSE: Severity.HIGH,
    security.NEW_ADDRESS: Severity.HIGH,
    security.DENIED_TENANT: Severity.MEDIUM,
}
# what may be over by itself resolves after a quiet day; what may be a theft waits for somebody
# to look for a week
QUIET: Mapping[str, timedelta] = {
    security.BRUTE_FORCE: timedelta(days=1),
    security.TOKEN_REUSE: timedelta(days=7),
    security.NEW_ADDRESS: timedelta(days=7),
    security.DENIED_TENANT: timedelta(days=1),
}


def notice(kind: str, *, account: Account | None, address: str | None, words: str) -> Alert | None:
    """Open an alert, or bring the live one of the same kind, account and network up to date.

    Its `value` counts how often it was told. It belongs to no tenant, so only staff see it, also
    where the account is a tenant's. None where another process opened it in the same instant.
    """
    now = clock.now()
    network = network_of(address) if address else ""
    fingerprint = f"{SECURITY}:{kind}:{account.pk if account else 0}:{network}"
    with transaction.atomic():
        if _told_again(fingerprint, words, at=now):
            return None
        subject = Subject(SECURITY, account.pk if account else 0, _name(account, address))
        live = Alert.objects.filter(
            fingerprint__startswith=f"{SECURITY}:{kind}:", state__in=Alert.LIVE
        )
        if live.count() >= MOST_LIVE:
            fingerprint = f"{SECURITY}:{kind}:{MANY}"
            if _told_again(fingerprint, words, at=now):
                return None
            subject = Subject(SECURITY, 0, "many accounts or addresses")
        return alerts.open_alert(
            None,
            subject,
            fingerprint=fingerprint,
            severity=SEVERITIES[kind],
            words=(words, ""),
            value=1,
            at=now,
        )


def resolve_quiet() -> int:
    """Resolve what was not told again for a while; returns how many."""
    now, resolved = clock.now(), 0
    for kind, quiet in QUIET.items():
        of_kind = Alert.objects.filter(
            fingerprint__startswith=f"{SECURITY}:{kind}:", state__in=Alert.LIVE
        )
        for alert in of_kind.filter(updated_at__lt=now - quiet):
            with transaction.atomic():
                text = f"Not seen again for {quiet.days} d"
                resolved += alerts.resolve_automatically(alert, at=now, text=text)
    return resolved


def _told_again(fingerprint: str, words: str, *, at: datetime) -> bool:
    """True where an alert of this fingerprint is live; it then has the latest words."""
    alert = Alert.objects.filter(fingerprint=fingerprint, state__in=Alert.LIVE).first()
    if alert is None:
        return False
    times = Coalesce(F("value"), Value(0.0)) + 1
    live = Alert.objects.filter(pk=alert.pk, state__in=Alert.LIVE)
    if not live.update(summary=words[:250], value=times, updated_at=at):
        return False  # somebody resolved it meanwhile
    alerts.announce(alert)
    return True


def _name(account: Account | None, address: str | None) -> str:
    return account.username if account else (address or "somebody")
