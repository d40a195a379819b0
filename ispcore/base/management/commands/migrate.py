"""manage.py migrate: Django's, as the owner of all tables, with rights and policies afterwards."""

from typing import Any

from django.core.management.commands import migrate

from ispcore.base.rls import identity, roles, upkeep


class Command(migrate.Command):
    def get_check_kwargs(self, options: dict[str, Any]) -> Any:
        """Without the checks of the database: what they would say may be what is mended here."""
        kwargs: Any = super().get_check_kwargs(options)
        return {**kwargs, "databases": None}

    def handle(self, *args: Any, **options: Any) -> None:
        if options["database"] == "radius" and not options["app_label"]:
            # all others would only be ticked off there
            options |= {"app_label": "radius", "run_syncdb": False}
        if options["database"] != "default" or not roles.apply_here():
            super().handle(*args, **options)
            return
        roles.adopt()
        with identity.as_owner():
            super().handle(*args, **options)
        if not (options["plan"] or options["check_unapplied"]):
            upkeep.sync()
