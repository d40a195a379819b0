"""What the API's read-only view sets share: a scope for tokens, and word of denied rows."""

from typing import Any, ClassVar

from django.http import Http404
from rest_framework.viewsets import ReadOnlyModelViewSet

from ispcore.accounts import security


class ScopedReads(ReadOnlyModelViewSet):  # type: ignore[type-arg]
    """Rows of one model that `scope.visible` lets through; others answer 404."""

    resource: ClassVar[str]
    """What an API token's scopes call these rows (`token_scopes.RESOURCES`)."""

    def get_object(self) -> Any:
        try:
            return super().get_object()
        except Http404:
            security.denied_row(self.request, self.get_queryset().model, self.kwargs.get("pk"))
            raise
