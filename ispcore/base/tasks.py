"""Jobs of the platform itself."""

from datetime import timedelta
from importlib import import_module

from django.conf import settings
from django_q.models import Failure

from ispcore.base import audit_retention, clock, leases, shares
from ispcore.base.timeseries import retention

KEEP_FAILURES = timedelta(
    days=30
)  # django-q itself keeps the last successes, and failures for ever


def tidy() -> str:
    """Forget what nobody will ask about any more: leases, ended sessions, old failures of jobs."""
    forgotten = leases.forget() + shares.forget() + leases.forget_silent()
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    failures, _ = Failure.objects.filter(stopped__lt=clock.now() - KEEP_FAILURES).delete()
    entries = audit_retention.forget()
    return (
        f"{forgotten} leases and life signs, {failures} failures of jobs, "
        f"{entries} audit entries forgotten"
    )


def tidy_series() -> str:
    """Partitions for the days to come, places of their own for rows astray, old rows forgotten."""
    return retention.tidy()
