"""Jobs of the collect cluster: each calls one operation, and may be started twice without harm.

Only collecting takes a lease for its period: a second round would ask every router again.
"""

from django.conf import settings

from ispcore.base import audit, clock, leases
from ispcore.protocols.errors import ProtocolError
from routers.models import Router
from routers.operations import collection, connection, discovery, retention, status


def collect() -> str:
    """Poll the fleet, at most once per period however often the job is started."""
    slot = leases.slot_start(clock.now(), settings.COLLECT_PERIOD_S)
    lease = leases.take("collect", slot=slot, ttl_s=settings.COLLECT_PERIOD_S)
    if lease is None:
        return "this period is being collected or was"
    with audit.coming_from("job"):
        summary = collection.collect()
    leases.finish(lease, note=str(summary))
    return str(summary)


def collect_at_start() -> str:
    """Poll the fleet when the portal starts, whatever was collected in this period before.

    A reading too many is a short interval, and counts nothing twice.
    """
    with audit.coming_from("job"):
        return str(collection.collect())


def check_routers() -> str:
    """Log in to the RouterOS API of every router that has credentials for it."""
    routers = list(Router.objects.filter(is_polled=True))
    found = connection.check_apis(routers)
    status.record(found)
    status.evaluate(routers)
    return f"{sum(1 for c in found if c.ok)} of {len(found)} logins"


def discover() -> str:
    """Look for new, gone and renumbered interfaces on every router."""
    with audit.coming_from("job"):
        routers = list(Router.objects.filter(is_polled=True))
        outcomes = discovery.discover_many(routers, by=collection.BY).values()
    failed = sum(1 for outcome in outcomes if isinstance(outcome, ProtocolError))
    return f"{len(routers) - failed} discovered, {failed} failed"


def tidy() -> str:
    """Forget old polls."""
    return f"{retention.forget()} polls forgotten"
