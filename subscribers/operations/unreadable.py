"""One alert for staff while there are RADIUS passwords that no key opens: whose, and what to do."""

from django.db import transaction

from ispcore.base import clock
from ispcore.base.units import format_names
from monitoring.models import Alert, Severity
from monitoring.operations import alerts
from monitoring.operations.alerts import Subject, Words
from subscribers import queries
from subscribers.models import Subscriber

FINGERPRINT = "subscribers: passwords that cannot be read"
READABLE = "Every password can be read again"


def look() -> int:
    """Decrypt the password of every subscriber, and open, change or resolve the alert; returns how
    many cannot be read."""
    found, now = queries.unreadable(), clock.now()
    with transaction.atomic():
        live = Alert.objects.filter(fingerprint=FINGERPRINT, state__in=Alert.LIVE).first()
        if not found and live is not None:
            alerts.resolve_automatically(live, at=now, text=READABLE)
        elif found and live is not None:
            words, value = _words(found), float(len(found))
            alerts.update_live(live, severity=Severity.HIGH, words=words, value=value, at=now)
        elif found:
            alerts.open_alert(
                None,
                Subject(Subscriber._meta.label_lower, found[0][0], "RADIUS passwords"),
                severity=Severity.HIGH,
                words=_words(found),
                value=float(len(found)),
                at=now,
                fingerprint=FINGERPRINT,
            )
    return len(found)


def _words(found: list[tuple[int, str]]) -> Words:
    whose = format_names([name for _, name in found])
    return (
        f"{whose}: {queries.UNREADABLE_WORDS}",
        f"{len(found)} refused from their next change on",
    )
