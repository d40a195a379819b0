"""Subscribers: list, search, page and form; what is done with one and with many is beside this."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ispcore.accounts.pages import PageList, account_of, actor_of, page_url
from ispcore.accounts.scope import visible
from ispcore.base import clock
from ispcore.base.lists import LONGEST_SEARCH, FewRows
from ispcore.base.templatetags.isp import last_day, state
from subscribers.admin.actions import SubscriberActions
from subscribers.admin.bulk import BulkActions
from subscribers.admin.importing import Importing
from subscribers.admin.reconciling import Reconciling
from subscribers.forms import NewSubscriberForm, SubscriberForm
from subscribers.models import Package, Subscriber
from subscribers.operations import subscribers as operations
from subscribers.operations.strangers import MadeByHand
from subscribers.pages import states, subscriber_page
from subscribers.pages.finding import fitting

CONTACT = ("Contact", {"fields": ("full_name", "phone", "email", "address", "notes")})
MADE = "is made, active from now on"
LINE = ("device_limit", "ipv4", "ipv6_prefix", "delegated_prefix")


class Expiry(admin.SimpleListFilter):
    """By when they run out."""

    title = "expiry"
    parameter_name = "expiry"
    SPANS = {"3": "Within 3 days", "7": "Within 7 days", "30": "Within 30 days"}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [*self.SPANS.items(), ("past", "Past"), ("none", "No end")]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        chosen, now = self.value(), clock.now()
        if chosen in self.SPANS:
            until = now + timedelta(days=int(str(chosen)))
            return queryset.filter(expires_at__gt=now, expires_at__lte=until)
        if chosen == "past":
            return queryset.filter(expires_at__lte=now)
        return queryset.filter(expires_at=None) if chosen == "none" else queryset


class SubscriberList(PageList):
    """A list needs nobody's password."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        return super().get_queryset(request, exclude_parameters).defer("radius_password")


@admin.register(Subscriber)
class SubscriberAdmin(BulkActions, SubscriberActions, Importing, Reconciling):
    """Lines that log in; each has a page that says whether it may, and what FreeRADIUS has of it."""

    page_template = "portal/subscriber/page.html"
    change_list_template = "portal/subscriber/list.html"
    add_form_template = change_form_template = "portal/subscriber/form.html"
    delete_confirmation_template = "portal/subscriber/delete.html"
    list_display = (*("username", "status_word", "who", "package_name", "expires", "number"),)
    list_filter = ("status", Expiry, "service", ("package", FewRows), ("tenant", FewRows))
    list_select_related = ("tenant", "package")
    search_fields = ("username_key",)
    search_help_text = (
        "username, name, phone, account number, MAC or IP address (also of who is online with it)"
    )
    ordering = ("username_key",)
    show_full_result_count = False
    empty_hint = (
        "No subscriber yet. Add one here, many from a CSV file by Import, or by "
        "manage.py create_subscriber; they need a package first."
    )

    def page_urls(self) -> Sequence[URLPattern]:
        return [*self.action_urls(), *self.import_urls(), *self.reconcile_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Subscriber]:
        rows: QuerySet[Subscriber] = super().get_queryset(request)
        return rows.select_related("tenant", "package", "next_package")

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PageList]:
        return SubscriberList

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        text = search_term[:LONGEST_SEARCH].replace("\0", "")
        return fitting(queryset, text, online=True), False

    # -- the page

    def page_context(self, request: HttpRequest, row: Subscriber) -> dict[str, Any]:
        may_change = self.has_change_permission(request, row)
        return subscriber_page.spots(row) | {
            "actions": self.action_links(row) if may_change else {},
            "package_url": page_url(row.package),
        }

    # -- writing

    def get_form(
        self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any
    ) -> type[Any]:
        kwargs["form"] = SubscriberForm if obj else NewSubscriberForm
        form = super().get_form(request, obj, change=change, **kwargs)
        if by_hand := getattr(request, "made_by_hand", None):  # said beside the username
            form.refused, form.made_by_hand = "", by_hand
        return form

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        if obj is not None:
            return [(None, {"fields": LINE}), CONTACT]
        first = ("package", "username", "take_over", "radius_password", "until")
        return [(None, {"fields": first}), ("Line", {"fields": ("mac", *LINE)}), CONTACT]

    def store(self, request: HttpRequest, row: Subscriber, form: Any, *, change: bool) -> None:
        by = actor_of(request)
        if change:
            self.once(
                request,
                lambda: operations.edit(row, changes=form.changes, seen=form.shown, by=by),
                lambda made: {"pk": made.pk, "said": f"{made} is stored."},
            )
            return
        take_over = form.cleaned_data["take_over"]
        try:
            self.once(
                request,
                lambda: operations.create(row, by=by, take_over=take_over),
                lambda made: {
                    "pk": made.pk,
                    "said": MADE if form.made_up else f"{made} {MADE}.",
                    "password": form.made_up,
                },
            )
        except MadeByHand as error:
            request.made_by_hand = error  # type: ignore[attr-defined]
            raise
        request.made_up = form.made_up  # type: ignore[attr-defined]

    def response_add(
        self, request: HttpRequest, obj: Any, post_url_continue: str | None = None
    ) -> HttpResponse:
        """A password that was made up, in the answer itself: it is shown nowhere again."""
        if made_up := getattr(request, "made_up", ""):
            return self.password_answer(request, obj, made_up, {"said": MADE})
        return super().response_add(request, obj, post_url_continue)

    def remove(self, request: HttpRequest, row: Subscriber) -> None:
        reason = request.POST.get("reason", "").replace("\0", "")[:200]
        operations.delete(row, by=actor_of(request), reason=reason)

    def packages_for(self, request: HttpRequest) -> QuerySet[Package]:
        return visible(Package.objects.all(), account_of(request))

    # -- columns

    @admin.display(description="name", ordering="full_name")
    def who(self, subscriber: Subscriber) -> SafeString:
        return _two(subscriber.full_name or "no name", subscriber.phone)

    @admin.display(description="package", ordering="package__name")
    def package_name(self, subscriber: Subscriber) -> SafeString:
        return _two(subscriber.package.name, subscriber.tenant.name)

    @admin.display(description="account", ordering="account_number")
    def number(self, subscriber: Subscriber) -> str:
        return subscriber.account_number

    @admin.display(description="status", ordering="status")
    def status_word(self, subscriber: Subscriber) -> SafeString:
        return state(*states.shown_status(subscriber, clock.now()))

    @admin.display(description="expires", ordering="expires_at")
    def expires(self, subscriber: Subscriber) -> SafeString | str:
        at = subscriber.expires_at
        if at is None:
            return "no end"
        return format_html(
            '<time datetime="{}" title="{}">{}</time>',
            at.isoformat(timespec="seconds"),
            states.day_and_time(at),
            last_day(at),
        )


def _two(first: str, second: str) -> SafeString:
    """Two lines of a cell, the second a quiet one."""
    return format_html('{}<span class="what">{}</span>', first, second)
