"""How the protocols reach a router: its stored settings as plain values."""

from typing import cast

from django.conf import settings

from ispcore.protocols.routeros import RouterOsTarget
from ispcore.protocols.snmp import Engine, SnmpTarget, engine
from ispcore.protocols.snmp.values import AuthProtocol, PrivProtocol
from routers.models import Router

SNMP_TIMEOUT_S = 2.0
API_TIMEOUT_S = 5.0


def snmp_engine() -> Engine:
    return engine(settings.SNMP_ENGINE)


def snmp_target(router: Router) -> SnmpTarget:
    return SnmpTarget(
        address=router.address,
        port=router.snmp_port,
        version="v3" if router.snmp_version == Router.SnmpVersion.V3 else "v2c",
        community=router.snmp_community,
        user=router.snmp_user,
        auth_protocol=cast(AuthProtocol, router.snmp_auth_protocol),
        auth_key=router.snmp_auth_key,
        priv_protocol=cast(PrivProtocol, router.snmp_priv_protocol),
        priv_key=router.snmp_priv_key,
        timeout_s=SNMP_TIMEOUT_S,
    )


def api_target(router: Router) -> RouterOsTarget:
    return RouterOsTarget(
        address=router.address,
        port=router.api_port,
        tls=router.api_tls,
        user=router.api_user,
        password=router.api_password,
        tls_fingerprint=router.api_tls_fingerprint,
        timeout_s=API_TIMEOUT_S,
    )
