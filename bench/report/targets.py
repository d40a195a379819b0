"""What the figures are to be, and how the cost of each thing grows."""

from dataclasses import dataclass
from operator import ge, le


@dataclass(frozen=True, slots=True)
class Target:
    """A bound on a figure, and what the figure is in words."""

    words: str
    most: float | None = None
    least: float | None = None

    def holds(self, value: float) -> bool:
        return (self.most is None or le(value, self.most)) and (
            self.least is None or ge(value, self.least)
        )

    @property
    def bound(self) -> str:
        if self.most is not None:
            return f"≤ {self.most:g}"
        return f"≥ {self.least:g}" if self.least is not None else ""


TARGETS = {
    "collection": {
        "cpu_vs_client": Target("our CPU over that of a bare SNMP client for the same values", 4),
        "cycle_s": Target("1,000 routers × 50 VLANs, first question to commit, s", 1.5),
        "vs_exporter": Target("times as fast as prometheus-snmp-exporter", least=1.5),
        "dead_extra_s": Target("longer with 20 % dead routers, s (a time-out is 4 s)", 6),
        "rss_mb": Target("peak memory of the collector, MB", 300),
        "growth_4000_vs_1000": Target("4,000 routers over 1,000", 4.6),
    },
    "usage_store": {
        "vs_copy": Target("speed of a first write over raw COPY", least=0.5),
        "repeat_vs_copy": Target("speed of the same rows again over raw COPY", least=0.35),
    },
    "usage_query": {
        "vlan_24h_ms": Target("last 24 h of one VLAN, ms", 50),
        "chart_ms": Target("a chart of 2,000 points, ms", 50),
        "top20_ms": Target("top 20 resellers of the month, ms", 100),
        "p95_all_s": Target("all resellers' 95th percentile of the month, s", 12),
    },
    "live": {
        "last_of_500_p95_ms": Target("last of 500 sockets served, 95th percentile, ms", 500),
        "burst_settle_s": Target("after 100 events, until every socket shows the database, s", 1),
        "lost": Target("sockets that show something else in the end", 0),
    },
    "pages": {
        "median_ms": Target("a page: median over pages of their medians, ms", 100),
        "p95_ms": Target("a page: 95th percentile over all answers, ms", 250),
        "vs_stock_admin": Target("a list, form or page of a row over a stock ModelAdmin's", 1.5),
        "rls_cost": Target("longer with row-level security, as a fraction", 0.15),
    },
    "provisioning": {
        "single_vs_raw": Target("rate of single creations over plain drivers'", least=0.3),
        "package_group_ms": Target("a package of 20,000 subscribers, by its group's rows, ms", 100),
        "package_own_s": Target("a package of 20,000 subscribers, by their own rows, s", 3),
        "reconcile_100k_s": Target("comparing 100,000 unchanged subscribers, s", 10),
        "reconcile_rss_mb": Target("peak memory of that, MB", 200),
        "auth_vs_stock": Target("logins per second over FreeRADIUS as Debian ships it", least=0.75),
        "storm_lost": Target("of 5,000 PPPoE logins at once, those without an answer", 0),
    },
    "crash_matrix": {
        "diverged": Target("names that differ afterwards, or writers told wrongly", 0),
        "wrong_logins": Target("answers of FreeRADIUS that truth contradicts", 0),
        "left": Target("markers, differences or strangers left at the end", 0),
    },
    "ping": {
        "ping_vs_fping": Target("a round of 2,000 addresses over bare fping", 1.5),
    },
}
GROWTH = {
    "collection": "Linear in interfaces. Half of our CPU is asking (SNMP packets of 60 values), which "
    "a bare client spends too; judging and writing samples is by columns. The exporter walks by "
    "GETBULK, on all cores, and stores nothing; we check each name, fsync and commit. The next "
    "bottleneck is the one core that asks: more collectors share the routers.",
    "usage_store": "Linear in rows; a repeat costs a temporary table and an anti-join. Roll-ups are "
    "not in it: they are computed by hour, after the commit.",
    "usage_query": "A line's rows lie together in its day's partition, so one line costs the same "
    "whatever the others have; what reads a month of everybody grows with both. The next bottleneck "
    "is the sort of each reseller's month for its percentile.",
    "live": "A change is rendered once for each page that shows it and sent to its sockets: linear in "
    "sockets, about 0.1 ms each. The next bottleneck is the event loop of one web process.",
    "pages": "A list costs the same whatever lies behind its 100 rows, but for what it counts and "
    "for a search, which reads on until it has found enough. The overview is linear in routers and "
    "resellers, which is the next bottleneck; a reseller's page is linear in its mappings and in the "
    "days of the month so far.",
    "provisioning": "A creation is two commits on two disks and eleven round trips, one after the "
    "other: they count, and not the rows. A change of a group's rows costs the same whoever has it. "
    "Own rows are read, and those that differ are written where they stand: linear in subscribers, as "
    "the comparison is, which reads 4.2 rows of each and opens its password; neither waits for the "
    "disk but at its COMMIT. Of a login's features only the count of devices and a quota ask the "
    "database once more than stock does, and stock that counts devices too is no quicker "
    "(`auth_vs_counting_stock`); the next bottleneck is the commit of its record in radpostauth. "
    "Half of a creation is our own CPU.",
    "crash_matrix": "Linear in kinds of operation and steps; most of it is database servers coming "
    "back.",
    "ping": "fping's interval between packets decides: linear in addresses until a round fills half "
    "of its period.",
}
