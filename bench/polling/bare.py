"""The yardstick: gufo-snmp asks for the same values and throws them away. No portal in it.

`python -m bench.polling.bare SPEC CONCURRENCY`: a session per router and cycle, 60 OIDs per PDU, each
PDU with sysUpTime and ifNumber, as the portal asks (docs/collection.md).
"""

import asyncio
import json
import resource
import sys
import time

from gufo.snmp import SnmpVersion
from gufo.snmp.aio import SnmpSession

from bench.polling import Answer, answer_lines
from lab.fleet.spec import FleetSpec

SYS_UP_TIME, IF_NUMBER = "1.3.6.1.2.1.1.3.0", "1.3.6.1.2.1.2.1.0"
IF_NAME, HC_IN, HC_OUT = (f"1.3.6.1.2.1.31.1.1.1.{column}" for column in (1, 6, 10))
OPER_STATUS = "1.3.6.1.2.1.2.2.1.8"
VLANS_PER_PDU = (60 - 2) // 4


def main() -> None:
    spec = FleetSpec(**json.loads(sys.argv[1]))
    slots = int(sys.argv[2])
    answer_lines({"cycle": lambda: _cycle(spec, slots)})


def _cycle(spec: FleetSpec, slots: int) -> Answer:
    used, started = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    values = asyncio.run(_read_all(spec, slots))
    wall_s, now = time.perf_counter() - started, resource.getrusage(resource.RUSAGE_SELF)
    cpu_s = now.ru_utime + now.ru_stime - used.ru_utime - used.ru_stime
    return {"wall_s": wall_s, "cpu_s": cpu_s, "values": values}


async def _read_all(spec: FleetSpec, slots: int) -> int:
    """How many values came. Raises what gufo raises: a yardstick that fails is none."""
    free = asyncio.Semaphore(slots)
    pdus = _pdus(spec.vlans)

    async def read(number: int) -> int:
        async with free:
            session = SnmpSession(
                spec.address(number),
                port=spec.port_of(number),
                community=spec.community,
                version=SnmpVersion.v2c,
                timeout=5,
            )
            return sum([len(await session.get_many(pdu)) for pdu in pdus])

    return sum(await asyncio.gather(*(read(n) for n in range(1, spec.routers + 1))))


def _pdus(vlans: int) -> list[list[str]]:
    groups = [
        [f"{root}.{vlan}" for root in (IF_NAME, HC_IN, HC_OUT, OPER_STATUS)]
        for vlan in range(1, vlans + 1)
    ]
    return [
        [
            SYS_UP_TIME,
            IF_NUMBER,
            *(oid for group in groups[at : at + VLANS_PER_PDU] for oid in group),
        ]
        for at in range(0, vlans, VLANS_PER_PDU)
    ]


if __name__ == "__main__":
    main()
