"""What the admins of packages and subscribers share: refusals in words, and pages that act."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from ispcore.accounts.pages import PageAdmin, actor_of, page_url
from ispcore.base.audit import Actor
from ispcore.base.faults import Undecided, words_of
from ispcore.base.form_tokens import token_of
from ispcore.base.outermost import OutermostAdmin
from ispcore.base.refused_forms import add_refusal
from ispcore.base.unit_of_work import DoneBefore, once, refuse_repeated
from subscribers.forms import offer_take_over
from subscribers.operations.refusals import REFUSALS
from subscribers.operations.strangers import MadeByHand

Values = dict[str, Any]
Made = TypeVar("Made")
Told = dict[str, Any]
"""What is said of a change: "said" in words, and a "password" that is shown once, of which "kind"."""


class ProvisionedAdmin(PageAdmin, OutermostAdmin):
    """Rows that stand in two databases. What an operation refused comes back in the form, with all
    that was typed; FreeRADIUS' database may be one that does not answer."""

    refusals = (*REFUSALS, Undecided)

    def act(
        self,
        request: HttpRequest,
        row: Any,
        form: forms.Form,
        do: Callable[[Values, Actor], Made],
        said: Callable[[Made], str | Told],
        **frame: Any,
    ) -> HttpResponse:
        """A page with a form; `do` gets what was typed and by whom, and runs one unit of work, of
        whose result `said` says what it did. `frame` is title, lead, button and what else
        portal/form.html shows."""
        if request.method == "POST":
            try:
                refuse_repeated(token_of(request), by=actor_of(request))
                if form.is_valid():
                    told = self.once(
                        request, lambda: do(form.cleaned_data, actor_of(request)), said
                    )
                    return self.tell(request, row, told)
            except DoneBefore as before:
                return self.tell(request, row, before.told, str(before))
            except Undecided as error:
                messages.error(request, words_of(error))
                return redirect(page_url(row))
            except self.caught() as error:
                self.refuse(form, error)
        context = {"form": form, "back_url": page_url(row)} | frame
        context.setdefault("crumbs", [(str(row), page_url(row))])
        title = str(context.pop("title"))
        return self.answer(request, "portal/form.html", context, title=title)

    def once(
        self, request: HttpRequest, do: Callable[[], Made], said: Callable[[Made], str | Told]
    ) -> Told:
        """Do it, unless the page that asks for it has been sent before. Raises DoneBefore."""

        def told(made: Made) -> Told:
            words = said(made)
            return words if isinstance(words, dict) else {"said": words}

        return dict(once(token_of(request), do, by=actor_of(request), told=told))

    def tell(
        self,
        request: HttpRequest,
        row: Any,
        told: Mapping[str, Any],
        again: str = "",
    ) -> HttpResponse:
        """Answer with what was told, now, or before if the page was sent `again`."""
        said, password = told.get("said", ""), told.get("password", "")
        if not password:
            messages.success(request, f"{said} {again}".strip())
            return redirect(page_url(row))
        if again:
            messages.info(request, again)
        return self.password_answer(request, row, password, told)

    def password_answer(
        self, request: HttpRequest, row: Any, password: str, told: Mapping[str, Any]
    ) -> HttpResponse:
        """A password, this once."""
        raise NotImplementedError

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        try:
            token = token_of(request)
            if token and self._may_write(request, object_id):
                refuse_repeated(token, by=actor_of(request))
            return super().changeform_view(request, object_id, form_url, extra_context)
        except DoneBefore as before:
            if object_id is None and not before.told:  # which one was made is lost too
                messages.warning(request, str(before))
                return redirect(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")
            row = self.visible_or_404(request, before.told.get("pk", object_id))
            return self.tell(request, row, before.told, str(before))

    def refuse(self, form: forms.Form, error: Exception) -> None:
        """Say it in the form, which says itself that nothing was changed; of rows that were made by
        hand, offer to take them over to who may."""
        if isinstance(error, MadeByHand) and error.may_take_over:
            offer_take_over(form)
        add_refusal(form, error, self.model)
