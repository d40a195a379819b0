"""A small network on loopback: RouterOS API servers and SNMP agents that tell one story."""
