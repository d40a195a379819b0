"""What the API's read-only view sets share: a scope for tokens, and word of denied rows."""

from typing import Any, ClassVar

from django.http import Http404
from rest_framework.viewsets import ReadOnlyModelViewSet

from ispcore.accounts import security
from ispcore.accounts.api_auth import address_of


class ScopedReads(ReadOnlyModelViewSet):  # type: ignore[type-arg]
    """Rows of one model that `scope.visible` lets through; others answer 404."""

    resource: ClassVar[str]
    """What an API token's scopes call these rows (`token_scopes.RESOURCES`)."""

    def get_object(self) -> Any:
        try:
            return super().get_object()
        except Http404:
            model = self.get_queryset().model
            pk, address = self.kwargs.get("pk"), address_of(self.request)
            security.denied_row(self.request.user, model, pk, address=address)
            raise
