from django.apps import AppConfig


class BaseConfig(AppConfig):
    name = "ispcore.base"
    label = "base"
    verbose_name = "Platform"

    def ready(self) -> None:
        from django.db.backends.signals import connection_created

        from ispcore.base import checks  # noqa: F401 - registers the system checks
        from ispcore.base.rls import checks as walls  # noqa: F401 - these too
        from ispcore.base.sqlite import keep_private

        connection_created.connect(keep_private)
