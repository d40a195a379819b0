"""What pages watch of a router."""

from ispcore.accounts.models import Account
from ispcore.accounts.pages import pk_of
from ispcore.accounts.roles import May
from ispcore.accounts.scope import visible
from ispcore.live.topics import Spots, Topic, render_spots
from routers.models import Router
from routers.pages import changes, interfaces, states

TEMPLATES = {
    "chips": "portal/router/chips.html",
    "checks": "portal/router/checks.html",
    "interfaces": "portal/router/interfaces.html",
    "changes": "portal/router/changes.html",
    "polls": "portal/router/polls.html",
    "alerts": "portal/router/alerts.html",
    "mappings": "portal/router/mappings.html",
}


def _spots(key: str) -> Spots:
    router = Router.objects.filter(pk=pk_of(key)).first()
    if router is None:
        raise LookupError(key)
    spots = states.state_spots(router) | interfaces.interface_spots(router)
    return render_spots(TEMPLATES, spots | changes.change_spots(router))


def _allowed(account: Account, key: str) -> bool:
    if not account.is_staff or not account.may(May.VIEW):
        return False
    return account.sees_all or visible(Router.objects.filter(pk=pk_of(key)), account).exists()


TOPICS = [Topic("router", _spots, _allowed, resource="routers")]
