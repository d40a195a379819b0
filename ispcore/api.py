"""The API's addresses, and what all its answers share.

The pattern for later endpoints: a read-only view set whose query set goes through
`scope.visible`; an explicit serializer with the unit in each name; query parameters read by the
functions below, which name the parameter in what they refuse.
"""

from rest_framework.routers import DefaultRouter

from monitoring.api import AlertViewSet
from resellers.api import ResellerViewSet


class Router(DefaultRouter):
    """Addresses without a slash at the end; with one they work too."""

    include_format_suffixes = False

    def __init__(self) -> None:
        super().__init__()
        self.trailing_slash = "/?"


router = Router()
router.register("resellers", ResellerViewSet, basename="reseller")
router.register("alerts", AlertViewSet, basename="alert")
