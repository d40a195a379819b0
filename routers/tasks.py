"""Jobs of the collect cluster: each calls one operation, and may be started twice without harm."""

from ispcore.base import audit
from ispcore.protocols.errors import ProtocolError
from routers.models import Router
from routers.operations import connection, discovery, retention, status


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
        outcomes = discovery.discover_many(routers, by=discovery.COLLECTION).values()
    failed = sum(1 for outcome in outcomes if isinstance(outcome, ProtocolError))
    return f"{len(routers) - failed} discovered, {failed} failed"


def tidy() -> str:
    """Forget old polls, and changes of interfaces."""
    return f"{retention.forget()} rows forgotten"
