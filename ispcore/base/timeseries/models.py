"""The columns that every 5-minute usage table and its roll-ups share, and how each is kept.

A series is a table over time. Its rows name what they are of by a key that the database does not
enforce: a foreign key would cost a look-up for every row of every collection, and a row whose
subject was removed meanwhile harms nobody until retention takes it.
"""

from dataclasses import dataclass
from typing import ClassVar

from django.db import models

from ispcore.base.timeseries.quality import Quality


@dataclass(frozen=True, slots=True)
class Series:
    """How a table over time is kept: see partitions.py and retention.py.

    `time` is the column that says when, `partition_days` how many days (UTC) one partition holds
    on PostgreSQL (0: it has none), `keep` the setting with the days that rows are kept (empty:
    for ever).
    """

    table: str
    time: str
    partition_days: int = 0
    keep: str = ""


class UsageSample(models.Model):
    """One 5-minute mean. Octets and rates are as the router counts: in = into the interface.

    Octets and rates are null where the bucket is a gap; `quality` says why.
    """

    series: ClassVar[Series]

    bucket = models.DateTimeField(help_text="start of the 5 minutes, UTC")
    in_octets = models.BigIntegerField(null=True)
    out_octets = models.BigIntegerField(null=True)
    in_bps = models.BigIntegerField(null=True)
    out_bps = models.BigIntegerField(null=True)
    covered_s = models.SmallIntegerField(help_text="seconds of the 300 that readings cover")
    quality = models.SmallIntegerField(default=0)
    source = models.CharField(max_length=4, help_text="snmp, api or demo")

    class Meta:
        abstract = True
        # what came in over all of them: roll-ups, the overview, retention, the oldest row
        indexes = [models.Index(fields=["bucket"], name="%(app_label)s_%(class)s_bucket")]

    @property
    def reasons(self) -> list[str]:
        return Quality(self.quality).reasons


class UsageRollup(models.Model):
    """Sums and highest 5-minute rates over an hour (UTC) or a day (the ISP's zone)."""

    series: ClassVar[Series]

    in_octets = models.BigIntegerField()
    out_octets = models.BigIntegerField()
    covered_s = models.IntegerField()
    samples = models.IntegerField(help_text="5-minute samples that have a rate")
    in_bps_max = models.BigIntegerField()
    out_bps_max = models.BigIntegerField()

    class Meta:
        abstract = True
