"""The portal's admin site: order of the menu, what every page knows, the index, the search."""

from typing import Any

from allauth.account.adapter import get_adapter
from django.conf import settings
from django.contrib.admin.forms import AdminPasswordChangeForm
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from dashboards import overview, search
from dashboards.doors import OwnSite, home_url, place_in_my
from ispcore.accounts.entrance import to_login
from ispcore.accounts.models import Account, Tenant
from ispcore.accounts.operations import accounts
from ispcore.accounts.roles import May
from ispcore.accounts.scope import visible
from monitoring import pages as alert_pages
from monitoring.models import Alert

# the menu: heading and models, in this order
MENU = (
    ("Monitoring", "monitoring", ("monitoring.alert", "monitoring.rule")),
    ("Resellers", "resellers", ("resellers.reseller", "resellers.plan", "resellers.mapping")),
    ("Subscribers", "subscribers", ("subscribers.subscriber", "subscribers.package")),
    ("Routers", "routers", ("routers.router", "routers.interface")),
    (
        "Accounts",
        "accounts",
        (
            *("accounts.account", "accounts.apitoken", "accounts.rolepolicy"),
            *("base.auditentry", "base.journalentry"),
        ),
    ),
)


class OwnPasswordForm(AdminPasswordChangeForm):
    """A change of one's own password, by the operation that records it."""

    def clean_old_password(self) -> str:
        """Checked as at the login: who guesses it, on a screen left open, waits."""
        given: str = self.cleaned_data["old_password"]
        if not get_adapter().reauthenticate(self.user, given):
            raise ValidationError(self.error_messages["password_incorrect"], "password_incorrect")
        return given

    def save(self, commit: bool = True) -> Account:
        accounts.set_password(
            self.user, password=self.cleaned_data["new_password1"], by=self.user.actor
        )
        account: Account = self.user
        return account


class PortalSite(OwnSite):
    """The staff's admin. A tenant's people have their own: dashboards.my."""

    site_header = site_title = "ISPCore"
    index_title = "Overview"
    site_url = None
    enable_nav_sidebar = True

    def is_for(self, account: Account) -> bool:
        return account.is_staff

    def elsewhere(self, request: HttpRequest) -> str:
        return place_in_my(request)

    def get_urls(self) -> list[Any]:
        return [
            path("search/", self.admin_view(self.search), name="search"),
            path("today.json", self.admin_view(self.today), name="today"),
            *super().get_urls(),
        ]

    # -- what every page knows

    def each_context(self, request: Any) -> dict[str, Any]:
        context = super().each_context(request) | alert_pages.always()
        account = request.user
        known = isinstance(account, Account)
        context |= {
            "wall": "wall" in request.GET,
            "demo": settings.DEMO or (known and Tenant.objects.filter(is_demo=True).exists()),
            "may": {str(each): known and account.may(each) for each in May},
            "alerts_key": alert_pages.watched_key(account) if known else "",
        }
        return context | alert_pages.head(visible(Alert.objects.all(), account))

    def get_app_list(self, request: Any, app_label: str | None = None) -> list[Any]:
        """The menu in its own order; an app's own part of it when `app_label` says which."""
        found = {
            f"{app['app_label']}.{model['object_name'].lower()}": model
            for app in self._build_app_dict(request).values()
            for model in app["models"]
        }
        menu: list[dict[str, Any]] = [
            {
                "name": heading,
                "app_label": label,
                "app_url": reverse("admin:app_list", args=[label], current_app=self.name),
                "has_module_perms": True,
                "models": [found[key] for key in keys if key in found],
            }
            for heading, label, keys in MENU
            if app_label is None or any(key.startswith(f"{app_label}.") for key in keys)
        ]
        menu = [part for part in menu if part["models"]]
        account = request.user
        if app_label is None and menu and isinstance(account, Account) and account.sees_all:
            menu[0]["models"] = [_overview_entry(), *menu[0]["models"]]
        return menu

    # -- pages

    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        account = request.user
        home = home_url(account) if isinstance(account, Account) else reverse("home")
        return to_login(request, home=home)

    def index(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        account = request.user
        if isinstance(account, Account) and not account.sees_all:  # narrowed to chosen objects
            return redirect("admin:monitoring_alert_changelist")
        return super().index(request, overview.context() | (extra_context or {}))

    def app_index(  # type: ignore[override]
        self, request: HttpRequest, app_label: str, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """An app has no page of its own: to its first list."""
        for part in self.get_app_list(request, app_label):
            for model in part["models"]:
                if model["model"]._meta.app_label == app_label:
                    return redirect(model["admin_url"])
        raise Http404

    def today(self, request: HttpRequest) -> HttpResponse:
        """The chart of the overview as JSON; staff only, for it is the sum of all resellers."""
        return overview.today_json(request)

    def search(self, request: HttpRequest) -> HttpResponse:
        found = search.find(request.user, request.GET.get("q", ""))
        if found.only_url:
            return redirect(found.only_url)
        context = self.each_context(request) | {
            "title": "Search",
            "query": found.query,
            "groups": found.groups,
            "count": found.count,
        }
        return TemplateResponse(request, "portal/search.html", context)

    def password_change(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        request.current_app = self.name
        view = PasswordChangeView.as_view(
            form_class=OwnPasswordForm,
            success_url=reverse("admin:password_change_done"),
            extra_context=self.each_context(request) | (extra_context or {}),
        )
        return view(request)


def _overview_entry() -> dict[str, Any]:
    # "?" keeps the stock test ("admin_url in request.path") from marking it current everywhere
    return {
        "name": "Overview",
        "object_name": "Overview",
        "view_only": True,
        "admin_url": reverse("admin:index") + "?",
        "add_url": None,
        "perms": {},
    }
