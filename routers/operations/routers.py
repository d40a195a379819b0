"""Make, change and remove routers."""

import ipaddress
import re

from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import ProtectedError

from ispcore.base import audit
from ispcore.base.audit import Actor
from ispcore.live.publish import publish
from ispcore.protocols.snmp.values import SHORTEST_KEY
from monitoring.operations import rules
from routers.models import Router, RouterCheck
from routers.operations import status
from routers.queries import methods_in_use

SHA256 = re.compile(r"\s*(?:[0-9A-Fa-f]{2}:?){31}[0-9A-Fa-f]{2}\s*")
BROADCAST = ipaddress.ip_address("255.255.255.255")
FIELDS = [field for field in Router._meta.concrete_fields if not field.primary_key]
ENTERED = [f.name for f in FIELDS if f.editable or f.name in {"is_demo", "updated_at"}]
FOUND_OUT = {f.attname for f in FIELDS if f.name not in ENTERED}


class RouterInUse(Exception):
    """Mappings hang on the router; nothing was changed."""


def save(router: Router, *, by: Actor) -> Router:
    """Store a new or changed router. Raises ValidationError naming the field and fault.

    Only what people enter is written; what collection found out meanwhile stays, but what a
    method that is not used any more last said goes. With polling off nothing judges the router
    any more: its alerts are resolved, and the age of its readings counts anew once it is on again.
    """
    router.full_clean()
    _refuse_impossible(router)
    with transaction.atomic():
        # no_key: what refers to the router (a new check, a poll) need not wait for us, nor we for it
        stored = Router.objects.select_for_update(no_key=True).filter(pk=router.pk).first()
        router.save(update_fields=ENTERED if stored else None)
        if not router.is_polled:
            Router.objects.filter(pk=router.pk).update(polled_at=None)
            rules.withdraw(status.subject_of(router), why="Polling was switched off")
        unused = [method for method, used in methods_in_use(router).items() if not used]
        RouterCheck.objects.filter(router=router, method__in=unused).delete()
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
            rules.withdraw(status.subject_of(router), why="The router was removed")
            router.delete()
            publish("overview")
    except ProtectedError as error:
        raise RouterInUse(
            f"{router} carries or carried {len(error.protected_objects)} mappings, and usage is "
            "kept with them: turn its polling off instead. Nothing was changed."
        ) from error


def _refuse_impossible(router: Router) -> None:
    """What no router could answer: RFC 3414 wants privacy only with authentication, and long keys."""
    faults: dict[str, str] = {}
    at = ipaddress.ip_address(router.address)
    if at.is_unspecified or at.is_multicast or at == BROADCAST:
        faults["address"] = "No router has this address: it stands for none, or for many."
    if router.snmp_version == Router.SnmpVersion.V3:
        if router.snmp_priv_protocol and not router.snmp_auth_protocol:
            faults["snmp_priv_protocol"] = "Privacy needs authentication too."
        if router.snmp_auth_protocol and len(router.snmp_auth_key) < SHORTEST_KEY:
            faults["snmp_auth_key"] = f"A key has at least {SHORTEST_KEY} characters."
        if router.snmp_priv_protocol and len(router.snmp_priv_key) < SHORTEST_KEY:
            faults["snmp_priv_key"] = f"A key has at least {SHORTEST_KEY} characters."
    if router.api_tls_fingerprint and not SHA256.fullmatch(router.api_tls_fingerprint):
        faults["api_tls_fingerprint"] = "A SHA-256 fingerprint has 64 hexadecimal digits."
    if faults:
        raise ValidationError(faults)


def _shown(router: Router) -> dict[str, object]:
    """Secrets appear only as present or absent."""
    return {name: value for name, value in audit.snapshot(router).items() if name not in FOUND_OUT}
