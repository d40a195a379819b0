"""The API's door: who is logged in may ask, and sees what `scope.visible` lets through."""

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from ispcore.accounts.models import Account
from ispcore.accounts.roles import May

if TYPE_CHECKING:  # rest_framework.views imports this module, which the settings name
    from rest_framework.views import APIView


class RolePermissions(BasePermission):
    """Reading needs a session and the right to view; a view names `capability` for writing."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        account = request.user
        if not isinstance(account, Account):
            return False
        if request.method in {"GET", "HEAD", "OPTIONS"}:
            return account.may(May.VIEW)
        needed = getattr(view, "capability", None)
        return needed is not None and account.may(needed)
