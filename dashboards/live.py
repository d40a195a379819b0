"""What pages watch of the whole: the overview, for staff; and what a tenant's people watch.

The topics of /my/ follow those of the staff's pages, with other words and links on them.
"""

from dashboards import overview
from dashboards.my import home, usage
from ispcore.accounts.models import Account, Tenant
from ispcore.accounts.pages import pk_of
from ispcore.accounts.roles import May
from ispcore.accounts.scope import visible
from ispcore.live.topics import Spots, Topic, render_spots
from monitoring import pages as alert_pages
from monitoring.models import Alert
from resellers.models import Reseller

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


MY_NOW = {
    "trust": "my/home/trust.html",
    "now": "my/home/now.html",
    "links": "my/links/rows.html",
}
MY_USAGE = {
    "month": "my/home/month.html",
    "today": "my/home/today.html",
    "chart": "my/usage/chart.html",
    "peaks": "my/usage/peaks.html",
}
MY_ALERTS = {
    "open-count": "my/alerts/open_count.html",
    "critical": "my/alerts/critical.html",
    "verdict": "my/home/verdict.html",
    "first": "my/home/alerts.html",
    "open": "my/alerts/rows.html",
}


def _my_now(key: str) -> Spots:
    return render_spots(MY_NOW, alert_pages.always() | home.now_context(_reseller(key)))


def _my_usage(key: str) -> Spots:
    reseller = _reseller(key)
    shown = home.usage_context(reseller) | usage.context(reseller) | {"steps": usage.STEPS}
    return render_spots(MY_USAGE, alert_pages.always() | shown)


def _my_alerts(key: str) -> Spots:
    tenant = _tenant(key)
    reseller = Reseller.objects.filter(tenant=tenant).select_related("tenant", "plan").first()
    shown = home.alert_context(Alert.objects.filter(tenant=tenant), reseller)
    return render_spots(MY_ALERTS, alert_pages.always() | shown)


def _reseller(key: str) -> Reseller:
    rows = Reseller.objects.select_related("tenant", "plan")
    reseller = rows.filter(pk=pk_of(key)).first()
    if reseller is None:
        raise LookupError(key)
    return reseller


def _owns_reseller(account: Account, key: str) -> bool:
    rows = Reseller.objects.filter(pk=pk_of(key))
    return account.may(May.VIEW) and visible(rows, account).exists()


def _is_of_tenant(account: Account, key: str) -> bool:
    rows = Tenant.objects.filter(pk=pk_of(key))
    return account.may(May.VIEW) and visible(rows, account).exists()


def _tenant_of_reseller(key: str) -> int | None:
    return _reseller(key).tenant_id


def _tenant(key: str) -> Tenant:
    tenant = Tenant.objects.filter(pk=pk_of(key)).first()
    if tenant is None:
        raise LookupError(key)
    return tenant


def _tenant_id(key: str) -> int | None:
    return _tenant(key).pk


TOPICS = [
    Topic("overview", _spots, _allowed, resource="overview"),
    Topic(
        "my",
        _my_now,
        _owns_reseller,
        _tenant_of_reseller,
        resource="resellers",
        follows="reseller",
    ),
    Topic(
        "my-usage",
        _my_usage,
        _owns_reseller,
        _tenant_of_reseller,
        resource="resellers",
        follows="reseller-usage",
    ),
    Topic("my-alerts", _my_alerts, _is_of_tenant, _tenant_id, resource="alerts", follows="alerts"),
]
