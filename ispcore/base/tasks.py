"""Jobs of the platform itself."""

from datetime import timedelta
from importlib import import_module

from django.conf import settings
from django_q.models import Failure

from ispcore.base import clock, leases, shares
from ispcore.base.timeseries import partitions, retention

KEEP_FAILURES = timedelta(
    days=30
)  # django-q itself keeps the last successes, and failures for ever


def tidy() -> str:
    """Forget what nobody will ask about any more: leases, ended sessions, old failures of jobs."""
    forgotten = leases.forget() + shares.forget() + leases.forget_silent()
    import_module(settings.SESSION_ENGINE).SessionStore.clear_expired()
    failures, _ = Failure.objects.filter(stopped__lt=clock.now() - KEEP_FAILURES).delete()
    return f"{forgotten} leases and life signs, {failures} failures of jobs forgotten"


def tidy_series() -> str:
    """Partitions for the days to come, places of their own for rows astray, old rows forgotten."""
    made, forgotten = partitions.make_ahead(), 0
    for model in partitions.all_series():
        series = partitions.series_of(model)
        made += partitions.drain(series, retention.cutoff(series))
        forgotten += retention.forget(model)
    return f"{len(made)} partitions made, {forgotten} partitions and rows forgotten"
