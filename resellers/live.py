"""What the staff's pages watch of a reseller; its own people have topics of their own."""

from ispcore.accounts.models import Account
from ispcore.accounts.pages import pk_of
from ispcore.accounts.roles import May
from ispcore.accounts.scope import visible
from ispcore.live.topics import Spots, Topic, render_spots
from resellers.models import Reseller
from resellers.pages import states

NOW = {
    "chips": "portal/reseller/chips.html",
    "current": "portal/reseller/current.html",
    "mappings": "portal/reseller/mappings.html",
    "alerts": "portal/reseller/alerts.html",
    "history": "portal/reseller/history.html",
}
USAGE = {
    "p95": "portal/reseller/p95.html",
    "chart": "portal/reseller/chart.html",
    "peaks": "portal/reseller/peaks.html",
}


def _now(key: str) -> Spots:
    return render_spots(NOW, states.now_spots(_reseller(key)))


def _usage(key: str) -> Spots:
    return render_spots(USAGE, states.usage_spots(_reseller(key)))


def _reseller(key: str) -> Reseller:
    rows = Reseller.objects.select_related("tenant", "plan")
    reseller = rows.filter(pk=pk_of(key)).first()
    if reseller is None:
        raise LookupError(key)
    return reseller


def _whose(key: str) -> int:
    return _reseller(key).tenant_id


def _allowed(account: Account, key: str) -> bool:
    rows = Reseller.objects.filter(pk=pk_of(key))
    return account.is_staff and account.may(May.VIEW) and visible(rows, account).exists()


# two topics, since usage takes much longer to make and changes every 5 minutes only
TOPICS = [
    Topic("reseller", _now, _allowed, _whose, resource="resellers"),
    Topic("reseller-usage", _usage, _allowed, _whose, resource="resellers"),
]
