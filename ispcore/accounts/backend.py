"""Password login, and model permissions derived from the role."""

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.hashers import make_password
from django.http import HttpRequest

from ispcore.accounts.models import Account
from ispcore.accounts.roles import EDITED_WITH, NEEDS_TO_SEE, TENANT_SEES, May
from ispcore.accounts.scope import is_within_grants


class RoleBackend(BaseBackend):
    """Authenticates by user name and password; answers `app.action_model` from the role."""

    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **credentials: Any,
    ) -> Account | None:
        if not username or password is None:
            return None
        account = Account.objects.filter(username=username).first()
        if account is None:
            make_password(password)  # the same work, so that time does not tell who exists
            return None
        return account if account.check_password(password) and account.is_active else None

    def get_user(self, user_id: int) -> Account | None:
        account = Account.objects.select_related("tenant").filter(pk=user_id).first()
        return account if account and account.is_active else None

    def has_perm(self, user_obj: Any, perm: str, obj: Any = None) -> bool:
        if not isinstance(user_obj, Account) or not user_obj.is_active:
            return False
        app, _, codename = perm.partition(".")
        action, _, model = codename.partition("_")
        label = f"{app}.{model}"
        if user_obj.is_narrowed and not is_within_grants(label, action):
            return False
        if action == "view":
            return self._sees(user_obj, label)
        needed = EDITED_WITH.get(label)
        return needed is not None and user_obj.may(needed)

    @staticmethod
    def _sees(account: Account, label: str) -> bool:
        if not account.is_staff and label not in TENANT_SEES:
            return False
        return account.may(NEEDS_TO_SEE.get(label, May.VIEW))
