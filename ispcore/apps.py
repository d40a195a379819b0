from django.apps import AppConfig


class RoofConfig(AppConfig):
    """The roof: joins the apps together once all of them are loaded."""

    name = "ispcore"
    label = "portal"

    def ready(self) -> None:
        from ispcore import wiring

        wiring.connect()
