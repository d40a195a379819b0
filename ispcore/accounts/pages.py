"""What every admin of the portal shares: scoped rows, writes through operations, a page per row."""

from collections.abc import Callable, Sequence
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.contrib.admin.views.main import ChangeList
from django.contrib.admin.widgets import RelatedFieldWidgetWrapper
from django.core.exceptions import PermissionDenied, ValidationError
from django.db import IntegrityError, models
from django.db.models import ProtectedError, QuerySet, RestrictedError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.text import capfirst
from django.views.decorators.http import require_POST

from ispcore.accounts import history, security
from ispcore.accounts.freshness import AsksAgain
from ispcore.accounts.models import Account
from ispcore.accounts.roles import May
from ispcore.accounts.scope import narrow, visible
from ispcore.base.audit import Actor
from ispcore.base.audit_values import is_secret
from ispcore.base.faults import words_of
from ispcore.base.lists import BoundedList
from ispcore.base.selects import LongSelect
from ispcore.base.urls import urls_of

View = Callable[..., HttpResponseBase]


# ---- requests


def account_of(request: HttpRequest) -> Account:
    """Who asks. Raises PermissionDenied for nobody."""
    if not isinstance(request.user, Account):
        raise PermissionDenied
    return request.user


def actor_of(request: HttpRequest) -> Actor:
    return account_of(request).actor


def require(request: HttpRequest, capability: May) -> Account:
    """The account, if it has the capability. Raises PermissionDenied (403) otherwise."""
    account = account_of(request)
    if not account.may(capability):
        raise PermissionDenied
    return account


def back(request: HttpRequest, default: str) -> HttpResponseRedirect:
    """To the page a form was sent from (`next`, on this site only), else to `default`."""
    url = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(
        url, allowed_hosts={request.get_host()}, require_https=request.is_secure()
    )
    return HttpResponseRedirect(url if url and safe else default)


def posted(request: HttpRequest) -> Any:
    """What a form was sent with, also where that is nothing; None for a form that is only shown."""
    return request.POST if request.method == "POST" else None


def pk_of(text: str) -> int:
    """The primary key that an address or a form names; 0, which no row has, for what is none."""
    return int(text) if text.isdecimal() and len(text) <= 18 else 0


def typed(text: str, *, most: int = 100) -> str:
    """Words from an address or form: stripped, cut, and without NUL, which PostgreSQL refuses."""
    return text.replace("\0", "").strip()[:most]


def show_once(request: HttpRequest, account: Account, password: str) -> None:
    """A password that was made for somebody, on the next page and never again."""
    words = "The password of {} is <code>{}</code>. It is shown this once only."
    messages.warning(request, format_html(words, account.username, password))


# ---- admins


class OperationForm(forms.ModelForm):  # type: ignore[type-arg]
    """A form whose values an operation stores; what the operation refused is shown in it."""

    refused: ClassVar[str] = ""
    asker: ClassVar[Account | None] = None
    """Who asks for the form: it offers and takes only rows that this account sees."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.asker is not None:
            narrow(self, self.asker)

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean()
        if self.refused:
            raise ValidationError(self.refused)
        return cleaned


class ScopedAdmin(AsksAgain, BoundedList):
    """Shows the rows that `scope.visible` lets through, and writes by operations only.

    A subclass that can be edited overrides `store` and, where rows may go, `remove`. The faults
    in `refusals` come back as messages; whatever an operation did before one is undone.
    """

    form = OperationForm
    actions: Any = None
    list_per_page = 100
    empty_value_display = "none"
    refusals: tuple[type[Exception], ...] = ()
    labels: ClassVar[dict[str, tuple[str, ...]]] = {}
    """By foreign key: the columns that the label of a row is made of. A picker reads only these."""

    def store(self, request: HttpRequest, row: Any, form: Any, *, change: bool) -> None:
        """Call the operation that stores `row`."""
        raise PermissionDenied

    def remove(self, request: HttpRequest, row: Any) -> None:
        """Call the operation that deletes `row`."""
        raise PermissionDenied

    # -- pages beside the stock ones

    def page_urls(self) -> Sequence[URLPattern]:
        """Addresses under the model's own, made by `route`."""
        return []

    def route(self, pattern: str, view: View, name: str, *, post: bool = False) -> URLPattern:
        """A URL named admin:<app>_<model>_<name>; `post` refuses every other method."""
        wrapped = self.admin_site.admin_view(require_POST(view) if post else view)
        full = f"{self.opts.app_label}_{self.opts.model_name}_{name}"
        return path(pattern, wrapped, name=full)

    def get_urls(self) -> list[URLPattern]:
        return [*self.page_urls(), *super().get_urls()]

    def answer(
        self, request: HttpRequest, template: str, context: dict[str, Any], *, title: str
    ) -> TemplateResponse:
        """A page in the frame of the admin."""
        frame = self.admin_site.each_context(request) | {"opts": self.opts, "title": title}
        return TemplateResponse(request, template, frame | context)

    # -- what is seen

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return visible(super().get_queryset(request), request.user)

    def formfield_for_foreignkey(
        self, db_field: Any, request: HttpRequest, **kwargs: Any
    ) -> forms.ModelChoiceField | None:  # type: ignore[type-arg]
        related = kwargs.get("queryset", db_field.remote_field.model._default_manager.all())
        rows = visible(related, request.user)
        if columns := self.labels.get(db_field.name):
            joined = [column.rpartition("__")[0] for column in columns if "__" in column]
            rows = (rows.select_related(*joined) if joined else rows).only(*columns)
        kwargs["queryset"] = rows
        kwargs.setdefault("widget", LongSelect)
        kwargs.setdefault("empty_label", "none" if db_field.blank else "choose one")
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Pickers without the icons for pop-up windows, which would go around the pages."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if field is not None and isinstance(field.widget, RelatedFieldWidgetWrapper):
            field.widget = field.widget.widget
        return field

    def visible_or_404(self, request: HttpRequest, pk: Any) -> Any:
        """The row, where this account may see it; 404 hides what exists from those who may not."""
        row = self.get_queryset(request).filter(pk=pk_of(str(pk))).first()
        if row is None or not self.has_view_permission(request, row):
            security.denied_row(request, self.model, pk)
            raise Http404
        return row

    def get_list_filter(self, request: HttpRequest) -> Any:
        """A filter lists what exists (plans, routers): that is for those who see it all."""
        return super().get_list_filter(request) if account_of(request).sees_all else ()

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """By `?notes__startswith=` a tenant could spell out what its own page does not show, and anybody
        what no page shows."""
        if request is None or not account_of(request).sees_all:
            return False
        if any(is_secret(None, part) for part in lookup.split("__")):
            return False
        return super().lookup_allowed(lookup, value, request)

    def _get_obj_does_not_exist_redirect(
        self, request: HttpRequest, opts: Any, object_id: str
    ) -> HttpResponse:
        security.denied_row(request, self.model, object_id)
        raise Http404

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        can = type(self).remove is not ScopedAdmin.remove
        return can and super().has_delete_permission(request, obj)

    # -- writing

    def caught(self) -> tuple[type[Exception], ...]:
        return ValidationError, IntegrityError, ProtectedError, RestrictedError, *self.refusals

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[Any]:
        form = super().get_form(request, obj, change=change, **kwargs)
        form.refused = getattr(request, "refused", "")  # type: ignore[attr-defined]
        form.asker = account_of(request)  # type: ignore[attr-defined]
        return form

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        self.store(request, obj, form, change=change)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        self.remove(request, obj)

    def get_deleted_objects(
        self, objs: Any, request: HttpRequest
    ) -> tuple[list[Any], dict[str, int], set[str], list[Any]]:
        """Only the rows themselves: to list what hangs on them could mean a million samples."""
        rows = [str(row) for row in objs]
        return rows, {str(self.opts.verbose_name_plural): len(rows)}, set(), []

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        try:
            return super().changeform_view(request, object_id, form_url, extra_context)
        except self.caught() as error:
            # the same form again, now with the fault in it
            request.refused = words_of(error, self.model)  # type: ignore[attr-defined]
            return super().changeform_view(request, object_id, form_url, extra_context)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        try:
            return super().delete_view(request, object_id, extra_context)
        except self.caught() as error:
            messages.error(request, words_of(error, self.model))
            return redirect(request.path.removesuffix("delete/"))

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> Any:
        # not "Select reseller to change"
        title = {"title": capfirst(str(self.opts.verbose_name_plural))}
        try:
            return super().changelist_view(request, title | (extra_context or {}))
        except self.caught() as error:
            messages.error(request, words_of(error, self.model))
            return redirect(request.get_full_path())

    # -- the audit log is the history; the admin's own log would be a second truth

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        return None

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        return None

    def history_view(
        self, request: HttpRequest, object_id: str, extra_context: Any = None
    ) -> HttpResponse:
        row = self.visible_or_404(request, object_id)
        return history.page(self, request, row)


class PageList(ChangeList):
    """Rows of a stock list lead to the page of the object, not to its form."""

    def url_for_result(self, result: models.Model) -> str:
        return page_url(result)


def page_url(row: models.Model) -> str:
    """The address of the page of `row`."""
    meta = row._meta
    return urls_of(f"admin:{meta.app_label}_{meta.model_name}_page")(row.pk)


class PageAdmin(ScopedAdmin):
    """A model whose rows have a read page at <pk>/ (the stock admin has only a form)."""

    page_template = ""

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        """What the page's template needs beside what every page has."""
        raise NotImplementedError

    def page(self, request: HttpRequest, pk: int) -> HttpResponseBase:
        row = self.visible_or_404(request, pk)
        context = {"history_url": history.url(self, row)} | self.page_context(request, row)
        return self.answer(request, self.page_template, context, title=str(row))

    def get_urls(self) -> list[URLPattern]:
        return [self.route("<int:pk>/", self.page, "page"), *super().get_urls()]

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        return PageList

    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        row = self.visible_or_404(request, object_id)
        if not self.has_change_permission(request, row):
            if request.method == "POST":
                raise PermissionDenied
            return redirect(page_url(row))  # a form of grey fields says less than the page
        return super().change_view(request, object_id, form_url, extra_context)

    def response_post_save_add(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        return HttpResponseRedirect(page_url(obj))

    def response_post_save_change(self, request: HttpRequest, obj: Any) -> HttpResponseRedirect:
        return HttpResponseRedirect(page_url(obj))
