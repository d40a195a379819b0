"""Thousands of SNMP routers in one process: few tricks, no state, and as little CPU as possible."""
