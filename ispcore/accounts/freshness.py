"""Asks again who sits there before what cannot be undone or would give away a secret."""

from typing import Any
from urllib.parse import urlencode

from django.contrib import admin, messages
from django.contrib.admin.utils import unquote
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse

from ispcore.accounts import marks


def ask_again(request: HttpRequest) -> HttpResponse | None:
    """None for who proved of late who they are, else the way to do so and back to this page.

    What was sent is not kept meanwhile, for it may hold a password: the form is filled in again.
    """
    if _has_proved(request):
        return None
    if _sends(request):
        messages.warning(request, "Nothing was changed: it took too long. Send the form again.")
    back = urlencode({"next": request.get_full_path()})
    return HttpResponseRedirect(f"{reverse('account_reauthenticate')}?{back}")


def _has_proved(request: HttpRequest) -> bool:
    within_s = marks.FRESH_TO_SEND_S if _sends(request) else marks.FRESH_S
    return marks.is_fresh(request, within_s=within_s)


def _sends(request: HttpRequest) -> bool:
    return request.method not in {"GET", "HEAD"}


class AsksAgain(admin.ModelAdmin):  # type: ignore[type-arg]
    """A model whose rows are deleted, and changed too where `asks_before_change`, only by who
    proved of late who they are. Who may not at all is refused as ever, without being asked.
    """

    asks_before_change = False

    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        # only who has to prove it costs a look at the row before that of the page
        asks = self.asks_before_change and not _has_proved(request)
        if asks and self._may_write(request, object_id):
            return ask_again(request)
        return super().changeform_view(request, object_id, form_url, extra_context)

    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        if not _has_proved(request) and self._may_delete(request, object_id):
            return ask_again(request)
        return super().delete_view(request, object_id, extra_context)

    def _may_delete(self, request: HttpRequest, object_id: str) -> bool:
        row = self.get_object(request, unquote(object_id))
        return row is not None and self.has_delete_permission(request, row)

    def _may_write(self, request: HttpRequest, object_id: str | None) -> bool:
        if object_id is None:
            return self.has_add_permission(request)
        row = self.get_object(request, unquote(object_id))
        return row is not None and self.has_change_permission(request, row)
