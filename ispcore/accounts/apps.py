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
        user_logged_in.connect(listeners.logged_in)
        signals.authentication_failed.connect(listeners.code_was_wrong)
        signals.authenticator_added.connect(listeners.second_factor_added)
        signals.authenticator_removed.connect(listeners.second_factor_removed)
        signals.authenticator_reset.connect(listeners.recovery_codes_renewed)
