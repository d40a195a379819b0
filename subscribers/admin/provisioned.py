"""What the admins of packages and subscribers share: refusals in words, and pages that act."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from ispcore.accounts.pages import PageAdmin, actor_of, page_url
from ispcore.base.audit import Actor
from ispcore.base.faults import UNCHANGED, Undecided, words_of
from ispcore.base.outermost import OutermostAdmin
from subscribers.operations.refusals import REFUSALS

Values = dict[str, Any]


class ProvisionedAdmin(PageAdmin, OutermostAdmin):
    """Rows that stand in two databases. What an operation refused comes back in the form, with all
    that was typed; FreeRADIUS' database may be one that does not answer."""

    refusals = (*REFUSALS, Undecided)

    def act(
        self,
        request: HttpRequest,
        row: Any,
        form: forms.Form,
        do: Callable[[Values, Actor], str | HttpResponse],
        **frame: Any,
    ) -> HttpResponse:
        """A page with a form; `do` gets what was typed and by whom, and says what it did, or answers
        by itself. `frame` is title, lead, button and what else portal/form.html shows."""
        if request.method == "POST" and form.is_valid():
            try:
                said = do(form.cleaned_data, actor_of(request))
            except Undecided as error:
                messages.error(request, words_of(error))
                return redirect(page_url(row))
            except self.caught() as error:
                self.refuse(form, error)
            else:
                if isinstance(said, HttpResponse):
                    return said
                messages.success(request, said)
                return redirect(page_url(row))
        context = {"form": form, "back_url": page_url(row)} | frame
        context.setdefault("crumbs", [(str(row), page_url(row))])
        title = str(context.pop("title"))
        return self.answer(request, "portal/form.html", context, title=title)

    def refuse(self, form: forms.Form, error: Exception) -> None:
        """Say it beside the field that it is about, else above the form, which says itself that
        nothing was changed."""
        named = getattr(error, "error_dict", None)
        if named is not None and named.keys() <= form.fields.keys():
            form.add_error(None, named)
            return
        form.add_error(None, words_of(error, self.model).removesuffix(UNCHANGED).strip())
