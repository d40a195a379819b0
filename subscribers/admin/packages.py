"""Packages: list, page, and the form that tells what its rates come to."""

from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils.functional import SimpleLazyObject
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ispcore.accounts.pages import account_of, actor_of, page_url, pk_of, require
from ispcore.accounts.roles import May
from ispcore.accounts.scope import visible
from ispcore.base.lists import FewRows, how_many
from ispcore.base.templatetags.isp import bps, plural
from subscribers import projection
from subscribers.admin.provisioned import ProvisionedAdmin
from subscribers.forms import PackageForm
from subscribers.models import Package, Subscriber
from subscribers.operations import packages as operations
from subscribers.pages import previews, states
from subscribers.pages.previews import Preview
from subscribers.pages.radius_side import asked
from subscribers.pages.truth import of_package, seconds_words

LINES = (
    (None, ("tenant", "name", "service")),
    ("Rate", (("down_bps", "up_bps"),)),
    (
        "Burst",
        (
            *(("burst_down_bps", "burst_up_bps"), ("threshold_down_bps", "threshold_up_bps")),
            *(("burst_down_s", "burst_up_s"), "priority", ("least_down_bps", "least_up_bps")),
        ),
    ),
    ("Validity and price", (("validity", "validity_days"), ("price", "currency"))),
    (
        "Quota",
        ("quota_octets", "past_quota", ("throttled_down_bps", "throttled_up_bps")),
    ),
    ("Sessions", ("device_limit", ("session_timeout_s", "idle_timeout_s"), "interim_s")),
    (
        "Addresses",
        (
            *("ipv4_pool", "ipv4_networks", "ipv6_pool", "delegated_pool", "ipv6_networks"),
            "address_list",
        ),
    ),
    (
        "Walled garden",
        ("when_blocked", "walled_list", ("walled_down_bps", "walled_up_bps")),
    ),
)


@admin.register(Package)
class PackageAdmin(ProvisionedAdmin):
    """Packages, whose rows in FreeRADIUS all their subscribers share."""

    form = PackageForm
    page_template = "portal/package/page.html"
    delete_confirmation_template = "portal/package/delete.html"
    add_form_template = change_form_template = "portal/package/form.html"
    list_display = (
        *("name", "tenant", "kind", "down", "up", "valid_for", "quota", "price_words"),
        "subscriber_count",
    )
    list_filter = ("service", ("tenant", FewRows))
    list_select_related = ("tenant",)
    labels = {"tenant": ("name",)}
    search_fields = ("name", "tenant__name")
    search_help_text = "name or tenant"
    ordering = ("tenant__name", "name")
    fieldsets = tuple((title, {"fields": fields}) for title, fields in LINES)
    empty_hint = (
        "No package yet. A package is what subscribers buy: rates, limits, validity, quota, price. "
        "It belongs to a reseller, or to your own business, entered as one. Then come its "
        "subscribers, by hand or from a CSV file."
    )

    def page_urls(self) -> Sequence[URLPattern]:
        return [self.route("preview/", self.preview, "preview", post=True)]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Package]:
        rows: QuerySet[Package] = super().get_queryset(request).select_related("tenant")
        return rows.annotate(members=how_many(Subscriber.objects.all(), "package"))

    # -- the page

    def page_context(self, request: HttpRequest, row: Any) -> dict[str, Any]:
        sides, fault = asked(lambda: of_package(row))
        return {
            "package": row,
            "facts": _facts(row),
            "group": projection.group_of(row.pk),
            "sides": sides,
            "radius_fault": fault,
            "members_url": members_url(row),
            "to_come": visible(
                Subscriber.objects.filter(next_package=row), account_of(request)
            ).count(),
            "actions": self._actions(request, row),
        }

    def _actions(self, request: HttpRequest, row: Any) -> dict[str, str]:
        if not self.has_change_permission(request, row):
            return {}
        return {
            name: reverse(f"admin:subscribers_package_{name}", args=[row.pk])
            for name in ("change", "delete")
        }

    # -- what is typed, told as it will be

    def preview(self, request: HttpRequest) -> HttpResponse:
        """A fragment: the rate limit in words and as the router gets it, and who follows."""
        require(request, May.EDIT_PACKAGES)
        stored = self._stored(request, request.POST.get("package", ""))
        context = {"preview": previews.of_form(self._typed(request, stored, request.POST), stored)}
        return self.answer(request, "portal/package/preview.html", context, title="Preview")

    def _typed(self, request: HttpRequest, stored: Package | None, given: Any) -> Any:
        """A form of its own, since it changes its instance."""
        form = self.get_form(request, stored, change=stored is not None)
        return form(given, instance=self._stored(request, str(stored.pk)) if stored else None)

    def _stored(self, request: HttpRequest, pk: str) -> Package | None:
        return self.get_queryset(request).filter(pk=pk_of(pk)).first() if pk else None

    def _shown(self, request: HttpRequest, object_id: str | None) -> Preview | None:
        """Of the form as the page has it, which may be filled anew: somebody else has changed the
        package. Asked as the page is written, after what was sent has been refused."""
        stored = self._stored(request, object_id or "")
        if request.method != "POST":
            return previews.of_package(stored) if stored else None
        form = self._typed(request, stored, request.POST)
        form.is_valid()
        return previews.of_form(self._typed(request, stored, form.data), stored)

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        shown = SimpleLazyObject(lambda: self._shown(request, object_id))
        context = {"preview": shown, "package_pk": pk_of(object_id or "") or ""}
        return super().changeform_view(
            request, object_id, form_url, context | (extra_context or {})
        )

    # -- writing

    def store(self, request: HttpRequest, row: Package, form: Any, *, change: bool) -> None:
        by = actor_of(request)

        def do() -> Package:
            if change:
                return operations.edit(row, changes=form.changes, seen=form.shown, by=by)
            return operations.create(row, by=by)

        self.once(
            request,
            do,
            lambda made: {"pk": made.pk, "said": f"{made} is stored."},
        )

    def remove(self, request: HttpRequest, row: Package) -> None:
        operations.delete(row, by=actor_of(request))

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        row = self._stored(request, object_id)
        if row is not None and self.has_delete_permission(request, row):
            used = Subscriber.objects.filter(Q(package=row) | Q(next_package=row)).count()
            if used:
                messages.error(request, _in_use(row, used))
                return redirect(page_url(row))
        return super().delete_view(request, object_id, extra_context)

    # -- columns

    @admin.display(description="type", ordering="service")
    def kind(self, package: Package) -> str:
        return package.get_service_display()

    @admin.display(description="down", ordering="down_bps")
    def down(self, package: Package) -> SafeString:
        return bps(package.down_bps)

    @admin.display(description="up", ordering="up_bps")
    def up(self, package: Package) -> SafeString:
        return bps(package.up_bps)

    @admin.display(description="valid for")
    def valid_for(self, package: Package) -> str:
        return states.validity_words(package)

    @admin.display(description="quota", ordering="quota_octets")
    def quota(self, package: Package) -> str:
        return states.quota_words(package).partition(",")[0]

    @admin.display(description="price", ordering="price")
    def price_words(self, package: Package) -> str:
        return states.price_words(package)

    @admin.display(description="subscribers", ordering="members")
    def subscriber_count(self, package: Any) -> int:
        return int(package.members)


def members_url(package: Package) -> str:
    """The list of a package's subscribers."""
    return f"{reverse('admin:subscribers_subscriber_changelist')}?package__id__exact={package.pk}"


def _in_use(package: Package, used: int) -> SafeString:
    return format_html(
        '{} cannot be deleted: <a href="{}">{}</a> have it, or will. Give them another package '
        "first. Nothing was changed.",
        package,
        members_url(package),
        plural(used, "subscriber"),
    )


def _facts(package: Package) -> list[tuple[str, str]]:
    """What a package says beside its rates."""
    blocked = package.get_when_blocked_display()
    if package.is_walled:
        down, up = package.walled_down_bps, package.walled_up_bps
        blocked = f"{blocked}: list {package.walled_list}, {previews.two_rates(down, up)}"
    return [
        ("Valid for", states.validity_words(package)),
        ("Price", states.price_words(package)),
        ("Quota", states.quota_words(package)),
        ("Devices", f"{package.device_limit:,}" if package.device_limit else "no limit"),
        ("Session time-out", _seconds(package.session_timeout_s)),
        ("Idle time-out", _seconds(package.idle_timeout_s)),
        ("Accounting", f"every {_seconds(package.interim_s)}"),
        ("IPv4 pool", package.ipv4_pool or "none"),
        ("IPv6 pool", package.ipv6_pool or "none"),
        ("Delegated prefixes", package.delegated_pool or "none"),
        ("Static IPv4 from", package.ipv4_networks or "anywhere"),
        ("Static IPv6 from", package.ipv6_networks or "anywhere"),
        ("Address list", package.address_list or "none"),
        ("Suspended, expired", blocked),
    ]


def _seconds(value: int | None) -> str:
    return seconds_words(value) if value else "never"
