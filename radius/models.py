"""FreeRADIUS' own tables (schema 3.2), under readable names. Nothing else lives in this database."""

from django.db import models


class RadiusClient(models.Model):
    """A router that may ask FreeRADIUS (table nas)."""

    id = models.AutoField(primary_key=True)
    address = models.CharField(max_length=128, db_column="nasname", db_index=True)
    short_name = models.CharField(max_length=32, null=True, db_column="shortname")
    kind = models.CharField(max_length=30, null=True, default="other", db_column="type")
    ports = models.IntegerField(null=True)
    secret = models.CharField(max_length=60, default="")
    server = models.CharField(max_length=64, null=True)
    community = models.CharField(max_length=50, null=True)
    description = models.CharField(max_length=200, null=True, default="RADIUS Client")

    class Meta:
        db_table = "nas"

    def __str__(self) -> str:
        return self.short_name or self.address


class Marker(models.Model):
    """What the portal wrote here, until it knows the same of its own database (table of ours)."""

    gid = models.CharField(max_length=36, primary_key=True)
    scope = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "ispcore_markers"

    def __str__(self) -> str:
        return self.gid
