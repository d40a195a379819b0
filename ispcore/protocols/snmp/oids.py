"""Object identifiers that we ask for: SNMPv2-MIB [RFC 3418] and IF-MIB [RFC 2863]."""

SYS_DESCR = "1.3.6.1.2.1.1.1.0"
SYS_OBJECT_ID = "1.3.6.1.2.1.1.2.0"
SYS_UPTIME = "1.3.6.1.2.1.1.3.0"
SYS_NAME = "1.3.6.1.2.1.1.5.0"

# Uptimes of the machine rather than of its agent: HOST-RESOURCES-MIB [RFC 2790] in 1/100 s, and
# SNMP-FRAMEWORK-MIB [RFC 3411] in seconds.
HR_SYSTEM_UPTIME = "1.3.6.1.2.1.25.1.1.0"
SNMP_ENGINE_TIME = "1.3.6.1.6.3.10.2.1.3.0"

IF_NUMBER = "1.3.6.1.2.1.2.1.0"

# Columns: append ".<ifIndex>".
_IF_ENTRY = "1.3.6.1.2.1.2.2.1"
IF_DESCR = f"{_IF_ENTRY}.2"
IF_TYPE = f"{_IF_ENTRY}.3"
IF_SPEED = f"{_IF_ENTRY}.5"
IF_PHYS_ADDRESS = f"{_IF_ENTRY}.6"
IF_ADMIN_STATUS = f"{_IF_ENTRY}.7"
IF_OPER_STATUS = f"{_IF_ENTRY}.8"
IF_IN_OCTETS = f"{_IF_ENTRY}.10"
IF_OUT_OCTETS = f"{_IF_ENTRY}.16"

_IF_X_ENTRY = "1.3.6.1.2.1.31.1.1.1"
IF_NAME = f"{_IF_X_ENTRY}.1"
IF_HC_IN_OCTETS = f"{_IF_X_ENTRY}.6"
IF_HC_OUT_OCTETS = f"{_IF_X_ENTRY}.10"
IF_HIGH_SPEED = f"{_IF_X_ENTRY}.15"
IF_ALIAS = f"{_IF_X_ENTRY}.18"
IF_COUNTER_DISCONTINUITY_TIME = f"{_IF_X_ENTRY}.19"

STATES = {
    1: "up",
    2: "down",
    3: "testing",
    4: "unknown",
    5: "dormant",
    6: "notPresent",
    7: "lowerLayerDown",
}
