"""What is done with many subscribers: those that are ticked, or all that the filter finds.

A confirmation says how many, and asks for the reason. Then one unit of work after the other is made,
each by a request of its own that the page sends by itself: whatever ends in between, those before it
are whole, and the page goes on from there.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID, uuid5

from django import forms as django_forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from ispcore.accounts.pages import actor_of, pk_of, require, typed
from ispcore.accounts.roles import May
from ispcore.base.audit import Actor
from ispcore.base.faults import words_of
from ispcore.base.form_tokens import token_of
from ispcore.base.templatetags.isp import plural
from ispcore.base.unit_of_work import DoneBefore, once, refuse_repeated
from ispcore.base.unit_of_work.sending import Told
from subscribers import forms
from subscribers.admin.provisioned import ProvisionedAdmin, Values
from subscribers.models import Package, Subscriber
from subscribers.operations import bulk as operations
from subscribers.operations.bulk import AT_ONCE, Outcome

MOST_SHOWN = 8
Do = Callable[[Sequence[str], Values, Actor], Outcome]


@dataclass(frozen=True, slots=True)
class Bulk:
    """One thing that can be done with many: its name, words, form and operation."""

    name: str
    title: str
    done: str
    lead: str
    button: str
    do: Do
    form: type[django_forms.Form] = forms.Because


@dataclass(slots=True)
class Progress:
    """How far it is: what the page carries from one request to the next."""

    total: int
    after: str = ""
    changed: int = 0
    left: int = 0
    why: list[str] = field(default_factory=list)

    @property
    def seen(self) -> int:
        return self.changed + self.left

    @property
    def percent(self) -> float:
        return 100 * self.seen / self.total if self.total else 100.0

    def go_on(self, told: Told) -> None:
        """One unit more is done: what was kept of it."""
        self.total, self.after = told["total"], told["after"]
        self.changed += told["changed"]
        self.left += told["left"]
        self.why = [*self.why, *told["why"]][: operations.MOST_NAMED]


def _suspend(keys: Sequence[str], given: Values, by: Actor) -> Outcome:
    return operations.suspend(keys, by=by, reason=given["reason"])


def _resume(keys: Sequence[str], given: Values, by: Actor) -> Outcome:
    return operations.resume(keys, by=by, reason=given["reason"])


def _renew(keys: Sequence[str], given: Values, by: Actor) -> Outcome:
    return operations.renew(keys, times=given["periods"], by=by, reason=given["reason"])


def _change_package(keys: Sequence[str], given: Values, by: Actor) -> Outcome:
    return operations.change_package(
        keys,
        package=given["package"],
        at_next_period=given["when"] == "next",
        by=by,
        reason=given["reason"],
    )


SUSPEND = Bulk(
    *("suspend_chosen", "Suspend", "suspended"),
    "No login until they are resumed, or into the walled garden, as their packages say.",
    *("Suspend", _suspend),
)
RESUME = Bulk(
    *("resume_chosen", "Resume", "resumed"),
    "They log in again from now on; who has run out meanwhile is expired.",
    *("Resume", _resume),
)
RENEW = Bulk(
    *("renew_chosen", "Renew", "renewed"),
    "So many periods of the package that each has: after its end, or from now on if that is past.",
    *("Renew", _renew, forms.PeriodsForm),
)
CHANGE = Bulk(
    *("change_package_of_chosen", "Change the package of", "moved to another package"),
    "Those whom the package does not fit (another tenant or type, a static address outside of it) "
    "are left as they are, and named. An end stays; who has none since the package has none gets a "
    "first period of one that has, from the moment of the change.",
    *("Change package", _change_package, forms.PackageChangeForm),
)


class BulkActions(ProvisionedAdmin):
    """The actions of the list."""

    actions = ("suspend_chosen", "resume_chosen", "renew_chosen", "change_package_of_chosen")

    @admin.action(description="Suspend", permissions=["change"])
    def suspend_chosen(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        return self._bulk(request, queryset, SUSPEND)

    @admin.action(description="Resume", permissions=["change"])
    def resume_chosen(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        return self._bulk(request, queryset, RESUME)

    @admin.action(description="Renew", permissions=["change"])
    def renew_chosen(self, request: HttpRequest, queryset: QuerySet[Any]) -> HttpResponse:
        return self._bulk(request, queryset, RENEW)

    @admin.action(description="Change package", permissions=["change"])
    def change_package_of_chosen(
        self, request: HttpRequest, queryset: QuerySet[Any]
    ) -> HttpResponse:
        return self._bulk(request, queryset, CHANGE)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Without the stock deletion, which knows nothing of FreeRADIUS. A tenant's people, who may
        change subscribers too, do so on their own site, one at a time."""
        if not request.user.is_staff:
            return {}
        found: dict[str, Any] = super().get_actions(request)
        return {name: action for name, action in found.items() if name != "delete_selected"}

    def packages_for(self, request: HttpRequest) -> "QuerySet[Package]":
        raise NotImplementedError

    def _bulk(self, request: HttpRequest, rows: "QuerySet[Subscriber]", bulk: Bulk) -> HttpResponse:
        require(request, May.EDIT_SUBSCRIBERS)
        rows = rows.order_by("username_key")
        is_confirmed = "confirmed" in request.POST
        form = self._form(request, bulk, request.POST if is_confirmed else None)
        progress = _progress(request, rows)
        if not is_confirmed:
            return self._show(request, rows, bulk, form, progress)
        try:
            told = self._one_unit(request, rows, bulk, form, progress)
        except DoneBefore as before:
            messages.warning(request, f"{before} Whoever comes after them was not looked at.")
            return redirect(request.get_full_path())
        except self.caught() as error:
            messages.error(request, _so_far(words_of(error, Subscriber), progress))
            told = None
        if told is None:
            return self._show(request, rows, bulk, form, progress)
        progress.go_on(told)
        if progress.after:
            return self._show(request, rows, bulk, form, progress, goes_on=True)
        self._tell(request, bulk, progress)
        return redirect(request.get_full_path())

    def _form(self, request: HttpRequest, bulk: Bulk, sent: Any) -> Any:
        if bulk.form is forms.PackageChangeForm:
            return bulk.form(sent, packages=self.packages_for(request))
        return bulk.form(sent)

    def _has_moved(self, request: HttpRequest, progress: Progress) -> bool:
        """Whether the filter finds others than were confirmed: then it is asked once more."""
        counted = pk_of(request.POST.get("counted", ""))
        if progress.after or counted == progress.total:
            return False
        messages.warning(
            request,
            f"There are {progress.total:,} now, and not {counted:,}: confirm it again. "
            "Nothing was changed.",
        )
        return True

    def _one_unit(
        self,
        request: HttpRequest,
        rows: "QuerySet[Subscriber]",
        bulk: Bulk,
        form: Any,
        progress: Progress,
    ) -> Told | None:
        """Do the next unit, and return what it came to; the same page again gets the same, and
        nothing is done. None where it has to be confirmed first. Raises DoneBefore where what it
        came to cannot be read any more."""
        by, token = actor_of(request), _token(request, progress)
        try:
            refuse_repeated(token, by=by)
            if not form.is_valid() or self._has_moved(request, progress):
                return None
            following = rows.filter(username_key__gt=progress.after)
            keys = list(following.values_list("username_key", flat=True)[:AT_ONCE])
            rest = {"total": progress.total, "after": keys[-1] if len(keys) == AT_ONCE else ""}
            if not keys:
                return asdict(Outcome()) | rest
            return once(
                token,
                lambda: bulk.do(keys, form.cleaned_data, by),
                by=by,
                told=lambda outcome: asdict(outcome) | rest,
            )
        except DoneBefore as before:
            if not before.told:
                raise
            return before.told

    def _show(
        self,
        request: HttpRequest,
        rows: "QuerySet[Subscriber]",
        bulk: Bulk,
        form: Any,
        progress: Progress,
        *,
        goes_on: bool = False,
    ) -> HttpResponse:
        context = {
            "form": form,
            "bulk": bulk,
            "progress": progress,
            "goes_on": goes_on,
            "is_begun": bool(progress.after),
            "shown": list(rows.values_list("username", flat=True)[:MOST_SHOWN]),
            "more": max(progress.total - MOST_SHOWN, 0),
            "chosen": request.POST.getlist(ACTION_CHECKBOX_NAME),
            "checkbox": ACTION_CHECKBOX_NAME,
            "across": request.POST.get("select_across", "0"),
            "own_url": request.get_full_path(),
        }
        title = f"{bulk.title} {plural(progress.total, 'subscriber')}"
        return self.answer(request, "portal/subscriber/bulk.html", context, title=title)

    def _tell(self, request: HttpRequest, bulk: Bulk, progress: Progress) -> None:
        said = f"{plural(progress.changed, 'subscriber')} {bulk.done}."
        if not progress.left:
            messages.success(request, said)
            return
        are = "is" if progress.left == 1 else "are"
        why = " ".join(f"{each.rstrip('.')}." for each in progress.why)
        messages.warning(request, f"{said} {progress.left:,} {are} left as before. {why}")


def _progress(request: HttpRequest, rows: "QuerySet[Subscriber]") -> Progress:
    after = typed(request.POST.get("after", ""))
    why = [typed(each, most=300) for each in request.POST.getlist("why")]
    total = pk_of(request.POST.get("counted", "")) if after else rows.count()
    changed, left = (pk_of(request.POST.get(name, "")) for name in ("changed", "left"))
    return Progress(total, after, changed, left, why[: operations.MOST_NAMED])


def _token(request: HttpRequest, progress: Progress) -> UUID | None:
    """Of one unit: the confirmation's, and where the unit begins."""
    token = token_of(request)
    return token and uuid5(token, progress.after)


def _so_far(said: str, progress: Progress) -> str:
    """What was refused is one unit; those before it stand."""
    if not progress.seen:
        return said
    return f"{said} That is of the next {AT_ONCE}: {progress.seen:,} before them are done."
