from django.apps import AppConfig


class RoutersConfig(AppConfig):
    name = "routers"
    verbose_name = "Routers"

    def ready(self) -> None:
        from ispcore.base import unit_of_work
        from radius.operations import nas
        from routers import checks, queries  # noqa: F401 - registers the system check

        unit_of_work.register(nas.SCOPE, nas.Clients(queries.radius_clients))
