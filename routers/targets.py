"""How the protocols reach a router: its stored settings as plain values."""

from collections.abc import Iterable
from functools import cache, lru_cache
from pathlib import Path
from typing import Protocol, cast

from django.conf import settings

from ispcore.protocols.routeros import RouterOsTarget
from ispcore.protocols.snmp import (
    DeviceModel,
    DeviceModels,
    Engine,
    SnmpTarget,
    Wanted,
    engine,
    load_all,
)
from ispcore.protocols.snmp.values import AuthProtocol, PrivProtocol
from routers.models import Router

SNMP_TIMEOUT_S = 2.0
API_TIMEOUT_S = 5.0


def snmp_engine() -> Engine:
    return engine(settings.SNMP_ENGINE)


@cache
def device_models() -> DeviceModels:
    """What ships, and the operator's own file. Raises BadDeviceModels, as the system check does
    before anything starts."""
    return load_all([Path(settings.DEVICE_MODELS)] if settings.DEVICE_MODELS else [])


def model_of(router: Router) -> DeviceModel:
    """What is special about the router, by what it said at its last discovery."""
    return _chosen(router.sys_object_id, router.sys_descr)


@lru_cache(maxsize=4096)
def _chosen(sys_object_id: str, sys_descr: str) -> DeviceModel:
    return device_models().choose(sys_object_id, sys_descr)


class Counted(Protocol):
    """An interface as a poll needs it: the row, or what a plan keeps of it."""

    @property
    def index(self) -> int: ...
    @property
    def name(self) -> str: ...
    @property
    def counter_bits(self) -> int: ...


def wanted(router: Router, interfaces: Iterable[Counted]) -> list[Wanted]:
    """What a poll of the router asks of these interfaces."""
    asks = model_of(router).discontinuity
    return [Wanted(i.index, i.name, i.counter_bits, asks) for i in interfaces]


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
        model=model_of(router),
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
