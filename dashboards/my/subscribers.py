"""My subscribers: found, looked at, and for who may made, renewed, suspended and taken up again."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from django import forms
from django.contrib import messages
from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils.http import urlencode

from dashboards.my import lines
from dashboards.my.sections import Section, done
from ispcore.accounts import security
from ispcore.accounts.models import Account
from ispcore.accounts.pages import account_of, posted, require, typed
from ispcore.accounts.roles import May
from ispcore.accounts.scope import visible
from ispcore.base import clock
from ispcore.base.faults import Undecided
from ispcore.base.form_tokens import token_of
from ispcore.base.refused_forms import add_refusal
from ispcore.base.unit_of_work import (
    Busy,
    DoneBefore,
    PortalAway,
    RadiusAway,
    once,
    refuse_repeated,
)
from subscribers.forms import (
    Because,
    NewSubscriberForm,
    PackageChoice,
    PasswordForm,
    PeriodsForm,
    SubscriberForm,
)
from subscribers.models import Package, Subscriber
from subscribers.operations import passwords, periods, statuses
from subscribers.operations import subscribers as operations
from subscribers.operations.refusals import REFUSALS
from subscribers.pages import states
from subscribers.pages.finding import fitting

Status = Subscriber.Status
Do = Callable[[dict[str, Any]], Subscriber]
Say = Callable[[Subscriber], str]
A_PAGE = 50
CONTACT = ["full_name", "phone", "email", "address"]
AWAY = (
    "Subscribers cannot be changed just now: a database does not answer. Try again in some minutes"
)
BUSY = "Somebody else is changing the same thing. Try again in a moment"
UNDECIDED = "The connection was lost as this was being stored. Whether it stands is decided within seconds: look again."


class OwnPackage(PackageChoice):
    """The packages of one tenant, which need not say whose they are."""

    def label_from_instance(self, obj: Any) -> str:
        kind, valid = obj.get_service_display(), states.validity_words(obj)
        return f"{obj.name} ({kind}, {obj.limit.short_words}, {valid})"


class NewLineForm(NewSubscriberForm):
    """A new line on a package that the provider has made; what else it has is the provider's."""

    until = take_over = None  # type: ignore[assignment]
    package = OwnPackage(help_text="as your provider has made them for you")

    class Meta(NewSubscriberForm.Meta):
        fields = ["package", "username", "radius_password", *CONTACT]
        help_texts = NewSubscriberForm.Meta.help_texts | {
            "username": "what the device logs in with"
        }

    def __init__(self, *args: Any, by: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        package: Any = self.fields["package"]
        package.offer(visible(Package.objects.all(), by))
        self.fields["radius_password"].label = "Password"

    def judge(self) -> None:
        self.cleaned_data["until"] = None
        super().judge()


class ContactForm(SubscriberForm):
    """Whom to call, and where the line is."""

    tells_who = False

    class Meta(SubscriberForm.Meta):
        fields = CONTACT


class Subscribers(Section):
    """The subscribers of the own tenant."""

    start, label, icon, key = "subscribers", "Subscribers", "people", "s"

    def urls(self) -> Sequence[URLPattern]:
        one = "subscribers/<int:pk>/"
        return [
            self.route("subscribers/", self.subscribers, "subscribers"),
            self.form("subscribers/add/", self.add, "subscriber_add"),
            self.route(one, self.subscriber, "subscriber"),
            self.form(f"{one}contact/", self.contact, "subscriber_contact"),
            self.form(f"{one}renew/", self.renew, "subscriber_renew"),
            self.form(f"{one}suspend/", self.suspend, "subscriber_suspend"),
            self.form(f"{one}resume/", self.resume, "subscriber_resume"),
            self.form(f"{one}password/", self.password, "subscriber_password"),
        ]

    # -- seen by all

    def subscribers(self, request: HttpRequest) -> HttpResponse:
        now, text = clock.now(), typed(request.GET.get("q", ""))
        status = request.GET.get("status", "")
        status = status if status in Status.values else ""
        found = fitting(lines.of(account_of(request)), text)
        rows = found.filter(lines.having(status, now)).order_by("username_key")
        page = Paginator(rows, A_PAGE).get_page(request.GET.get("page"))
        asked = {"q": text, "status": status}
        counts = lines.counts(found, now)
        labels = {"": "All"} | {each.value: str(each.label) for each in Status}
        context = {
            "rows": lines.shown(page.object_list),
            "page": page,
            "query": text,
            "status": status,
            "found": counts[""],
            "statuses": [
                (label, counts[key], _list_url(asked | {"status": key}), key == status)
                for key, label in labels.items()
            ],
            "newer_url": _page_url(asked, page.number - 1) if page.has_previous() else "",
            "older_url": _page_url(asked, page.number + 1) if page.has_next() else "",
        }
        return self.page(request, "my/subscribers/list.html", context, title="Subscribers")

    def subscriber(self, request: HttpRequest, pk: int) -> HttpResponse:
        account = account_of(request)
        row = self._one(request, pk)
        acts = _acts(row) if account.may(May.EDIT_SUBSCRIBERS) else []
        context = lines.context(row, account) | {"acts": acts}
        return self.page(request, "my/subscribers/page.html", context, title=row.username)

    # -- for who may change them

    def add(self, request: HttpRequest) -> HttpResponse:
        account = require(request, May.EDIT_SUBSCRIBERS)
        form = NewLineForm(posted(request), by=account)
        return self._act(
            request,
            form,
            lambda given: operations.create(form.instance, by=account.actor),
            lambda made: f"{made} may log in now.",
            password=lambda made: form.made_up,
            title="Add a subscriber",
            button="Add",
            back_url=reverse("my:subscribers"),
            lead="It may log in from now on, for the first period of its package.",
        )

    def contact(self, request: HttpRequest, pk: int) -> HttpResponse:
        account, row = self._asked(request, pk)
        form = ContactForm(posted(request), instance=row)
        return self._act_on(
            request,
            row,
            form,
            lambda given: operations.edit(
                row, changes=form.changes, seen=form.shown, by=account.actor
            ),
            lambda now: f"{now} is saved.",
            title=f"Contact of {row}",
            button="Save",
            lead="",
        )

    def renew(self, request: HttpRequest, pk: int) -> HttpResponse:
        account, row = self._asked(request, pk)
        ends = f"on {states.day_and_time(row.expires_at)}" if row.expires_at else "never"
        valid = states.validity_words(row.package)
        return self._act_on(
            request,
            row,
            PeriodsForm(posted(request)),
            lambda given: periods.renew(
                row, by=account.actor, periods=given["periods"], reason=given["reason"]
            ),
            lambda now: f"{now} lasts until {states.day_and_time(now.expires_at or clock.now())}.",
            title=f"Renew {row}",
            button="Renew",
            lead=f"A period of {row.package} is {valid}. It ends {ends}.",
        )

    def suspend(self, request: HttpRequest, pk: int) -> HttpResponse:
        account, row = self._asked(request, pk)
        return self._act_on(
            request,
            row,
            Because(posted(request)),
            lambda given: statuses.suspend(row, by=account.actor, reason=given["reason"]),
            lambda now: f"{now} is suspended.",
            title=f"Suspend {row}",
            button="Suspend",
            lead=states.when_suspended(row),
        )

    def resume(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What was suspended, and not what the provider has disabled."""
        account, row = self._asked(request, pk)
        return self._act_on(
            request,
            row,
            Because(posted(request)),
            lambda given: statuses.resume(
                row, by=account.actor, reason=given["reason"], only=Status.SUSPENDED
            ),
            lambda now: f"{now} is {now.get_status_display().lower()} again.",
            title=f"Resume {row}",
            button="Resume",
            lead=states.when_resumed(row),
        )

    def password(self, request: HttpRequest, pk: int) -> HttpResponse:
        account, row = self._asked(request, pk)

        def do(given: dict[str, Any]) -> Subscriber:
            password, reason = given["password"] or passwords.generate(), given["reason"]
            return passwords.change_password(
                row, password=password, by=account.actor, reason=reason
            )

        return self._act_on(
            request,
            row,
            PasswordForm(posted(request)),
            do,
            lambda now: "",
            password=lambda now: now.radius_password,
            title=f"New password for {row}",
            button="Change password",
            lead="The next login needs it; a session that is open goes on.",
        )

    # -- what they share

    def _act(
        self,
        request: HttpRequest,
        form: forms.BaseForm,
        do: Do,
        said: Say,
        *,
        password: Say = lambda now: "",
        **frame: str,
    ) -> HttpResponse:
        """A page with a form; `do` gets what was typed and runs one unit of work, of which is told
        what it `said` and a `password`. `frame` is of `form_page`."""

        def told(now: Subscriber) -> dict[str, Any]:
            return {"pk": now.pk, "said": said(now), "password": password(now)}

        if request.method == "POST":
            by, token = account_of(request).actor, token_of(request)
            try:
                refuse_repeated(token, by=by)
                if form.is_valid():
                    answer = once(token, lambda: do(form.cleaned_data), by=by, told=told)
                    return self._tell(request, answer)
            except DoneBefore as before:
                if not before.told:
                    return done(request, str(before), frame["back_url"])
                return self._tell(request, before.told, str(before))
            except Undecided:
                messages.error(request, UNDECIDED)
                return redirect(frame["back_url"])
            except REFUSALS as error:
                _refuse(form, error)
        return self.form_page(request, form, **frame)

    def _act_on(
        self,
        request: HttpRequest,
        row: Subscriber,
        form: forms.BaseForm,
        do: Do,
        said: Say,
        *,
        password: Say = lambda now: "",
        **frame: str,
    ) -> HttpResponse:
        back = {"back_url": _url(row), "back_label": row.username}
        return self._act(request, form, do, said, password=password, **back, **frame)

    def _tell(self, request: HttpRequest, told: Mapping[str, Any], again: str = "") -> HttpResponse:
        """What was told, now, or before if the page was sent `again`."""
        row = self._one(request, told.get("pk", 0))
        if not told["password"]:
            return done(request, f"{told['said']} {again}".strip(), _url(row))
        if again:
            messages.info(request, again)
        return self._password_answer(request, row, told["password"])

    def _password_answer(
        self, request: HttpRequest, row: Subscriber, password: str
    ) -> HttpResponse:
        """The password, this once; no page of the site is kept by a browser."""
        context = {"subscriber": row, "password": password}
        title = f"Password of {row}"
        return self.page(request, "my/subscribers/password.html", context, title=title)

    def _asked(self, request: HttpRequest, pk: int) -> tuple[Account, Subscriber]:
        account = require(request, May.EDIT_SUBSCRIBERS)
        return account, self._one(request, pk)

    def _one(self, request: HttpRequest, pk: int) -> Subscriber:
        """One of the own. Raises Http404 for any other."""
        row = lines.of(account_of(request)).filter(pk=pk).first()
        if row is None:
            security.denied_row(request, Subscriber, pk)
            raise Http404
        return row


def _refuse(form: forms.BaseForm, error: Exception) -> None:
    """Which database is away, or has rows that others hold, is not for a tenant's people."""
    if isinstance(error, RadiusAway | PortalAway):
        form.add_error(None, AWAY)
    elif isinstance(error, Busy):
        form.add_error(None, BUSY)
    else:
        add_refusal(form, error, Subscriber)


def _acts(row: Subscriber) -> list[tuple[str, str, bool]]:
    """(label, address, whether it is what one most likely wants) of what can be done with it now."""
    wanted = {"contact": "Edit contact", "password": "New password"}
    if row.status in statuses.LEADS_TO[Status.SUSPENDED]:
        wanted["suspend"] = "Suspend"
    if row.package.validity != Package.Validity.NONE:
        wanted["renew"] = "Renew"
    if row.status == Status.SUSPENDED:
        wanted["resume"] = "Resume"
    first = "resume" if "resume" in wanted else "renew"
    return [(label, _url(row, name), name == first) for name, label in wanted.items()]


def _url(row: Subscriber, act: str = "") -> str:
    return reverse(f"my:subscriber_{act}" if act else "my:subscriber", args=[row.pk])


def _list_url(asked: dict[str, str]) -> str:
    query = urlencode({key: value for key, value in asked.items() if value})
    return reverse("my:subscribers") + (f"?{query}" if query else "")


def _page_url(asked: dict[str, str], number: int) -> str:
    return _list_url(asked | {"page": str(number)})
