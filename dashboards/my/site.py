"""The site itself: menu, frame, doors. Its pages are sections, one module each."""

from typing import Any

from django.conf import settings
from django.contrib.auth.views import PasswordChangeView
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import path, re_path, reverse

from dashboards.doors import OwnSite
from dashboards.my import alerts
from dashboards.my.alerts import Alerts
from dashboards.my.history import History
from dashboards.my.home import Home
from dashboards.my.links import Links
from dashboards.my.people import People, Profile
from dashboards.my.sections import done
from dashboards.my.subscribers import Subscribers
from dashboards.my.usage import Usage
from dashboards.site import OwnPasswordForm
from ispcore.accounts.models import Account
from ispcore.accounts.roles import May
from monitoring import pages as alert_pages

SECTIONS = (Home, Usage, Links, Alerts, Subscribers, People, History)
ON_A_PHONE = 4  # so many have a place of their own in the bar; the others are under More


class _PasswordView(PasswordChangeView):
    form_class = OwnPasswordForm
    template_name = "my/form.html"

    def form_valid(self, form: Any) -> HttpResponse:
        super().form_valid(form)
        return done(self.request, "Your password is changed.", reverse("my:profile"))

    def get_success_url(self) -> str:
        return reverse("my:profile")


class MySite(OwnSite):
    """Usage, links, alerts, subscribers, people and history of one tenant; no model is registered here."""

    site_header = site_title = "ISPCore"
    site_url = None
    enable_nav_sidebar = False

    def __init__(self, name: str) -> None:
        super().__init__(name)
        self.sections = [section(self) for section in SECTIONS]
        self.profile = Profile(self)

    def is_for(self, account: Account) -> bool:
        return not account.is_staff

    def elsewhere(self, request: HttpRequest) -> str:
        return reverse("admin:index")

    def get_urls(self) -> list[Any]:
        own = [url for section in (*self.sections, self.profile) for url in section.urls()]
        return [
            *own,
            path("login/", self.login, name="login"),
            path("logout/", self.admin_view(self.logout), name="logout"),
            path("password_change/", self.admin_view(self.password_change), name="password_change"),
            re_path(r"(?P<url>.*)$", self.admin_view(self.catch_all_view)),
        ]

    def each_context(self, request: Any) -> dict[str, Any]:
        account = request.user
        context = super().each_context(request) | alert_pages.always()
        if not isinstance(account, Account) or account.tenant_id is None:
            return context
        menu = [each for each in self.sections if each.is_for(account)]
        tenant = account.tenant
        context |= {
            "menu": menu,
            "menu_first": menu[:ON_A_PHONE],
            "menu_rest": menu[ON_A_PHONE:],
            "demo": settings.DEMO or (tenant is not None and tenant.is_demo),
            "may": {str(each): account.may(each) for each in May},
            "tenant": tenant,
        }
        return context | alerts.head(alerts.of(account))

    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        """The login is everybody's."""
        query = request.META.get("QUERY_STRING", "")
        return redirect(f"{reverse(settings.LOGIN_URL)}{'?' if query else ''}{query}")

    def password_change(  # type: ignore[override]
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponseBase:
        request.current_app = self.name
        context = self.each_context(request) | {
            "title": "Change your password",
            "section": "profile",
            "button": "Change password",
            "back_url": reverse("my:profile"),
            "back_label": "Profile",
            "lead": "You stay logged in here; sessions elsewhere end.",
        }
        return _PasswordView.as_view(extra_context=context | (extra_context or {}))(request)


my_site = MySite("my")
