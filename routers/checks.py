"""System check of the operator's own file of device models."""

from typing import Any

from django.core.checks import CheckMessage, Error, register

from ispcore.protocols.snmp import BadDeviceModels
from routers.targets import device_models


@register()
def own_device_models(app_configs: Any, **options: Any) -> list[CheckMessage]:
    """Error routers.E001 for each fault of the file that DEVICE_MODELS names."""
    try:
        device_models()
    except BadDeviceModels as error:
        hint = "DEVICE_MODELS names the file; docs/devices.md tells what may stand in it"
        return [Error(fault, hint=hint, id="routers.E001") for fault in str(error).splitlines()]
    return []
