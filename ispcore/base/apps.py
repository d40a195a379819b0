from django.apps import AppConfig


class BaseConfig(AppConfig):
    name = "ispcore.base"
    label = "base"
    verbose_name = "Platform"
