"""What the parts of /my/ share: a section is an entry of the menu with its pages."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.views.decorators.http import require_POST, require_safe

from ispcore.accounts.models import Account, Tenant
from ispcore.accounts.pages import account_of, require
from ispcore.accounts.roles import May
from ispcore.accounts.scope import visible
from resellers.models import Reseller

View = Callable[..., HttpResponseBase]


class Site(Protocol):
    """What a section needs of the site it belongs to."""

    def admin_view(self, view: View, cacheable: bool = False) -> View: ...
    def each_context(self, request: HttpRequest) -> dict[str, Any]: ...


class Section:
    """One entry of the menu; `start` is the name of its first page, and of the section itself."""

    start: str
    label: str
    icon: str
    key: str = ""
    """The key behind `g` that goes there."""

    def __init__(self, site: Site) -> None:
        self.site = site

    @property
    def url(self) -> str:
        return reverse(f"my:{self.start}")

    def urls(self) -> Sequence[URLPattern]:
        """Its pages, made by `route`, `form` and `button`."""
        raise NotImplementedError

    def is_for(self, account: Account) -> bool:
        return account.may(May.VIEW)

    def route(self, pattern: str, view: View, name: str) -> URLPattern:
        """A page named my:<name>, which is only read, by who may see."""

        def page(request: HttpRequest, **found: Any) -> HttpResponseBase:
            require(request, May.VIEW)
            return view(request, **found)

        return path(pattern, self.site.admin_view(require_safe(page)), name=name)

    def form(self, pattern: str, view: View, name: str) -> URLPattern:
        """A page with a form on it, which is sent to the same address."""
        return path(pattern, self.site.admin_view(view), name=name)

    def button(self, pattern: str, view: View, name: str) -> URLPattern:
        """What only a form can ask for."""
        return path(pattern, self.site.admin_view(require_POST(view)), name=name)

    def page(
        self, request: HttpRequest, template: str, context: dict[str, Any], *, title: str
    ) -> TemplateResponse:
        """A page in the frame of the site."""
        frame = self.site.each_context(request) | {"title": title, "section": self.start}
        return TemplateResponse(request, template, frame | context)

    def form_page(
        self,
        request: HttpRequest,
        form: Any,
        *,
        title: str,
        button: str,
        back_url: str,
        lead: str,
        back_label: str = "",
    ) -> TemplateResponse:
        """A page with one form on it."""
        context = {"form": form, "button": button, "back_url": back_url, "lead": lead}
        context["back_label"] = back_label or self.label
        return self.page(request, "my/form.html", context, title=title)


def tenant_of(request: HttpRequest) -> Tenant:
    """Whose people ask. Raises Http404 for staff, who have no tenant (and another site)."""
    tenant = account_of(request).tenant
    if tenant is None:
        raise Http404
    return tenant


def reseller_of(request: HttpRequest) -> Reseller | None:
    """The reseller behind the tenant of whoever asks; None before the provider has made one."""
    rows = Reseller.objects.select_related("tenant", "plan")
    return visible(rows, request.user).first()


def done(request: HttpRequest, words: str, url: str) -> HttpResponse:
    """Back to a page, with what was done on it."""
    messages.success(request, words)
    return redirect(url)
