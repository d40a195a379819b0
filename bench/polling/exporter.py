"""Debian's prometheus-snmp-exporter, scraped for the same fleet as Prometheus would."""

import asyncio
import shutil
import tempfile
import time
import urllib.parse
from pathlib import Path
from types import TracebackType
from typing import Self

from lab.fleet.spec import FleetSpec
from tests.harness.processes import Running, free_port, program

PROGRAM = "prometheus-snmp-exporter"
# 0.21's format (0.23 moved auth out). 60 repetitions bring a column of 50 VLANs in one answer,
# which is faster for it than its default of 25.
CONFIG = """
lab:
  walk: [1.3.6.1.2.1.2.2.1.8, 1.3.6.1.2.1.31.1.1.1.1, 1.3.6.1.2.1.31.1.1.1.6, 1.3.6.1.2.1.31.1.1.1.10]
  get: [1.3.6.1.2.1.1.3.0]
  metrics:
    - {name: sysUpTime, oid: 1.3.6.1.2.1.1.3, type: gauge, help: uptime}
    - name: ifOperStatus
      oid: 1.3.6.1.2.1.2.2.1.8
      type: gauge
      help: state
      indexes: &indexes [{labelname: ifIndex, type: gauge}]
      lookups: &lookups
        - {labels: [ifIndex], labelname: ifName, oid: 1.3.6.1.2.1.31.1.1.1.1, type: DisplayString}
    - name: ifHCInOctets
      oid: 1.3.6.1.2.1.31.1.1.1.6
      type: counter
      help: octets in
      indexes: *indexes
      lookups: *lookups
    - name: ifHCOutOctets
      oid: 1.3.6.1.2.1.31.1.1.1.10
      type: counter
      help: octets out
      indexes: *indexes
      lookups: *lookups
  version: 2
  max_repetitions: 60
  timeout: 2s
  retries: 1
  auth: {community: COMMUNITY}
"""


class BadScrape(Exception):
    """The exporter did not give every value of a router: its time means nothing then."""


class Exporter:
    """A running exporter on a free port of 127.0.0.1, as a context manager."""

    def __init__(self, spec: FleetSpec) -> None:
        self.spec = spec
        self.directory = Path(tempfile.mkdtemp(prefix="exporter-"))
        self.port = free_port()
        config = self.directory / "snmp.yml"
        config.write_text(CONFIG.replace("COMMUNITY", spec.community))
        self._running = Running(
            [
                program(PROGRAM),
                f"--config.file={config}",
                f"--web.listen-address=127.0.0.1:{self.port}",
                "--log.level=error",
            ],
            log=self.directory / "log",
        )

    def __enter__(self) -> Self:
        self._running.wait_until(self._is_there, timeout_s=20)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._running.stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _is_there(self) -> bool:
        try:
            asyncio.run(self._fetch("/"))
        except OSError:
            return False
        return True

    def scrape(self, concurrency: int) -> float:
        """Seconds for every router once, so many at a time. Raises BadScrape."""
        started = time.perf_counter()
        asyncio.run(self._scrape_all(concurrency))
        return time.perf_counter() - started

    async def _scrape_all(self, concurrency: int) -> None:
        slots = asyncio.Semaphore(concurrency)

        async def one(number: int) -> None:
            where = f"{self.spec.address(number)}:{self.spec.port_of(number)}"
            query = urllib.parse.urlencode({"target": where, "module": "lab"})
            async with slots:
                body = await self._fetch(f"/snmp?{query}")
            for metric in (b"ifHCInOctets{", b"ifHCOutOctets{", b"ifOperStatus{"):
                if body.count(b"\n" + metric) != self.spec.vlans:
                    raise BadScrape(f"{where}: {body[:300].decode(errors='replace')}")

        await asyncio.gather(*(one(n) for n in range(1, self.spec.routers + 1)))

    async def _fetch(self, path: str) -> bytes:
        """HTTP/1.0: the answer ends where the connection does."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        try:
            return await reader.read()
        finally:
            writer.close()
