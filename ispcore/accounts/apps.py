from typing import Any

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "ispcore.accounts"
    label = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        from django.contrib.auth.signals import user_logged_in

        # Django's own word of a login: the one place that all login pages pass, ours or not
        user_logged_in.connect(_logged_in, dispatch_uid="accounts.seen_networks")


def _logged_in(*, request: Any, user: Any, **_rest: Any) -> None:
    from ispcore.accounts import networks
    from ispcore.accounts.operations import seen_networks

    address = networks.address(request.META.get("REMOTE_ADDR") or "") if request else None
    seen_networks.logged_in(user, address=address)
