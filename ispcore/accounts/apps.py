from typing import Any

from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "ispcore.accounts"
    label = "accounts"
    verbose_name = "Accounts"

    def ready(self) -> None:
        """Django and allauth say by signals of theirs what happens in their own pages."""
        from allauth.mfa import signals
        from django.contrib.auth.signals import user_logged_in

        from ispcore.accounts import checks, listeners, marks  # noqa: F401 - checks register

        user_logged_in.connect(marks.begin)
        # the one place that all login pages pass, ours or not
        user_logged_in.connect(_logged_in, dispatch_uid="accounts.seen_networks")
        signals.authenticator_added.connect(listeners.second_factor_added)
        signals.authenticator_removed.connect(listeners.second_factor_removed)
        signals.authenticator_reset.connect(listeners.recovery_codes_renewed)


def _logged_in(*, request: Any, user: Any, **_rest: Any) -> None:
    from ispcore.accounts import networks
    from ispcore.accounts.operations import seen_networks

    address = networks.address(request.META.get("REMOTE_ADDR") or "") if request else None
    seen_networks.logged_in(user, address=address)
