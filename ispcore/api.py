"""The API's addresses, and what all its answers share.

The pattern for later endpoints: a read-only view set whose query set goes through
`scope.visible`; an explicit serializer with the unit in each name; query parameters read by the
functions below, which name the parameter in what they refuse.
"""

from django.urls import path
from rest_framework.routers import DefaultRouter

from ispcore.accounts.api import LoginView, LogoutEverywhereView, LogoutView, RefreshView
from ispcore.live.api import TicketView
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

identity = [
    path("auth/login", LoginView.as_view(), name="api-login"),
    path("auth/refresh", RefreshView.as_view(), name="api-refresh"),
    path("auth/logout", LogoutView.as_view(), name="api-logout"),
    path("auth/logout-everywhere", LogoutEverywhereView.as_view(), name="api-logout-everywhere"),
    path("live/ticket", TicketView.as_view(), name="api-live-ticket"),
]
