"""FreeRADIUS' own tables (schema 3.2), under readable names. Nothing else lives in this database,
but one table of ours: what was written here and is not confirmed yet.

On MariaDB the tables have FreeRADIUS' stock form (radius/schema.py), which models cannot express:
prefix indexes, ON UPDATE CURRENT_TIMESTAMP. What these models say makes the tables of the embedded
SQLite, where NOCASE compares names as MariaDB does. Times are UTC.
"""

from django.db import models

NOCASE = "NOCASE"


class Nas(models.Model):
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
        verbose_name = "RADIUS client"

    def __str__(self) -> str:
        return self.short_name or self.address


class NasReload(models.Model):
    """When a router last said that it starts or stops (Accounting-On and -Off)."""

    nas_address = models.CharField(max_length=15, primary_key=True, db_column="nasipaddress")
    reloaded_at = models.DateTimeField(db_column="reloadtime")

    class Meta:
        db_table = "nasreload"

    def __str__(self) -> str:
        return self.nas_address


class UserAttribute(models.Model):
    """One attribute of one username; `op` is FreeRADIUS' operator."""

    id = models.AutoField(primary_key=True)
    username = models.CharField(max_length=64, default="", db_index=True, db_collation=NOCASE)
    attribute = models.CharField(max_length=64, default="")
    op = models.CharField(max_length=2)
    value = models.CharField(max_length=253, default="")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.username}: {self.attribute} {self.op}"  # the value may be a password


class Check(UserAttribute):
    """What must be so for a username to log in (table radcheck)."""

    op = models.CharField(max_length=2, default="==")

    class Meta:
        db_table = "radcheck"


class Reply(UserAttribute):
    """What the router is told when a username logs in (table radreply)."""

    op = models.CharField(max_length=2, default="=")

    class Meta:
        db_table = "radreply"


class GroupAttribute(models.Model):
    """One attribute of all usernames of a group."""

    id = models.AutoField(primary_key=True)
    group = models.CharField(max_length=64, default="", db_index=True, db_column="groupname")
    attribute = models.CharField(max_length=64, default="")
    op = models.CharField(max_length=2)
    value = models.CharField(max_length=253, default="")

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return f"{self.group}: {self.attribute} {self.op} {self.value}"


class GroupCheck(GroupAttribute):
    """As Check, of a group (table radgroupcheck)."""

    op = models.CharField(max_length=2, default="==")

    class Meta:
        db_table = "radgroupcheck"


class GroupReply(GroupAttribute):
    """As Reply, of a group (table radgroupreply)."""

    op = models.CharField(max_length=2, default="=")

    class Meta:
        db_table = "radgroupreply"


class UserGroup(models.Model):
    """A username is in a group (table radusergroup); the lower priority is asked first."""

    id = models.AutoField(primary_key=True)
    username = models.CharField(max_length=64, default="", db_index=True, db_collation=NOCASE)
    group = models.CharField(max_length=64, default="", db_column="groupname")
    priority = models.IntegerField(default=1)

    class Meta:
        db_table = "radusergroup"

    def __str__(self) -> str:
        return f"{self.username} in {self.group}"


class PostAuth(models.Model):
    """One answer to a login (table radpostauth)."""

    id = models.AutoField(primary_key=True)
    username = models.CharField(max_length=64, default="", db_index=True, db_collation=NOCASE)
    # what another configuration may have kept here; ours keeps none
    password = models.CharField(max_length=64, default="", db_column="pass")
    reply = models.CharField(max_length=32, default="")
    answered_at = models.DateTimeField(db_column="authdate")
    # why not, in words: "expired", "too many devices" (deploy/freeradius/policy.conf)
    reason = models.CharField(max_length=64, null=True, db_index=True, db_column="class")

    class Meta:
        db_table = "radpostauth"

    def __str__(self) -> str:
        return f"{self.username}: {self.reply}"


class Accounting(models.Model):
    """One session of a username (table radacct); octets as RFC 2866 has it: input is what came from
    the subscriber."""

    id = models.BigAutoField(primary_key=True, db_column="radacctid")
    session_id = models.CharField(
        max_length=64, default="", db_index=True, db_column="acctsessionid"
    )
    unique_id = models.CharField(max_length=32, default="", unique=True, db_column="acctuniqueid")
    username = models.CharField(max_length=64, default="", db_index=True, db_collation=NOCASE)
    realm = models.CharField(max_length=64, null=True, default="")
    # an IPv6 router stands here by nas_column() of radius/operations/nas.py
    nas_address = models.CharField(
        max_length=15, default="", db_index=True, db_column="nasipaddress"
    )
    nas_port = models.CharField(max_length=32, null=True, db_column="nasportid")
    nas_port_type = models.CharField(max_length=32, null=True, db_column="nasporttype")
    started_at = models.DateTimeField(null=True, db_index=True, db_column="acctstarttime")
    updated_at = models.DateTimeField(null=True, db_column="acctupdatetime")
    stopped_at = models.DateTimeField(null=True, db_index=True, db_column="acctstoptime")
    interval_s = models.IntegerField(null=True, db_index=True, db_column="acctinterval")
    duration_s = models.PositiveIntegerField(null=True, db_index=True, db_column="acctsessiontime")
    authentic = models.CharField(max_length=32, null=True, db_column="acctauthentic")
    connected_by = models.CharField(max_length=128, null=True, db_column="connectinfo_start")
    disconnected_by = models.CharField(max_length=128, null=True, db_column="connectinfo_stop")
    input_octets = models.BigIntegerField(null=True, db_column="acctinputoctets")
    output_octets = models.BigIntegerField(null=True, db_column="acctoutputoctets")
    called_station = models.CharField(max_length=50, default="", db_column="calledstationid")
    calling_station = models.CharField(max_length=50, default="", db_column="callingstationid")
    terminate_cause = models.CharField(max_length=32, default="", db_column="acctterminatecause")
    service_type = models.CharField(max_length=32, null=True, db_column="servicetype")
    framed_protocol = models.CharField(max_length=32, null=True, db_column="framedprotocol")
    ipv4 = models.CharField(max_length=15, default="", db_index=True, db_column="framedipaddress")
    ipv6 = models.CharField(max_length=45, default="", db_index=True, db_column="framedipv6address")
    ipv6_prefix = models.CharField(
        max_length=45, default="", db_index=True, db_column="framedipv6prefix"
    )
    interface_id = models.CharField(
        max_length=44, default="", db_index=True, db_column="framedinterfaceid"
    )
    delegated_prefix = models.CharField(
        max_length=45, default="", db_index=True, db_column="delegatedipv6prefix"
    )
    session_class = models.CharField(max_length=64, null=True, db_index=True, db_column="class")

    class Meta:
        db_table = "radacct"

    def __str__(self) -> str:
        return f"{self.username} {self.session_id}"


class Marker(models.Model):
    """What the portal wrote here, until it knows the same of its own database (table of ours)."""

    gid = models.CharField(max_length=36, primary_key=True)
    scope = models.TextField()
    at = models.DateTimeField()

    class Meta:
        db_table = "ispcore_markers"

    def __str__(self) -> str:
        return self.gid
