"""What the admin shows and does about logins: an account's sessions, its second factor, and what
each role is asked for."""

from collections.abc import Sequence
from typing import Any

from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils.html import format_html

from ispcore.accounts.freshness import ask_again
from ispcore.accounts.models import Account, RolePolicy
from ispcore.accounts.operations import api_logins, policies, second_factors, sessions
from ispcore.accounts.pages import OperationForm, ScopedAdmin, account_of, actor_of, posted
from ispcore.accounts.roles import Role
from ispcore.base.templatetags.isp import duration, plural, state

KINDS = {"totp": "app", "webauthn": "security key", "recovery_codes": "recovery codes"}


class ReasonForm(forms.Form):
    """Why somebody's second factor is taken away: it is how accounts are taken over."""

    reason = forms.CharField(
        max_length=200, help_text="how you made sure that it is their account; goes into the log"
    )


class LoginsOfAccount(ScopedAdmin):
    """Two pages of an account: end its sessions, take its second factor away."""

    def page_urls(self) -> Sequence[URLPattern]:
        return [
            *super().page_urls(),
            self.route("<int:pk>/sessions/", self.end_sessions, "end_sessions"),
            self.route("<int:pk>/second-factor/", self.reset_second_factor, "second_factor"),
        ]

    def end_sessions(self, request: HttpRequest, pk: int) -> HttpResponse:
        """Log an account out of every browser (one's own stays, where it is one's own account) and
        every API client."""
        account = self._changeable(request, pk)
        if request.method == "POST":
            own = request.session.session_key or ""
            count = sessions.end_all(account, by=actor_of(request), but=own)
            clients = api_logins.end_all(account, by=actor_of(request))
            where = f"{plural(count, 'browser')} and {plural(clients, 'API client')}"
            messages.success(request, f"{account} was logged out of {where}.")
            return redirect(_form_of(account))
        return self._confirm(
            request,
            account,
            forms.Form(),
            title=f"Log {account} out everywhere",
            button="Log out",
            lead="Pages that are open say so within a minute. Who has the password may come back.",
        )

    def reset_second_factor(self, request: HttpRequest, pk: int) -> HttpResponse:
        """For who lost phone and codes."""
        account = self._changeable(request, pk)
        if (asked := ask_again(request)) is not None:
            return asked
        form = ReasonForm(posted(request))
        if request.method == "POST" and form.is_valid():
            reason = form.cleaned_data["reason"]
            second_factors.reset(account, by=actor_of(request), reason=reason)
            messages.success(request, f"{account} has no second factor now, and is logged out.")
            return redirect(_form_of(account))
        return self._confirm(
            request,
            account,
            form,
            title=f"Take the second factor of {account} away",
            button="Take it away",
            lead="App, security keys and recovery codes stop working, and all sessions end.",
        )

    def _changeable(self, request: HttpRequest, pk: int) -> Account:
        account: Account = self.visible_or_404(request, pk)
        if not self.has_change_permission(request, account):
            raise PermissionDenied
        return account

    def _confirm(
        self, request: HttpRequest, account: Account, form: forms.Form, *, title: str, **words: str
    ) -> HttpResponse:
        url = _form_of(account)
        context = words | {"form": form, "crumbs": [(account.username, url)], "back_url": url}
        return self.answer(request, "portal/form.html", context, title=title)

    @admin.display(description="open sessions")
    def open_sessions(self, account: Account) -> str:
        count = UserSession.objects.filter(user=account).count()
        url = reverse("admin:accounts_account_end_sessions", args=[account.pk])
        return format_html('{} · <a href="{}">Log out everywhere</a>', count or "none", url)

    @admin.display(description="second factor")
    def second_factor(self, account: Account) -> str:
        rows = Authenticator.objects.filter(user=account).order_by("pk")
        kinds = list(dict.fromkeys(KINDS[row.type] for row in rows))
        if not kinds:
            return state("low", "None")
        url = reverse("admin:accounts_account_second_factor", args=[account.pk])
        return format_html('{} · <a href="{}">Take it away</a>', ", ".join(kinds), url)


def _form_of(account: Account) -> str:
    return reverse("admin:accounts_account_change", args=[account.pk])


class RolePolicyForm(OperationForm):
    """The rules of one role."""

    class Meta:
        model = RolePolicy
        fields = ["needs_second_factor", "idle_timeout_s"]


class RolePolicyAdmin(ScopedAdmin):
    """What each role is asked for at the login. Super users alone decide for super users."""

    form = RolePolicyForm
    asks_before_change = True
    list_display = ("role", "asks_for", "idle")

    def store(self, request: HttpRequest, row: RolePolicy, form: Any, *, change: bool) -> None:
        policies.save(row, by=actor_of(request))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # there is one for each role

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if isinstance(obj, RolePolicy) and obj.role == Role.SUPER_USER:
            return account_of(request).is_superuser
        return super().has_change_permission(request, obj)

    @admin.display(description="second factor", ordering="needs_second_factor")
    def asks_for(self, policy: RolePolicy) -> str:
        if policy.needs_second_factor:
            return state("ok", "Required")
        return state("low", "By choice")

    @admin.display(description="idle time-out", ordering="idle_timeout_s")
    def idle(self, policy: RolePolicy) -> str:
        return duration(policy.idle_timeout_s)
