"""Accounts: who may log in, as what, for whom."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils.html import format_html

from ispcore.accounts import granting, matrix_pages
from ispcore.accounts.authority import manages_account, roles_of
from ispcore.accounts.freshness import ask_again
from ispcore.accounts.granting import GrantsField, key_of
from ispcore.accounts.login_admin import LoginsOfAccount, RolePolicyAdmin
from ispcore.accounts.models import Account, ApiToken, RolePolicy
from ispcore.accounts.operations import accounts as operations
from ispcore.accounts.operations import grants
from ispcore.accounts.pages import (
    OperationForm,
    ScopedAdmin,
    account_of,
    actor_of,
    posted,
    require,
    show_once,
)
from ispcore.accounts.roles import May, Role
from ispcore.accounts.token_pages import ApiTokenAdmin, tokens_url
from ispcore.base.templatetags.isp import ago, state

STRONG = "At least 10 characters, not a common one. Leave both empty to have one generated."


class PasswordFields(forms.Form):
    """A password typed twice, or left empty to have one generated and shown once."""

    password = forms.CharField(
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        required=False,
        strip=False,
        help_text=STRONG,
    )
    again = forms.CharField(
        label="Password again",
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
        required=False,
        strip=False,
    )


def _twice(form: forms.BaseForm) -> None:
    if form.cleaned_data.get("password") != form.cleaned_data.get("again"):
        form.add_error("again", "The two passwords differ.")


class AccountForm(OperationForm):
    """An account without its password."""

    grants = GrantsField()

    class Meta:
        model = Account
        fields = ["username", "name", "email", "role", "tenant", "is_active"]
        help_texts = {
            "tenant": "whose people these are; empty for the operator's own staff",
            "is_active": "off: cannot log in, and open sessions end",
        }

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        tenant = cleaned.get("tenant") if "tenant" in self.fields else self.instance.tenant
        _check_role(self, cleaned.get("role"), tenant)
        return cleaned


class NewAccountForm(AccountForm, PasswordFields):
    """A new account with its first password."""

    class Meta(AccountForm.Meta):
        fields = ["username", "email", "role", "tenant", "is_machine"]
        help_texts = AccountForm.Meta.help_texts | {
            "is_machine": "another system: it has no password, but API tokens, and no session"
        }

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        _twice(self)
        return cleaned


class PasswordForm(PasswordFields):
    """A new password for an account."""

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        _twice(self)
        return cleaned


def _check_role(form: forms.BaseForm, role: Any, tenant: Any) -> None:
    """The database's rule, said at the field that a person would change."""
    if role == Role.CLIENT and tenant is None:
        form.add_error("tenant", "A client needs a tenant.")
    if role in {Role.SUPER_USER, Role.ADMIN} and tenant is not None:
        form.add_error("tenant", "A super user or administrator has no tenant.")


admin.site.register(ApiToken, ApiTokenAdmin)
admin.site.register(RolePolicy, RolePolicyAdmin)


@admin.register(Account)
class AccountAdmin(LoginsOfAccount, ScopedAdmin):
    """Accounts. Nobody makes or changes one above their own; nobody locks out themselves."""

    list_display = ("username", "name", "role", "tenant", "logs_in", "last_seen")
    list_filter = ("role", "is_active")
    list_select_related = ("tenant",)
    labels = {"tenant": ("name",)}
    readonly_fields = ("new_password", "open_sessions", "second_factor")
    asks_before_change = True
    search_fields = ("username", "name", "email", "tenant__name")

    def page_urls(self) -> Sequence[URLPattern]:
        return [
            self.route("<int:pk>/password/", self.set_password, "set_password"),
            self.route("matrix/", self.matrix, "matrix"),
            self.route("objects.json", self.objects, "objects"),
            *super().page_urls(),
        ]

    def url_of(self, name: str, *args: Any) -> str:
        """An address of this admin on the site where it is asked."""
        full = f"admin:accounts_account_{name}"
        return reverse(full, args=args, current_app=self.admin_site.name)

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[Any]:
        kwargs["form"] = AccountForm if obj else NewAccountForm
        form = super().get_form(request, obj, change=change, **kwargs)
        del form.base_fields["grants"]
        if obj and self._may_narrow(request, obj):
            form.base_fields["grants"] = GrantsField(obj, url=self.url_of("objects"))
        return form

    def _may_narrow(self, request: HttpRequest, account: Account) -> bool:
        """Chosen objects are for roles under the administrator, and chosen by staff."""
        asks = account_of(request)
        may = asks.is_staff and manages_account(asks, account)
        return may and account.role not in {Role.SUPER_USER, Role.ADMIN}

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        is_staff = account_of(request).is_staff
        tenant, machine = (["tenant"], ["is_machine"]) if is_staff else ([], [])
        if obj:
            narrowed = ["grants"] if self._may_narrow(request, obj) else []
            own = self.has_change_permission(request, obj)
            return [
                ("Who", {"fields": ["username", "name", "email", *(["new_password"] * own)]}),
                ("What", {"fields": ["role", *tenant, "is_active", *narrowed]}),
                ("Logins", {"fields": ["open_sessions", "second_factor"]}),
            ]
        return [
            ("Who", {"fields": ["username", "email"]}),
            ("What", {"fields": ["role", *tenant, *machine]}),
            ("Password", {"fields": ["password", "again"]}),
        ]

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "role":
            asks = account_of(request)
            given = {*roles_of(asks), asks.role if _is_about(request, asks) else ""}
            kwargs["choices"] = [choice for choice in Role.choices if choice[0] in given]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if not super().has_change_permission(request, obj) or not isinstance(obj, Account):
            return super().has_change_permission(request, obj)
        asks = account_of(request)
        return obj.pk == asks.pk or manages_account(asks, obj)

    def store(self, request: HttpRequest, row: Account, form: Any, *, change: bool) -> None:
        if change:
            operations.save(row, by=actor_of(request))
            if "grants" in form.cleaned_data:
                keys = [key_of(value) for value in form.cleaned_data["grants"]]
                grants.replace(row, keys, by=actor_of(request))
            return
        asks = account_of(request)
        if not asks.is_staff:
            row.tenant = asks.tenant
        chosen = form.cleaned_data["password"]
        password = None if row.is_machine else chosen or operations.generate_password()
        made = operations.create(
            row.username,
            role=row.role,
            tenant=row.tenant,
            email=row.email,
            password=password,
            by=actor_of(request),
        )
        row.pk = made.pk
        if password and not chosen:
            show_once(request, row, password)

    def set_password(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A new password for somebody who lost theirs; their open sessions end."""
        account = self.visible_or_404(request, pk)
        if not self.has_change_permission(request, account):
            raise PermissionDenied
        if (asked := ask_again(request)) is not None:
            return asked
        form = PasswordForm(posted(request))
        url = self.url_of("change", pk)
        if request.method == "POST" and form.is_valid():
            chosen = form.cleaned_data["password"]
            password = chosen or operations.generate_password()
            try:
                operations.set_password(account, password=password, by=actor_of(request))
            except ValidationError as error:
                form.add_error("password", error)
            else:
                messages.success(request, f"{account} has a new password.")
                if not chosen:
                    show_once(request, account, password)
                return redirect(url)
        context = {
            "crumbs": [(account.username, url)],
            "form": form,
            "button": "Set password",
            "back_url": url,
        }
        title = f"New password for {account}"
        return self.answer(request, "portal/form.html", context, title=title)

    # -- roles and chosen objects

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> Any:
        url = self.url_of("matrix") if account_of(request).sees_all else ""
        return super().changelist_view(request, {"matrix_url": url} | (extra_context or {}))

    def matrix(self, request: HttpRequest) -> HttpResponse:
        """What each role may, as one table; a super user changes it."""
        found = matrix_pages.page(request)
        if isinstance(found, HttpResponse):
            return found
        context = found | {"back_url": self.url_of("changelist"), "own_url": self.url_of("matrix")}
        page = "matrix_confirm" if "changes" in found else "matrix"
        return self.answer(request, f"portal/accounts/{page}.html", context, title="What roles may")

    def objects(self, request: HttpRequest) -> HttpResponse:
        """What an account can be narrowed to, as the field on its page asks for it."""
        if not require(request, May.EDIT_ACCOUNTS).is_staff:
            raise PermissionDenied
        return granting.answer(request, self.admin_site)

    @admin.display(description="password")
    def new_password(self, account: Account) -> str:
        if account.is_machine:
            return format_html('<a href="{}">API tokens</a>', tokens_url(account))
        url = self.url_of("set_password", account.pk)
        return format_html('<a href="{}">Set a new password</a>', url)

    @admin.display(description="last login", ordering="last_login")
    def last_seen(self, account: Account) -> str:
        return ago(account.last_login)

    @admin.display(description="logs in", ordering="is_active")
    def logs_in(self, account: Account) -> str:
        if not account.is_active:
            return state("low", "Off")
        if account.is_machine:
            return state("ok", "By API token")
        return state("ok", "Yes") if account.has_usable_password() else state("low", "No password")


def _is_about(request: HttpRequest, account: Account) -> bool:
    """Whether the page is the account's own."""
    match = request.resolver_match
    return match is not None and match.kwargs.get("object_id") == str(account.pk)
