"""Make, change and remove routers."""

from django.db import transaction
from django.db.models import ProtectedError

from ispcore.base import audit
from ispcore.base.audit import Actor
from ispcore.live.publish import publish
from routers.models import Router


class RouterInUse(Exception):
    """Mappings hang on the router; nothing was changed."""


def save(router: Router, *, by: Actor) -> Router:
    """Store a new or changed router. Raises ValidationError naming the field and fault."""
    router.full_clean()
    with transaction.atomic():
        stored = Router.objects.select_for_update().filter(pk=router.pk).first()
        router.save()
        audit.record(
            "change" if stored else "create",
            router,
            by=by,
            old=_shown(stored) if stored else {},
            new=_shown(router),
            tenant_id=router.tenant_id,
        )
        publish("router", str(router.pk))
        publish("overview")
    return router


def delete(router: Router, *, by: Actor) -> None:
    """Remove a router with its interfaces. Raises RouterInUse where mappings hang on it."""
    try:
        with transaction.atomic():
            audit.record("delete", router, by=by, old=_shown(router), tenant_id=router.tenant_id)
            router.delete()
            publish("overview")
    except ProtectedError as error:
        raise RouterInUse(
            f"{router} carries or carried {len(error.protected_objects)} mappings, and usage is "
            "kept with them: turn its polling off instead. Nothing was changed."
        ) from error


def _shown(router: Router) -> dict[str, object]:
    """Secrets appear only as present or absent; that one was changed is said by the fingerprint."""
    return audit.snapshot(router)
