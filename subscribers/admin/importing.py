"""Subscribers from a CSV file: choose it, see all faults or the plan, then watch it being made."""

import io
from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse

from ispcore.accounts.models import Account, Tenant
from ispcore.accounts.pages import posted, require, typed
from ispcore.accounts.roles import May
from ispcore.accounts.scope import visible
from ispcore.base.faults import words_of
from ispcore.base.templatetags.isp import plural
from subscribers import validity
from subscribers.admin.provisioned import ProvisionedAdmin
from subscribers.forms import UploadForm, offer_take_over
from subscribers.models import Package, Subscriber
from subscribers.operations import imports, uploads
from subscribers.operations.uploads import Upload, UploadBusy, UploadGone

MOST_FAULTS = 200
MOST_ROWS = 8
TITLE = "Import subscribers"


class Importing(ProvisionedAdmin):
    """The import's pages, at import/ and import/<token>/."""

    def import_urls(self) -> Sequence[URLPattern]:
        return [
            self.route("import/", self.choose_file, "import"),
            self.route("import/<slug:token>/", self.import_file, "import_file"),
        ]

    def choose_file(self, request: HttpRequest) -> HttpResponse:
        """The file is read as a whole; either all its faults come back, or its plan."""
        account = require(request, May.EDIT_SUBSCRIBERS)
        tenants = visible(Tenant.objects.order_by("name"), account)
        files = request.FILES if request.method == "POST" else None
        form = UploadForm(posted(request), files, tenants=tenants)
        plan = None
        if request.method == "POST" and form.is_valid():
            plan = self._planned(form)
            if plan and plan.fresh and not plan.faults:
                file: Any = request.FILES["file"]
                upload = uploads.keep(plan, by=account, name=str(file.name))
                return redirect(_url(upload))
        context = {
            "form": form,
            "plan": plan,
            "faults": sorted(plan.faults, key=lambda each: each.line)[:MOST_FAULTS] if plan else [],
            "needed": imports.NEEDED,
            "optional": imports.OPTIONAL,
            "end_help": validity.END_HELP,
            "most_faults": MOST_FAULTS,
        }
        return self.answer(request, "portal/subscriber/import.html", context, title=TITLE)

    def _planned(self, form: UploadForm) -> imports.Plan | None:
        """None where it cannot be made, which the form says then."""
        given = form.cleaned_data
        try:
            plan = imports.plan(
                given["tenant"], _lines(given["file"]), take_over=given["take_over"]
            )
        except self.caught() as error:
            self.refuse(form, error)
            return None
        if plan.by_hand:
            offer_take_over(form)
        return plan

    def import_file(self, request: HttpRequest, token: str) -> HttpResponse:
        """The plan; each POST makes the next unit of it, and the page sends the one after."""
        account = require(request, May.EDIT_SUBSCRIBERS)
        sent = request.method == "POST" and request.POST.get("confirmed") == "yes"
        try:
            if sent:
                with uploads.claimed(typed(token), by=account) as upload:
                    if not self._goes_on(request, upload, account):
                        return redirect("admin:subscribers_subscriber_changelist")
                rows = []
            else:
                upload = uploads.found(typed(token), by=account)
                rows = uploads.rows_of(upload)
            tenant = uploads.tenant_of(upload)
        except UploadGone as error:
            messages.error(request, str(error))
            return redirect("admin:subscribers_subscriber_import")
        except UploadBusy as error:
            messages.error(request, str(error))
            return redirect(request.path)
        context = {
            "upload": upload,
            "tenant": tenant,
            "rows": [_without_password(row) for row in rows[:MOST_ROWS]],
            "more": max(upload.total - MOST_ROWS, 0),
            "goes_on": sent and not getattr(request, "refused", ""),
            "crumbs": [(TITLE, reverse("admin:subscribers_subscriber_import"))],
        }
        return self.answer(
            request, "portal/subscriber/import_plan.html", context, title=upload.name
        )

    def _goes_on(self, request: HttpRequest, upload: Upload, account: Account) -> bool:
        """Make the next piece. False when that was the last one."""
        try:
            made = imports.apply(_plan_of(upload), by=account.actor)
            upload.made += sum(made)
        except self.caught() as error:
            request.refused = words_of(error, Subscriber)  # type: ignore[attr-defined]
            done = f" {upload.made:,} are made so far, and stay." if upload.made else ""
            messages.error(request, f"{request.refused}{done}")  # type: ignore[attr-defined]
            return True
        upload.piece += 1
        uploads.note(upload)
        if not upload.is_over:
            return True
        uploads.forget(upload)
        others = upload.total - upload.made
        there = f" {plural(others, 'other')} were there meanwhile." if others else ""
        messages.success(request, f"{plural(upload.made, 'subscriber')} made.{there}")
        return False


def _plan_of(upload: Upload) -> imports.Plan:
    tenant = uploads.tenant_of(upload)
    packages = {each.name: each for each in Package.objects.filter(tenant=tenant)}
    fresh = uploads.rows_of(upload)
    return imports.Plan(tenant, packages, fresh=fresh, take_over=upload.take_over)


def _lines(text: str) -> io.StringIO:
    """The csv module reads lines of its own."""
    return io.StringIO(text, newline="")


def _url(upload: Upload) -> str:
    return reverse("admin:subscribers_subscriber_import_file", args=[upload.token])


def _without_password(row: dict[str, str]) -> dict[str, str]:
    password = "given" if row.get("password") else "made up"
    return {"expires": "", "full_name": ""} | row | {"password": password}
