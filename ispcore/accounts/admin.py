"""Accounts: who may log in, as what, for whom."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html

from ispcore.accounts.freshness import ask_again
from ispcore.accounts.login_admin import LoginsOfAccount, RolePolicyAdmin
from ispcore.accounts.models import Account, RolePolicy
from ispcore.accounts.operations import accounts as operations
from ispcore.accounts.pages import OperationForm, ScopedAdmin, account_of, actor_of, posted
from ispcore.accounts.roles import Role
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

    class Meta:
        model = Account
        fields = ["username", "name", "email", "role", "tenant", "is_active"]
        help_texts = {
            "tenant": "whose people these are; empty for the operator's own staff",
            "is_active": "off: cannot log in, and open sessions end",
        }

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or {}
        _check_role(self, cleaned.get("role"), cleaned.get("tenant"))
        return cleaned


class NewAccountForm(AccountForm, PasswordFields):
    """A new account with its first password."""

    class Meta(AccountForm.Meta):
        fields = ["username", "email", "role", "tenant"]

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


@admin.register(Account)
class AccountAdmin(LoginsOfAccount, ScopedAdmin):
    """Accounts. Only a super user makes or changes super users; nobody locks out themselves."""

    list_display = ("username", "name", "role", "tenant", "logs_in", "last_seen")
    list_filter = ("role", "is_active")
    list_select_related = ("tenant",)
    readonly_fields = ("new_password", "open_sessions", "second_factor")
    asks_before_change = True
    search_fields = ("username", "name", "email", "tenant__name")

    def get_urls(self) -> list[URLPattern]:
        view = self.admin_site.admin_view(self.set_password)
        return [
            path("<int:pk>/password/", view, name="accounts_account_set_password"),
            *super().get_urls(),
        ]

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[Any]:
        kwargs["form"] = AccountForm if obj else NewAccountForm
        return super().get_form(request, obj, change=change, **kwargs)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj:
            return [
                ("Who", {"fields": ["username", "name", "email", "new_password"]}),
                ("What", {"fields": ["role", "tenant", "is_active"]}),
                ("Logins", {"fields": ["open_sessions", "second_factor"]}),
            ]
        return [
            ("Who", {"fields": ["username", "email"]}),
            ("What", {"fields": ["role", "tenant"]}),
            ("Password", {"fields": ["password", "again"]}),
        ]

    def formfield_for_choice_field(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "role" and not account_of(request).is_superuser:
            kwargs["choices"] = [c for c in Role.choices if c[0] != Role.SUPER_USER]
        return super().formfield_for_choice_field(db_field, request, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        if isinstance(obj, Account) and obj.role == Role.SUPER_USER:
            asks = request.user
            return isinstance(asks, Account) and asks.is_superuser
        return super().has_change_permission(request, obj)

    def store(self, request: HttpRequest, row: Account, form: Any, *, change: bool) -> None:
        if change:
            _keep_oneself(account_of(request), row)
            operations.save(row, by=actor_of(request))
            return
        chosen = form.cleaned_data["password"]
        password = chosen or operations.generate_password()
        made = operations.create(
            row.username,
            role=row.role,
            tenant=row.tenant,
            email=row.email,
            password=password,
            by=actor_of(request),
        )
        row.pk = made.pk
        if not chosen:
            _show_once(request, row, password)

    def set_password(self, request: HttpRequest, pk: int) -> HttpResponse:
        """A new password for somebody who lost theirs; their open sessions end."""
        account = self.visible_or_404(request, pk)
        if not self.has_change_permission(request, account):
            raise PermissionDenied
        if (asked := ask_again(request)) is not None:
            return asked
        form = PasswordForm(posted(request))
        url = reverse("admin:accounts_account_change", args=[pk])
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
                    _show_once(request, account, password)
                return redirect(url)
        context = self.admin_site.each_context(request) | {
            "opts": self.opts,
            "title": f"New password for {account}",
            "crumbs": [(account.username, url)],
            "form": form,
            "button": "Set password",
            "back_url": url,
        }
        return TemplateResponse(request, "portal/form.html", context)

    @admin.display(description="password")
    def new_password(self, account: Account) -> str:
        url = reverse("admin:accounts_account_set_password", args=[account.pk])
        return format_html('<a href="{}">Set a new password</a>', url)

    @admin.display(description="last login", ordering="last_login")
    def last_seen(self, account: Account) -> str:
        return ago(account.last_login)

    @admin.display(description="logs in", ordering="is_active")
    def logs_in(self, account: Account) -> str:
        if not account.is_active:
            return state("low", "Off")
        return state("ok", "Yes") if account.has_usable_password() else state("low", "No password")


admin.site.register(RolePolicy, RolePolicyAdmin)


def _keep_oneself(account: Account, row: Account) -> None:
    if row.pk != account.pk:
        return
    if not row.is_active or row.role != account.role:
        raise ValidationError(
            {"role": "This is your own account: somebody else has to change its role or end it."}
        )


def _show_once(request: HttpRequest, account: Account, password: str) -> None:
    messages.warning(
        request,
        format_html(
            "The password of {} is <code>{}</code>. It is shown this once only.",
            account.username,
            password,
        ),
    )
