from django.apps import AppConfig


class RoutersConfig(AppConfig):
    name = "routers"
    verbose_name = "Routers"

    def ready(self) -> None:
        from routers import checks  # noqa: F401 - registers the system check
