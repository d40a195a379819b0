"""/api/live/ticket: a way into the live socket for API clients."""

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from ispcore.accounts.api_identity import Bearer
from ispcore.accounts.models import Account
from ispcore.accounts.operations import tickets
from ispcore.accounts.roles import May


class IsBearer(BasePermission):
    """An API client; a page of ours opens the socket with its session."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        account = request.user
        if not isinstance(account, Account) or not isinstance(request.auth, Bearer):
            return False
        return account.may(May.VIEW)


class TicketView(APIView):
    """POST: a ticket for /live/?ticket=…, once, within half a minute."""

    permission_classes = (IsBearer,)

    def post(self, request: Request) -> Response:
        assert isinstance(request.auth, Bearer)  # noqa: S101 - IsBearer said so
        ticket = tickets.issue(request.auth)
        return Response({"ticket": ticket, "expires_in_s": tickets.GOOD_FOR_S})
