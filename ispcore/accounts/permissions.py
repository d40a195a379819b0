"""The API's door: who is logged in may ask, and sees what `scope.visible` lets through."""

from typing import TYPE_CHECKING

from rest_framework.permissions import BasePermission
from rest_framework.request import Request

from ispcore.accounts.models import Account
from ispcore.accounts.roles import May

if TYPE_CHECKING:  # rest_framework.views imports this module, which the settings name
    from rest_framework.views import APIView


class RolePermissions(BasePermission):
    """Reading needs the right to view; a view names `capability` for writing, and `resource`,
    which an API token's scopes must name too: without it no limited token gets in."""

    def has_permission(self, request: Request, view: "APIView") -> bool:
        account = request.user
        if not isinstance(account, Account):
            return False
        resource = getattr(view, "resource", "")
        if request.method in {"GET", "HEAD", "OPTIONS"}:
            return account.reaches(resource, "read") and account.may(May.VIEW)
        if not account.reaches(resource, "write"):
            return False
        needed = getattr(view, "capability", None)
        return needed is not None and account.may(needed)
