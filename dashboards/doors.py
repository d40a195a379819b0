"""Which of the two sites is whose: staff work in /admin/, a tenant's people in /my/."""

from collections.abc import Callable
from functools import update_wrapper
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.auth.views import redirect_to_login
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse

from ispcore.accounts.models import Account

View = Callable[..., HttpResponseBase]
# where a tenant's people find what a page of the staff admin shows: start of its name, place
PLACES = (
    ("monitoring_alert_", "my:alerts"),
    ("resellers_reseller_usage", "my:usage"),
    ("resellers_mapping_", "my:links"),
    ("subscribers_subscriber_", "my:subscribers"),
    ("accounts_account_", "my:people"),
    ("base_auditentry_", "my:history"),
    ("password_change", "my:password_change"),
)


def home_url(account: Account) -> str:
    """Where somebody's own site begins."""
    return reverse("admin:index" if account.is_staff else "my:index")


def home(request: HttpRequest) -> HttpResponseBase:
    """/ and the end of every login: each to the own site."""
    if isinstance(request.user, Account):
        return redirect(home_url(request.user))
    return redirect_to_login(reverse("home"))


def place_in_my(request: HttpRequest) -> str:
    """The page of /my/ for a page of the staff admin; its home where there is none."""
    match = request.resolver_match
    name = (match.url_name if match else "") or ""
    if match and name == "monitoring_alert_page":
        return reverse("my:alert", args=[match.kwargs["pk"]])
    if name.endswith("_history"):
        return reverse("my:history")
    found = (place for start, place in PLACES if name.startswith(start))
    return reverse(next(found, "my:index"))


class OwnSite(AdminSite):
    """An admin site for some of the accounts: others are led to theirs, and their forms refused."""

    def is_for(self, account: Account) -> bool:
        raise NotImplementedError

    def elsewhere(self, request: HttpRequest) -> str:
        """Where those go whom this site is not for."""
        raise NotImplementedError

    def has_permission(self, request: HttpRequest) -> bool:
        account = request.user
        return isinstance(account, Account) and account.is_active and self.is_for(account)

    def admin_view(self, view: View, cacheable: bool = False) -> Any:
        inner = super().admin_view(view, cacheable)

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            account, match = request.user, request.resolver_match
            if match and match.url_name == "logout":  # out of either door, whoever it is
                return view(request) if isinstance(account, Account) else redirect("home")
            if not isinstance(account, Account):
                return redirect_to_login(request.get_full_path())
            if self.is_for(account):
                return inner(request, *args, **kwargs)
            if request.method not in {"GET", "HEAD"}:
                raise PermissionDenied
            return redirect(self.elsewhere(request))

        return update_wrapper(guarded, inner)
