from django.apps import AppConfig


class LiveConfig(AppConfig):
    name = "ispcore.live"
    label = "live"
    verbose_name = "Live pages"
