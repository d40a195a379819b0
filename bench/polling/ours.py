"""The measured side: the portal's collection, whole cycles of it, on a database of its own.

`python -m bench.polling.ours SPEC` with DATABASE_URL; SPEC is the fleet as JSON.
"""

import json
import os
import resource
import sys
import threading
from pathlib import Path
from typing import Any

from bench.polling import Answer, answer_lines
from lab.fleet.spec import FleetSpec, octets_per_tick

SURE = 0.01  # how far a rate may be from the law: uptime is read in ticks of 10 ms


def main() -> None:
    os.environ["DJANGO_SETTINGS_MODULE"] = "ispcore.settings"
    os.environ["ISPCORE_PROCESS"] = "worker"
    import django

    django.setup()
    spec = FleetSpec(**json.loads(sys.argv[1]))
    collecting = Collecting(spec)
    answer_lines(
        {
            "migrate": collecting.migrate,
            "populate": collecting.populate,
            "cycle": collecting.cycle,
            "verify": collecting.verify,
        }
    )


class Collecting:
    """The verbs of this side."""

    def __init__(self, spec: FleetSpec) -> None:
        from bench.polling.moved_clock import MovedClock
        from routers.operations import collector

        self.spec = spec
        self.clock = MovedClock()
        self.collector = collector.open_here()
        self.report = self.collector.report = _timed_report()

    def _collect(self) -> None:
        """Two threads, as `Collector.run` has them."""
        poller = threading.Thread(target=self.collector.poller.poll)
        poller.start()
        while poller.is_alive() or self.collector.spool.names():
            self.collector.wait_for_news()
            self.collector.turn()

    def migrate(self) -> Answer:
        from django.core.management import call_command
        from django.db import connection

        call_command("migrate", verbosity=0)
        connection.close()
        return {}

    def populate(self) -> Answer:
        """The fleet's routers and interfaces, as if discovered; and the tables' statistics."""
        from django.db import connection

        from bench.fleet import polled_fleet

        polled_fleet(self.spec)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        return {}

    def cycle(self, step_s: float) -> Answer:
        """One collection as the collector makes it, `step_s` of the portal's time after the last
        one began plus what has really gone by.

        `wall_s` and `cpu_s` are from the first question to the commit, with what was read synced
        to disk in between. `cpu_around_s` is what the process does before (reading the plan) and
        afterwards (alerts, roll-ups, pages).
        """
        self.clock.step(step_s)
        with self.clock.stopped_for_the_portal():
            all_s = _cpu_s()
            self.collector.refresh(now=True)
            before, began_s = _samples(), _cpu_s()
            self._collect()
            all_s = _cpu_s() - all_s
        report = self.report
        cpu_s = report.committed_cpu_s - began_s
        return {
            "wall_s": report.cycle_s,
            "cpu_s": cpu_s,
            "cpu_around_s": all_s - cpu_s,
            "answered": report.answered,
            "buckets": _samples() - before,
            "rss_mb": _peak_rss_mb(),
            "timeout_s": _timeout_s(),
        }

    def verify(self) -> Answer:
        """Count the samples, and those whose rates are not what the fleet sent.

        Samples of dead routers' return are means of a long interval: their rate is right too.
        """
        from resellers.models import Usage
        from routers.models import InterfaceUsage

        rows = InterfaceUsage.objects.values_list(
            "interface__router__name", "interface__index", "in_bps", "out_bps", "quality"
        )
        clean = rows.filter(covered_s=300)
        wrong = sum(1 for row in clean.iterator(chunk_size=10_000) if not self._is_right(*row))
        return {
            "samples": InterfaceUsage.objects.count(),
            "resellers_samples": Usage.objects.count(),
            "full": clean.count(),
            "wrong": wrong,
        }

    def _is_right(
        self, router: str, vlan: int, in_bps: int | None, out_bps: int | None, quality: int
    ) -> bool:
        number = int(router.rpartition("-")[2])
        found = {"in": in_bps, "out": out_bps}
        for direction, bps in found.items():
            law_bps = octets_per_tick(self.spec.seed, number, vlan, direction) * 800
            if bps is None or abs(bps - law_bps) > SURE * law_bps:
                return False
        return quality & ~INTERPOLATED == 0


INTERPOLATED = 2  # docs/collection.md


def _timed_report() -> Any:
    """The collector's own, which hears of each commit, and notes our CPU time then."""
    from routers.operations.collector_report import Report

    class Timed(Report):
        committed_cpu_s = 0.0

        def cycle(self, *given: Any) -> None:
            self.committed_cpu_s = _cpu_s()
            super().cycle(*given)

    return Timed()


def _samples() -> int:
    from routers.models import InterfaceUsage

    return InterfaceUsage.objects.count()


def _timeout_s() -> float:
    """How long the portal waits for a router that says nothing."""
    from routers.models import Router
    from routers.targets import snmp_target

    target = snmp_target(Router.objects.all()[0])
    return target.timeout_s * target.tries


def _cpu_s() -> float:
    """User and system time of this process and of children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def _peak_rss_mb() -> float:
    """VmHWM: unlike getrusage's figure it begins anew with the program."""
    status = Path("/proc/self/status").read_text("ascii")
    line = next(line for line in status.splitlines() if line.startswith("VmHWM:"))
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    main()
