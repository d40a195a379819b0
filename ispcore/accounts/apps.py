from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "ispcore.accounts"
    label = "accounts"
    verbose_name = "Accounts"
