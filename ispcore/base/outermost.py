"""An admin whose forms are stored by units of work, which must be the outermost transaction."""

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.decorators import method_decorator
from django.views.decorators.csrf import csrf_protect


class OutermostAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
    """Django runs what changes or deletes a row within a transaction of its own; here the operation
    that is called opens it. Comes last among the bases, so that everything else is around it.
    """

    @method_decorator(csrf_protect)
    def changeform_view(
        self,
        request: HttpRequest,
        object_id: str | None = None,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        return self._changeform_view(request, object_id, form_url, extra_context)  # type: ignore[attr-defined]

    @method_decorator(csrf_protect)
    def delete_view(
        self, request: HttpRequest, object_id: str, extra_context: dict[str, Any] | None = None
    ) -> Any:
        return self._delete_view(request, object_id, extra_context)  # type: ignore[attr-defined]
