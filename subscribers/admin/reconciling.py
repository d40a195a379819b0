"""The comparison of FreeRADIUS' database with the portal, as a page: plan, then put right."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse

from ispcore.accounts.models import Account, Tenant
from ispcore.accounts.pages import account_of, page_url, typed
from ispcore.accounts.roles import WORDS, May
from ispcore.accounts.scope import visible
from ispcore.base.faults import words_of
from ispcore.base.secrets import SecretUnreadable
from ispcore.base.selects import LongSelect
from ispcore.base.templatetags.isp import plural
from routers.models import Router
from subscribers.admin.provisioned import ProvisionedAdmin
from subscribers.models import Subscriber
from subscribers.operations import reconciling as operations
from subscribers.operations.reconciling import Extent, Plan
from subscribers.pages.radius_side import asked

MOST_NAMES = 50
MOST_FOREIGN = 50
TITLE = "Compare with FreeRADIUS"


class ExtentForm(forms.Form):
    """What is compared with FreeRADIUS' database: everything, or what is named."""

    tenant = forms.ModelChoiceField(
        Tenant.objects.order_by("name"), widget=LongSelect, empty_label="all", required=False
    )
    router = forms.ModelChoiceField(
        Router.objects.order_by("name"),
        widget=LongSelect,
        empty_label="all",
        required=False,
        help_text="who has or had sessions on it, and the RADIUS client at its address",
    )
    username = forms.CharField(max_length=64, required=False, help_text="empty: all")

    @property
    def extent(self) -> Extent:
        given = self.cleaned_data
        return Extent(given["tenant"], given["router"], given["username"])


class Reconciling(ProvisionedAdmin):
    """The page at reconcile/. It compares when its button is pressed, and never by itself."""

    def reconcile_urls(self) -> Sequence[URLPattern]:
        return [self.route("reconcile/", self.reconcile, "reconcile")]

    def reconcile(self, request: HttpRequest) -> HttpResponse:
        account = account_of(request)
        if not account.sees_all or not any(map(account.may, operations.WRITES)):
            raise PermissionDenied  # it reads of everybody
        form = ExtentForm(request.GET if "compare" in request.GET else None)
        plan, fault = None, ""
        if form.is_bound and form.is_valid():
            extent = form.extent
            if request.method == "POST" and request.POST.get("confirmed") == "yes":
                self._put_right(request, extent, account)
            plan, fault = _compared(extent)
        context = {
            "form": form,
            "plan": plan,
            "fault": fault,
            "is_of_nobody": plan is not None and operations.is_of_nobody(plan),
            "journal_url": reverse("admin:base_journalentry_changelist"),
            "sure_percent": operations.SURE_PERCENT,
        }
        context |= _listed(plan, account) if plan else {}
        return self.answer(request, "portal/subscriber/reconcile.html", context, title=TITLE)

    def _put_right(self, request: HttpRequest, extent: Extent, account: Account) -> None:
        """Compared anew: what differs now is what is written."""
        try:
            plan = operations.plan(extent)
            force = request.POST.get("force") == "yes"
            reason = typed(request.POST.get("reason", ""), most=200)
            done = operations.apply(plan, by=account.actor, force=force, reason=reason)
        except self.caught() as error:
            messages.error(request, words_of(error, Subscriber))
        else:
            said = f"{plural(done, 'name')} put right." if done else "Nothing differed any more."
            messages.success(request, said)


def _compared(extent: Extent) -> tuple[Plan | None, str]:
    """(the plan, ""), or (None, why there is none)."""
    try:
        return asked(lambda: operations.plan(extent))
    except SecretUnreadable as error:
        return None, words_of(error)


def _listed(plan: Plan, account: Account) -> dict[str, Any]:
    keys = sorted(plan.usernames)[:MOST_NAMES]
    seen: QuerySet[Subscriber] = visible(Subscriber.objects.filter(username_key__in=keys), account)
    urls = {row.username_key: page_url(row) for row in seen.only("pk", "username_key")}
    return {
        "names": [(key, plan.usernames[key], urls.get(key, "")) for key in keys],
        "packages": [(row, how, page_url(row)) for row, how in plan.packages.items()],
        "clients": list(plan.clients.items())[:MOST_NAMES],
        "more_names": len(plan.usernames) - len(keys) + max(len(plan.clients) - MOST_NAMES, 0),
        "unreadable": plan.unreadable[:MOST_NAMES],
        "lacking": [_right(each) for each in plan.needs if not account.may(each)],
        "unreadable_clients": plan.unreadable_clients[:MOST_NAMES],
        "in_doubt": plan.in_doubt[:MOST_FOREIGN],
        "foreign": plan.foreign[:MOST_FOREIGN],
        "more_foreign": plan.foreign_count - min(len(plan.foreign), MOST_FOREIGN),
    }


def _right(capability: May) -> str:
    """ "change routers"."""
    subject, verb, _ = WORDS[capability]
    return f"{verb} {subject}".lower()
