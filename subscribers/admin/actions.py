"""What is done with one subscriber: each a page with a form, and the reason for it."""

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, reverse
from django.utils.html import format_html_join
from django.utils.safestring import SafeString

from ispcore.accounts.pages import posted, require
from ispcore.accounts.roles import May
from ispcore.base.audit import Actor
from subscribers import forms
from subscribers.admin.provisioned import ProvisionedAdmin, Told, Values
from subscribers.models import Package, Subscriber
from subscribers.operations import binding, passwords, periods, statuses
from subscribers.operations import subscribers as operations
from subscribers.pages import states

Status = Subscriber.Status
# the last part of the address, and of the URL's name
NAMES = (
    *("suspend", "disable", "resume", "renew", "package", "rename", "password"),
    *("web_password", "bind", "unbind", "reproject"),
)
RADIUS, WEB = "RADIUS password", "Web password"
USES = {RADIUS: "set it on the device now", WEB: "give it to the subscriber now"}


class SubscriberActions(ProvisionedAdmin):
    """The pages that act on one subscriber, at <pk>/<name>/."""

    def action_urls(self) -> Sequence[URLPattern]:
        return [self.route(f"<int:pk>/{n}/", getattr(self, f"do_{n}"), n) for n in NAMES]

    def action_links(self, row: Subscriber) -> dict[str, str]:
        """Where the buttons lead that make sense now."""
        wanted = {"change", "renew", "package", "rename", "password", "web_password"}
        wanted |= {"bind", "reproject", "delete"}
        wanted |= {"resume"} if row.status in statuses.LEADS_TO[Status.ACTIVE] else {"suspend"}
        wanted -= {"renew"} if _is_endless(row) else set()
        wanted |= {"disable"} if row.status != Status.DISABLED else set()
        wanted |= {"unbind"} if row.mac else set()
        names = {name: f"admin:subscribers_subscriber_{name}" for name in sorted(wanted)}
        return {name: reverse(url, args=[row.pk]) for name, url in names.items()}

    def packages_for(self, request: HttpRequest) -> "QuerySet[Package]":
        raise NotImplementedError

    def _asked(self, request: HttpRequest, pk: int) -> Subscriber:
        require(request, May.EDIT_SUBSCRIBERS)
        row: Subscriber = self.visible_or_404(request, pk)
        return row

    # -- who may log in

    def do_suspend(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self._asked(request, pk)
        return self.act(
            request,
            row,
            forms.Because(posted(request)),
            lambda given, by: statuses.suspend(row, by=by, reason=given["reason"]),
            lambda now: f"{now} is suspended.",
            title=f"Suspend {row}",
            lead=states.when_suspended(row),
            button="Suspend",
        )

    def do_disable(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self._asked(request, pk)
        return self.act(
            request,
            row,
            forms.Because(posted(request)),
            lambda given, by: statuses.disable(row, by=by, reason=given["reason"]),
            lambda now: f"{now} is disabled.",
            title=f"Disable {row}",
            lead="No login at all until it is resumed, whatever its package says.",
            button="Disable",
        )

    def do_resume(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self._asked(request, pk)
        return self.act(
            request,
            row,
            forms.Because(posted(request)),
            lambda given, by: statuses.resume(row, by=by, reason=given["reason"]),
            lambda now: f"{now} is {now.get_status_display().lower()} again.",
            title=f"Resume {row}",
            lead=states.when_resumed(row),
            button="Resume",
        )

    # -- for how long, and on which package

    def do_renew(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self._asked(request, pk)

        def do(given: Values, by: Actor) -> Subscriber:
            if given["until"] or given["endless"]:
                return periods.extend(row, until=given["until"], by=by, reason=given["reason"])
            return periods.renew(row, periods=given["periods"], by=by, reason=given["reason"])

        is_endless = row.package.validity == Package.Validity.NONE
        lasts = "has no end" if is_endless else f"is valid for {states.validity_words(row.package)}"
        ends = f"on {states.day_and_time(row.expires_at)}" if row.expires_at else "never"
        return self.act(
            request,
            row,
            forms.RenewForm(posted(request)),
            do,
            states.lasting_words,
            title=f"Renew {row}",
            lead=f"{row.package} {lasts}. {row} ends {ends}.",
            button="Renew",
        )

    def do_package(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self._asked(request, pk)
        fitting = self.packages_for(request).filter(tenant=row.tenant, service=row.service)

        def do(given: Values, by: Actor) -> Subscriber:
            later, package = given["when"] == "next", given["package"]
            return periods.change_package(
                row, package=package, by=by, at_next_period=later, reason=given["reason"]
            )

        def said(now: Subscriber) -> str:
            when = "with the next period" if now.next_package else "from now on"
            package, later = now.next_package or now.package, now.next_package is not None
            ends = states.end_words(row, package, at_next_period=later)
            has = f"{now} has {package} {when}. Valid until: {ends}."
            return f"{has} A session that is open keeps its rate."

        coming = f", then {row.next_package}" if row.next_package else ""
        lead = [f"Now: {row.package}, {row.package.limit.short_words}{coming}."]
        if _is_endless(row):
            lead += states.ends_words(row, fitting)
        else:
            lead.append(f"Valid until: {states.end_words(row, row.package)}.")
        return self.act(
            request,
            row,
            forms.PackageChangeForm(posted(request), packages=fitting),
            do,
            said,
            title=f"Package of {row}",
            lead=format_html_join(SafeString("<br>"), "{}", ((each,) for each in lead)),
            button="Change package",
        )

    # -- how it logs in

    def do_rename(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self._asked(request, pk)
        return self.act(
            request,
            row,
            forms.RenameForm(posted(request)),
            lambda given, by: operations.rename(
                row,
                username=given["username"],
                by=by,
                reason=given["reason"],
                take_over=given["take_over"],
            ),
            lambda now: f"{row} is {now} from now on; set it on the device too.",
            title=f"Rename {row}",
            lead="The old name cannot log in from then on. Sessions and accounting of it are kept.",
            button="Rename",
        )

    def do_password(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self._asked(request, pk)

        def do(given: Values, by: Actor) -> Subscriber:
            password = given["password"] or passwords.generate()
            return passwords.change_password(row, password=password, by=by, reason=given["reason"])

        return self.act(
            request,
            row,
            forms.PasswordForm(posted(request)),
            do,
            lambda now: {"said": "has a new RADIUS password", "password": now.radius_password},
            title=f"RADIUS password of {row}",
            lead="The next login needs it; a session that is open goes on.",
            button="Change password",
        )

    def do_web_password(self, request: HttpRequest, pk: int) -> HttpResponse:
        row, made_up = self._asked(request, pk), passwords.generate()

        def do(given: Values, by: Actor) -> None:
            password = given["password"] or made_up
            passwords.set_web_password(row, password=password, by=by, reason=given["reason"])

        def said(_: None) -> Told:
            if form.cleaned_data["password"]:
                return {"said": f"{row} has another web password."}
            return {"said": "has a new web password", "password": made_up, "kind": WEB}

        form = forms.WebPasswordForm(posted(request))
        return self.act(
            request,
            row,
            form,
            do,
            said,
            title=f"Web password of {row}",
            lead="For the subscriber's own pages. The line logs in as before: FreeRADIUS has nothing "
            "to do with it.",
            button="Change password" if row.web_password else "Set password",
        )

    def password_answer(
        self, request: HttpRequest, row: Subscriber, password: str, told: Mapping[str, Any]
    ) -> HttpResponse:
        kind = told.get("kind", RADIUS)
        context = {"subscriber": row, "password": password, "said": told["said"], "kind": kind}
        context["lead"] = USES[kind]
        title = f"{kind} of {row}"
        response = self.answer(request, "portal/subscriber/password.html", context, title=title)
        response.headers["Cache-Control"] = "no-store"
        return response

    def do_bind(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self._asked(request, pk)
        return self.act(
            request,
            row,
            forms.BindForm(posted(request), initial={"mac": request.GET.get("mac", "")[:40]}),
            lambda given, by: binding.bind_mac(
                row, mac=given["mac"], by=by, reason=given["reason"]
            ),
            lambda now: f"{now} logs in from {now.mac} only.",
            title=f"Bind {row} to a device",
            lead=f"Bound to {row.mac} now." if row.mac else "It logs in from any device now.",
            button="Bind",
        )

    def do_unbind(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self._asked(request, pk)
        return self.act(
            request,
            row,
            forms.ConfirmForm(posted(request)),
            lambda given, by: binding.unbind_mac(row, by=by, reason=given["reason"]),
            lambda now: f"{now} logs in from any device.",
            title=f"Unbind {row}",
            lead=f"Bound to {row.mac} now; then it logs in from any device.",
            button="Unbind",
        )

    # -- FreeRADIUS' rows

    def do_reproject(self, request: HttpRequest, pk: int) -> HttpResponse:
        row = self._asked(request, pk)
        return self.act(
            request,
            row,
            forms.ConfirmForm(posted(request)),
            lambda given, by: operations.project_again(row, by=by, reason=given["reason"]),
            lambda now: f"{now}: FreeRADIUS has what the portal says again.",
            title=f"Put right the RADIUS rows of {row}",
            lead="Rows of this name become what the portal says; those that were made by hand go.",
            button="Put right",
        )


def _is_endless(row: Subscriber) -> bool:
    """Whether it has no end since its package has none."""
    return row.package.validity == Package.Validity.NONE and row.expires_at is None
