"""Jobs of the platform itself."""

from datetime import timedelta
from importlib import import_module

from django.conf import settings
from django_q.models import Failure

from ispcore.base import audit_retention, clock, leases, shares, unit_of_work
from ispcore.base.timeseries import retention

KEEP_FAILURES = timedelta(
    days=30
)  # django-q itself keeps the last successes, and failures for ever


def tidy() -> str:
    """Forget what nobody will ask about any more: leases, ended sessions, old failures of jobs."""
    forgotten = leases.forget() + shares.forget() + leases.forget_silent()
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    failures, _ = Failure.objects.filter(stopped__lt=clock.now() - KEEP_FAILURES).delete()
    pages, entries = unit_of_work.forget_sent(), audit_retention.forget()
    return (
        f"{forgotten} leases and life signs, {failures} failures of jobs, {pages} sent pages, "
        f"{entries} audit entries forgotten"
    )


def tidy_series() -> str:
    """Partitions for the days to come, places of their own for rows astray, old rows forgotten."""
    return retention.tidy()


def tidy_journal() -> str:
    """Forget old units of provisioning, except those that RADIUS still has a marker of."""
    try:
        return f"{unit_of_work.trim()} entries of the provisioning journal forgotten"
    except unit_of_work.RadiusAway:
        return "none forgotten: RADIUS is away, and which entries it needs is not known"
