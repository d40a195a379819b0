"""What `manage.py check --deploy --database default` says about logins."""

from collections.abc import Sequence
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Tags, register
from django.core.checks import Warning as CheckWarning
from django.db import DatabaseError

from ispcore.accounts.models import RolePolicy
from ispcore.accounts.roles import Role

POWERFUL = (Role.SUPER_USER, Role.ADMIN)


@register(Tags.database, deploy=True)
def powerful_roles_need_a_second_factor(
    app_configs: Any, databases: Sequence[str] | None = None, **options: Any
) -> list[CheckMessage]:
    """Warning accounts.W001, for a portal that is meant for the Internet."""
    if "default" not in (databases or ()) or not settings.SECURE_SSL_REDIRECT:
        return []
    try:
        lax = RolePolicy.objects.filter(role__in=POWERFUL, needs_second_factor=False)
        roles = ", ".join(str(policy) for policy in lax)
    except DatabaseError:
        return []  # the tables are not there yet
    if not roles:
        return []
    return [
        CheckWarning(
            f"a password alone opens the accounts of: {roles}",
            hint="Accounts, Login rules: require a second factor of these roles",
            id="accounts.W001",
        )
    ]
