"""The columns that every 5-minute usage table and its roll-ups share."""

from django.db import models

from ispcore.base.timeseries.quality import Quality


class UsageSample(models.Model):
    """One 5-minute mean. Octets and rates are as the router counts: in = into the interface.

    Octets and rates are null where the bucket is a gap; `quality` says why.
    """

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

    @property
    def reasons(self) -> list[str]:
        return Quality(self.quality).reasons


class UsageRollup(models.Model):
    """Sums and highest 5-minute rates over an hour (UTC) or a day (the ISP's zone)."""

    in_octets = models.BigIntegerField()
    out_octets = models.BigIntegerField()
    covered_s = models.IntegerField()
    samples = models.IntegerField(help_text="5-minute samples that have a rate")
    in_bps_max = models.BigIntegerField()
    out_bps_max = models.BigIntegerField()

    class Meta:
        abstract = True
