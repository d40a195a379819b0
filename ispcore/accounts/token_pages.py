"""API tokens in the admin: a list, a form that shows a new one once, and a page to revoke it."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse

from ispcore.accounts import token_scopes
from ispcore.accounts.authority import manages_account
from ispcore.accounts.models import Account, ApiToken
from ispcore.accounts.operations import api_tokens as operations
from ispcore.accounts.operations.api_tokens import LONGEST_DAYS, AlreadyRevoked
from ispcore.accounts.pages import OperationForm, PageAdmin, account_of, actor_of, page_url, require
from ispcore.accounts.roles import May
from ispcore.accounts.scope import visible
from ispcore.base import clock
from ispcore.base.templatetags.isp import ago, state


class ApiTokenForm(OperationForm):
    """A new token: for whom, for what, until when, from where."""

    scopes = forms.MultipleChoiceField(
        choices=token_scopes.choices,
        widget=forms.CheckboxSelectMultiple(attrs={"class": "radiolist"}),  # wide labels
        help_text="It can do no more than its account may, and of that only what is ticked here.",
    )
    days = forms.IntegerField(
        label="Good for, days", initial=90, min_value=1, max_value=LONGEST_DAYS
    )
    networks = forms.CharField(
        label="Allowed networks",
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text="addresses or networks, as 203.0.113.0/24, one a line; empty: from anywhere",
    )

    class Meta:
        model = ApiToken
        fields = ["account", "name", "rate_per_min"]
        help_texts = {
            "account": "a machine account; make one under Accounts",
            "rate_per_min": "more than that is answered with 429",
        }


class ApiTokenAdmin(PageAdmin):
    """API tokens of machine accounts. They are not changed: revoke one, and make another."""

    form = ApiTokenForm
    asks_before_change = True  # a new one is a way in for months
    page_template = "portal/token.html"
    list_display = ("name", "account", "begins", "may", "expires", "last_used", "works")
    list_filter = (("account", admin.RelatedOnlyFieldListFilter),)
    more_lookups = ("account",)
    list_select_related = ("account",)
    search_fields = ("name", "account__username", "start")
    empty_hint = "Other systems use the portal by a token of a machine account: add one."
    fieldsets = (
        ("Whose", {"fields": ("account", "name")}),
        ("What", {"fields": ("scopes",)}),
        ("Limits", {"fields": ("days", "networks", "rate_per_min")}),
    )

    def page_urls(self) -> Sequence[URLPattern]:
        return [self.route("<int:pk>/revoke/", self.revoke, "revoke")]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        return super().changelist_view(request, {"title": "API tokens"} | (extra_context or {}))

    def get_queryset(self, request: HttpRequest) -> QuerySet[ApiToken]:
        return super().get_queryset(request).select_related("account")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return account_of(request).is_staff and super().has_add_permission(request)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "account":
            kwargs["queryset"] = _machines(account_of(request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def store(self, request: HttpRequest, row: ApiToken, form: Any, *, change: bool) -> None:
        if change or row.account not in _machines(account_of(request)):
            raise PermissionDenied
        given = form.cleaned_data
        token, text = operations.create(
            row.account,
            name=row.name,
            scopes=given["scopes"],
            expires_at=clock.now() + timedelta(days=given["days"]),
            allowed_networks=given["networks"].replace(",", "\n").splitlines(),
            rate_per_min=row.rate_per_min,
            by=actor_of(request),
        )
        row.pk = token.pk
        request.new_token = text  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """The token in the answer itself: it is stored nowhere, not even for a redirect."""
        token = self.visible_or_404(request, obj.pk)
        context = self.page_context(request, token) | {"new_token": request.new_token}  # type: ignore[attr-defined]
        response = self.answer(request, self.page_template, context, title=str(token))
        response.headers["Cache-Control"] = "no-store"
        return response

    def page_context(self, request: HttpRequest, row: ApiToken) -> dict[str, Any]:
        may_revoke = manages_account(account_of(request), row.account)
        scopes = [_words(scope) for scope in row.scopes]
        return {"token": row, "scopes": scopes, "may_revoke": may_revoke}

    def revoke(self, request: HttpRequest, pk: int) -> HttpResponse:
        require(request, May.EDIT_ACCOUNTS)
        token = self.visible_or_404(request, pk)
        if not manages_account(account_of(request), token.account):
            raise PermissionDenied  # an administrator does not end what a super user has set up
        if request.method != "POST":
            return self._confirm(request, token)
        try:
            operations.revoke(token, by=actor_of(request))
        except AlreadyRevoked as fault:
            messages.error(request, f"{fault}. Nothing was changed.")
        else:
            messages.success(request, f"{token}: revoked. Sockets opened with it end in a minute.")
        return redirect(page_url(token))

    def _confirm(self, request: HttpRequest, token: ApiToken) -> HttpResponse:
        url = page_url(token)
        context = {
            "crumbs": [(token.name, url)],
            "form": forms.Form(),
            "button": "Revoke",
            "back_url": url,
            "lead": "What uses it is refused at once. It cannot be given back: a new one is made.",
        }
        return self.answer(request, "portal/form.html", context, title=f"Revoke {token.name}")

    @admin.display(description="begins with", ordering="start")
    def begins(self, token: ApiToken) -> str:
        return f"{token.start}…"

    @admin.display(description="may")
    def may(self, token: ApiToken) -> str:
        return token_scopes.words(token.scopes)

    @admin.display(description="expires", ordering="expires_at")
    def expires(self, token: ApiToken) -> str:
        local = token.expires_at.astimezone(clock.isp_zone())
        return f"{local.day} {local:%b %Y}"

    @admin.display(description="last use", ordering="last_used_at")
    def last_used(self, token: ApiToken) -> str:
        return ago(token.last_used_at)

    @admin.display(description="state", ordering="revoked_at")
    def works(self, token: ApiToken) -> str:
        if token.revoked_at is not None:
            return state("low", "Revoked")
        if token.expires_at <= clock.now():
            return state("low", "Expired")
        return state("ok", "Good") if token.account.is_active else state("low", "Account off")


def tokens_url(account: Account) -> str:
    """The list of an account's tokens."""
    return f"{reverse('admin:accounts_apitoken_changelist')}?account__id__exact={account.pk}"


def _machines(asks: Account) -> QuerySet[Account]:
    """Accounts for which `asks` may make tokens: those it manages, so none above its own."""
    rows = visible(Account.objects.filter(is_machine=True, is_active=True), asks)
    return rows.filter(pk__in=[each.pk for each in rows if manages_account(asks, each)])


def _words(scope: str) -> str:
    return dict(token_scopes.choices()).get(scope, scope)
