from django.apps import AppConfig


class RadiusConfig(AppConfig):
    name = "radius"
    verbose_name = "RADIUS"

    def ready(self) -> None:
        from radius import checks  # noqa: F401 - registers the system checks
