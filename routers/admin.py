"""Routers and their interfaces."""

from collections.abc import Callable, Sequence
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import ValidationError
from django.db.models import Prefetch, Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.template.response import TemplateResponse
from django.urls import URLPattern
from django.utils.html import format_html
from django.utils.safestring import SafeString

from ispcore.accounts.pages import (
    PageAdmin,
    PageList,
    ScopedAdmin,
    actor_of,
    back,
    page_url,
    require,
)
from ispcore.accounts.roles import May
from ispcore.base import clock
from ispcore.base.faults import UNCHANGED, words_of
from ispcore.base.lists import FewRows, FewValues, how_many
from ispcore.base.templatetags.isp import ago, bps, clock_time, state
from ispcore.protocols.errors import ProtocolError
from routers.forms import SECRETS, RouterForm
from routers.models import Interface, InterfaceChange, Router
from routers.operations import connection, discovery, renames
from routers.operations import routers as operations
from routers.operations.connection import Step
from routers.operations.discovery import DiscoveryDiff, RouterGone
from routers.operations.renames import RenameSettled
from routers.operations.routers import RouterInUse
from routers.pages import changes, interfaces, states
from routers.pages.interfaces import SHOW
from routers.queries import without_secrets

MOST_NAMES = 6


class RouterList(PageList):
    """A list needs nobody's secrets."""

    def get_queryset(self, request: HttpRequest, exclude_parameters: Any = None) -> QuerySet[Any]:
        return without_secrets(super().get_queryset(request, exclude_parameters))


@admin.register(Router)
class RouterAdmin(PageAdmin):
    """Routers: list, page, form, and the buttons that speak to the router itself."""

    form = RouterForm
    page_template = "portal/router/page.html"
    refusals = (RouterInUse,)
    empty_hint = (
        "No router yet. Add one of any make with its SNMP community, or a MikroTik with its API "
        "user too, here or by manage.py add_router; its interfaces are read with the first poll."
    )
    list_display = ("name", "site", "address", "health", "interfaces_count", "last_reading")
    list_filter = ("is_polled", ("site", FewValues))
    labels = {"tenant": ("name",)}
    ordering = ("name",)
    list_select_related = ("tenant",)
    search_fields = ("name", "address", "site", "system_name")
    search_help_text = "name, address or site"
    fieldsets = (
        (None, {"fields": ("name", "site", "tenant", "address")}),
        ("Collection", {"fields": ("is_polled", "counter_source", "ping_method")}),
        (
            "SNMP",
            {
                "fields": (
                    *("snmp_port", "snmp_version", "snmp_community", "snmp_user"),
                    *("snmp_auth_protocol", "snmp_auth_key", "snmp_priv_protocol", "snmp_priv_key"),
                )
            },
        ),
        (
            "RouterOS API (MikroTik only)",
            {"fields": ("api_port", "api_tls", "api_tls_fingerprint", "api_user", "api_password")},
        ),
    )

    def page_urls(self) -> Sequence[URLPattern]:
        return [
            self.route("<int:pk>/test/", self.test, "test", post=True),
            self.route("<int:pk>/discover/", self.discover, "discover", post=True),
            self.route("<int:pk>/poll/", self.poll, "poll", post=True),
            self.route("renames/<int:pk>/confirm/", self.confirm_rename, "confirm_rename"),
            self.route("renames/<int:pk>/dismiss/", self.dismiss_rename, "dismiss_rename"),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Router]:
        rows: QuerySet[Router] = super().get_queryset(request).prefetch_related("checks")
        there = Interface.objects.filter(gone_at=None)
        return rows.annotate(found=how_many(there, "router"))

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[PageList]:
        return RouterList

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Only what is stored can be forgotten."""
        if obj is None or not any(getattr(obj, name) for name in SECRETS):
            return self.fieldsets
        return [*self.fieldsets, ("Stored secrets", {"fields": ("forget",)})]

    # -- the page

    def page_context(self, request: HttpRequest, row: Router) -> dict[str, Any]:
        show = request.GET.get("show", "use")
        shown = interfaces.interface_spots(row, show=show if show in SHOW else "use")
        context = states.state_spots(row) | shown | changes.change_spots(row)
        if not self.has_change_permission(request, row):
            context["actions"] = context["actions"] | {"edit": ""}
        return context

    # -- writing

    def store(self, request: HttpRequest, row: Router, form: Any, *, change: bool) -> None:
        operations.save(row, by=actor_of(request))

    def remove(self, request: HttpRequest, row: Router) -> None:
        operations.delete(row, by=actor_of(request))

    # -- the buttons

    def test(self, request: HttpRequest, pk: int) -> TemplateResponse:
        require(request, May.CHECK_ROUTERS)
        router = self.visible_or_404(request, pk)
        started = clock.monotonic_s()
        steps = connection.test(router)
        context = {
            "router": router,
            "steps": [_step(step) for step in steps],
            "verdict": _verdict(steps),
            "took_ms": (clock.monotonic_s() - started) * 1000,
            "back_url": page_url(router),
            "actions": states.actions(router),
        }
        title = f"Connection test of {router}"
        return self.answer(request, "portal/router/test.html", context, title=title)

    def discover(self, request: HttpRequest, pk: int) -> HttpResponse:
        account = require(request, May.CHECK_ROUTERS)
        router = self.visible_or_404(request, pk)
        try:
            diff = discovery.discover(router, by=account.actor)
        except (ProtocolError, RouterGone) as error:
            messages.error(request, f"{router}: {error}. {UNCHANGED}")
        else:
            messages.success(request, f"{router}: {_diff_words(diff)}.")
        return back(request, page_url(router))

    def poll(self, request: HttpRequest, pk: int) -> HttpResponse:
        require(request, May.CHECK_ROUTERS)
        router = self.visible_or_404(request, pk)
        if not router.is_polled:
            messages.error(request, f"{router}: polling is off. {UNCHANGED}")
            return back(request, page_url(router))
        from routers.operations import collection  # loads numpy: not in every web process

        summary = collection.collect([router.pk])
        if summary.failed:
            messages.error(request, f"{summary.failed[0]}. Nothing was collected.")
        else:
            messages.success(request, f"{router}: read, {summary.buckets} samples stored.")
        return back(request, page_url(router))

    # -- an interface that seems to be renamed

    def confirm_rename(self, request: HttpRequest, pk: int) -> HttpResponse:
        change = self._suspicion(request, pk)
        words = [
            f"{change.other} is what {change.interface} was, since discovery found the new name.",
            f"What is mapped to {change.interface} goes on with {change.other} from then on; "
            "usage so far stays.",
        ]
        return self._answer_rename(
            request, change, renames.confirm_rename, words, button="Confirm rename"
        )

    def dismiss_rename(self, request: HttpRequest, pk: int) -> HttpResponse:
        change = self._suspicion(request, pk)
        words = [
            f"{change.other} is another interface than {change.interface}, which is gone.",
            "Nothing moves: what is mapped to the old one stays there.",
        ]
        return self._answer_rename(
            request, change, renames.dismiss_rename, words, button="It is another interface"
        )

    def _suspicion(self, request: HttpRequest, pk: int) -> InterfaceChange:
        """Who maps interfaces says what they are. 404 for what is not there."""
        require(request, May.EDIT_RESELLERS)
        rows = InterfaceChange.objects.filter(kind=InterfaceChange.Kind.RENAMED)
        rows = rows.filter(router__in=self.get_queryset(request).order_by())
        return get_object_or_404(rows.select_related("router", "interface", "other"), pk=pk)

    def _answer_rename(
        self,
        request: HttpRequest,
        change: InterfaceChange,
        answer: Callable[..., None],
        words: Sequence[str],
        *,
        button: str,
    ) -> HttpResponse:
        url, title = page_url(change.router), f"{change.interface} and {change.other}"
        if request.method == "POST":
            try:
                answer(change.interface, change.other, by=actor_of(request))
            except (RenameSettled, ValidationError) as error:
                messages.error(request, words_of(error))
            else:
                messages.success(request, words[0])
            return redirect(url)
        context = {
            "form": forms.Form(),
            "lead": " ".join(words),
            "preview": changes.evidence(change),
            "preview_title": "What discovery saw",
            "preview_old": "The one that has gone",
            "preview_new": "The new one",
            "button": button,
            "back_url": url,
            "crumbs": [(change.router.name, url)],
        }
        return self.answer(request, "portal/form.html", context, title=title)

    # -- columns

    @admin.display(description="state")
    def health(self, router: Router) -> SafeString:
        found = states.health(router, router.checks.all(), clock.now())
        return state(found.kind, found.word)

    @admin.display(description="interfaces", ordering="found")
    def interfaces_count(self, router: Any) -> int:
        return int(router.found)

    @admin.display(description="last reading", ordering="read_at")
    def last_reading(self, router: Router) -> SafeString:
        return ago(router.read_at)


def _step(step: Step) -> dict[str, Any]:
    kind = {True: "ok", False: "critical", None: "low"}[step.ok]
    return {"name": step.name, "kind": kind, "words": step.words, "took_ms": step.took_ms}


def _verdict(steps: Sequence[Step]) -> dict[str, str]:
    tried = [step for step in steps if step.ok is not None]
    good = sum(1 for step in tried if step.ok)
    if not tried:
        return {"kind": "unknown", "words": "Nothing to test: no method is set up"}
    if good == len(tried):
        return {"kind": "ok", "words": "All steps succeed"}
    kind = "warning" if good else "critical"
    return {"kind": kind, "words": f"{len(tried) - good} of {len(tried)} steps fail"}


def _diff_words(diff: DiscoveryDiff) -> str:
    parts = [
        f"{len(names)} {word} ({_names(names)})"
        for word, names in (
            ("new", diff.new),
            ("gone", diff.gone),
            ("back", diff.back),
            ("renumbered", diff.renumbered),
            ("renamed", [f"{old} → {new}" for old, new in diff.renamed]),
        )
        if names
    ]
    if not parts:
        return f"{diff.total} interfaces, nothing changed"
    return f"{diff.total} interfaces: {', '.join(parts)}"


def _names(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST_NAMES} more" if len(names) > MOST_NAMES else ""
    return ", ".join(names[:MOST_NAMES]) + more


@admin.register(Interface)
class InterfaceAdmin(ScopedAdmin):
    """Interfaces as discovery found them: read only."""

    empty_hint = "No interface yet. They are read from each router with its first poll."

    list_display = (
        *("shown_name", "router_link", "kind", "alias", "status", "down_bps", "up_bps", "seen"),
    )
    list_filter = ("oper_state", ("router", FewRows))
    show_full_result_count = False
    search_fields = ("name", "alias", "mac", "router__name", "=vlan_id", "=vlan_by_name")
    search_help_text = "name, alias, MAC, router or VLAN number"
    ordering = ("router__name", "index")
    fields = (
        *("name", "router_link", "kind", "alias", "descr", "status", "carries"),
        *("down_bps", "up_bps", "why", "speed", "counters_words", "mac", "index", "if_type"),
        *("first_seen", "seen", "gone"),
    )
    readonly_fields = fields

    def get_queryset(self, request: HttpRequest) -> QuerySet[Interface]:
        rows: QuerySet[Interface] = super().get_queryset(request)
        # not joined: the counters of all interfaces of a router are read once for all of them
        routers = without_secrets(Router.objects.select_related("counters"))
        return rows.prefetch_related(Prefetch("router", routers))

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """ "VLAN 312" means 312; a word is not compared with the number."""
        words = search_term.strip()
        if words.lower().startswith("vlan ") and words[5:].strip().isdecimal():
            vlan = min(int(words[5:]), 4095)
            return queryset.filter(Q(vlan_id=vlan) | Q(vlan_id=None, vlan_by_name=vlan)), False
        return super().get_search_results(request, queryset, search_term)

    def get_search_fields(self, request: HttpRequest) -> list[str]:
        words = request.GET.get("q", request.GET.get("term", "")).split()
        numbers = bool(words) and all(w.isdecimal() and len(w) <= 4 for w in words)
        return [f for f in self.search_fields if numbers or not f.startswith("=")]

    @admin.display(description="interface", ordering="name")
    def shown_name(self, interface: Interface) -> str:
        return interface.name

    @admin.display(description="router", ordering="router__name")
    def router_link(self, interface: Interface) -> SafeString:
        return format_html('<a href="{}">{}</a>', page_url(interface.router), interface.router.name)

    @admin.display(description="kind", ordering="if_type")
    def kind(self, interface: Interface) -> str:
        return interfaces.kind_words(interface)

    @admin.display(description="state", ordering="oper_state")
    def status(self, interface: Interface) -> SafeString:
        return state(*interfaces.state_of(interface, None, clock.now()))

    @admin.display(description="carries")
    def carries(self, interface: Interface) -> SafeString | str:
        found = states.carried_by([interface.pk]).get(interface.pk)
        return format_html('<a href="{}">{}</a>', found.url, found.name) if found else "nobody"

    @admin.display(description="down")
    def down_bps(self, interface: Interface) -> SafeString:
        return bps(interfaces.current_rate(interface, None, clock.now())[0])

    @admin.display(description="up")
    def up_bps(self, interface: Interface) -> SafeString:
        return bps(interfaces.current_rate(interface, None, clock.now())[1])

    @admin.display(description="why unknown")
    def why(self, interface: Interface) -> str:
        known = interfaces.current_rate(interface, None, clock.now())[0] is not None
        return "known" if known else interfaces.why_unknown(interface.router, interface)

    @admin.display(description="speed")
    def speed(self, interface: Interface) -> SafeString | str:
        return "not told" if interface.speed_bps is None else bps(interface.speed_bps)

    @admin.display(description="counters")
    def counters_words(self, interface: Interface) -> str:
        return f"{interface.counter_bits} bits" if interface.counter_bits else "none"

    @admin.display(description="first seen")
    def first_seen(self, interface: Interface) -> SafeString:
        return clock_time(interface.first_seen_at)

    @admin.display(description="gone since")
    def gone(self, interface: Interface) -> SafeString | str:
        return clock_time(interface.gone_at) if interface.gone_at else "it is there"

    @admin.display(description="last seen", ordering="last_seen_at")
    def seen(self, interface: Interface) -> SafeString:
        return ago(interface.last_seen_at)
