"""What pages watch of the whole: the overview, for staff."""

from dashboards import overview
from ispcore.accounts.models import Account
from ispcore.accounts.roles import May
from ispcore.live.topics import Spots, Topic, render_spots
from monitoring import pages as alert_pages
from monitoring.models import Alert

NAMES = (
    *("verdict", "trust", "traffic", "routers", "resellers", "alerts", "closest", "collection"),
    *("chart", "changes"),
)
TEMPLATES = {name: f"portal/overview/{name}.html" for name in NAMES}


def _spots(key: str) -> Spots:
    if key:
        raise LookupError(key)
    head = alert_pages.head(Alert.objects.all())
    return render_spots(TEMPLATES, alert_pages.always() | head | overview.context())


def _allowed(account: Account, key: str) -> bool:
    return account.sees_all and account.may(May.VIEW)


TOPICS = [Topic("overview", _spots, _allowed, resource="overview")]
