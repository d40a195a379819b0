"""The other eight tables of FreeRADIUS. On MySQL in their stock form, if absent: existing ones are
adopted."""

from django.db import migrations, models

from radius.schema import TABLES


class CreateUnlessThere(migrations.CreateModel):
    """The stock DDL on MySQL, Django's own elsewhere; undoing leaves the table to its owner."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != "mysql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
            return
        model = to_state.apps.get_model(app_label, self.name)
        if self.allow_migrate_model(schema_editor.connection.alias, model):
            schema_editor.execute(TABLES[model._meta.db_table])

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != "mysql":
            super().database_backwards(app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):
    dependencies = [
        ("radius", "0002_markers"),
    ]

    operations = [
        CreateUnlessThere(
            name="Accounting",
            fields=[
                (
                    "id",
                    models.BigAutoField(db_column="radacctid", primary_key=True, serialize=False),
                ),
                (
                    "session_id",
                    models.CharField(
                        db_column="acctsessionid", db_index=True, default="", max_length=64
                    ),
                ),
                (
                    "unique_id",
                    models.CharField(
                        db_column="acctuniqueid", default="", max_length=32, unique=True
                    ),
                ),
                (
                    "username",
                    models.CharField(
                        db_collation="NOCASE", db_index=True, default="", max_length=64
                    ),
                ),
                ("realm", models.CharField(default="", max_length=64, null=True)),
                (
                    "nas_address",
                    models.CharField(
                        db_column="nasipaddress", db_index=True, default="", max_length=15
                    ),
                ),
                ("nas_port", models.CharField(db_column="nasportid", max_length=32, null=True)),
                (
                    "nas_port_type",
                    models.CharField(db_column="nasporttype", max_length=32, null=True),
                ),
                (
                    "started_at",
                    models.DateTimeField(db_column="acctstarttime", db_index=True, null=True),
                ),
                ("updated_at", models.DateTimeField(db_column="acctupdatetime", null=True)),
                (
                    "stopped_at",
                    models.DateTimeField(db_column="acctstoptime", db_index=True, null=True),
                ),
                (
                    "interval_s",
                    models.IntegerField(db_column="acctinterval", db_index=True, null=True),
                ),
                (
                    "duration_s",
                    models.PositiveIntegerField(
                        db_column="acctsessiontime", db_index=True, null=True
                    ),
                ),
                (
                    "authentic",
                    models.CharField(db_column="acctauthentic", max_length=32, null=True),
                ),
                (
                    "connected_by",
                    models.CharField(db_column="connectinfo_start", max_length=128, null=True),
                ),
                (
                    "disconnected_by",
                    models.CharField(db_column="connectinfo_stop", max_length=128, null=True),
                ),
                ("input_octets", models.BigIntegerField(db_column="acctinputoctets", null=True)),
                ("output_octets", models.BigIntegerField(db_column="acctoutputoctets", null=True)),
                (
                    "called_station",
                    models.CharField(db_column="calledstationid", default="", max_length=50),
                ),
                (
                    "calling_station",
                    models.CharField(db_column="callingstationid", default="", max_length=50),
                ),
                (
                    "terminate_cause",
                    models.CharField(db_column="acctterminatecause", default="", max_length=32),
                ),
                (
                    "service_type",
                    models.CharField(db_column="servicetype", max_length=32, null=True),
                ),
                (
                    "framed_protocol",
                    models.CharField(db_column="framedprotocol", max_length=32, null=True),
                ),
                (
                    "ipv4",
                    models.CharField(
                        db_column="framedipaddress", db_index=True, default="", max_length=15
                    ),
                ),
                (
                    "ipv6",
                    models.CharField(
                        db_column="framedipv6address", db_index=True, default="", max_length=45
                    ),
                ),
                (
                    "ipv6_prefix",
                    models.CharField(
                        db_column="framedipv6prefix", db_index=True, default="", max_length=45
                    ),
                ),
                (
                    "interface_id",
                    models.CharField(
                        db_column="framedinterfaceid", db_index=True, default="", max_length=44
                    ),
                ),
                (
                    "delegated_prefix",
                    models.CharField(
                        db_column="delegatedipv6prefix", db_index=True, default="", max_length=45
                    ),
                ),
                (
                    "session_class",
                    models.CharField(db_column="class", db_index=True, max_length=64, null=True),
                ),
            ],
            options={
                "db_table": "radacct",
            },
        ),
        CreateUnlessThere(
            name="Check",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                (
                    "username",
                    models.CharField(
                        db_collation="NOCASE", db_index=True, default="", max_length=64
                    ),
                ),
                ("attribute", models.CharField(default="", max_length=64)),
                ("value", models.CharField(default="", max_length=253)),
                ("op", models.CharField(default="==", max_length=2)),
            ],
            options={
                "db_table": "radcheck",
            },
        ),
        CreateUnlessThere(
            name="GroupCheck",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                (
                    "group",
                    models.CharField(
                        db_column="groupname", db_index=True, default="", max_length=64
                    ),
                ),
                ("attribute", models.CharField(default="", max_length=64)),
                ("value", models.CharField(default="", max_length=253)),
                ("op", models.CharField(default="==", max_length=2)),
            ],
            options={
                "db_table": "radgroupcheck",
            },
        ),
        CreateUnlessThere(
            name="GroupReply",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                (
                    "group",
                    models.CharField(
                        db_column="groupname", db_index=True, default="", max_length=64
                    ),
                ),
                ("attribute", models.CharField(default="", max_length=64)),
                ("value", models.CharField(default="", max_length=253)),
                ("op", models.CharField(default="=", max_length=2)),
            ],
            options={
                "db_table": "radgroupreply",
            },
        ),
        CreateUnlessThere(
            name="NasReload",
            fields=[
                (
                    "nas_address",
                    models.CharField(
                        db_column="nasipaddress", max_length=15, primary_key=True, serialize=False
                    ),
                ),
                ("reloaded_at", models.DateTimeField(db_column="reloadtime")),
            ],
            options={
                "db_table": "nasreload",
            },
        ),
        CreateUnlessThere(
            name="PostAuth",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                (
                    "username",
                    models.CharField(
                        db_collation="NOCASE", db_index=True, default="", max_length=64
                    ),
                ),
                ("password", models.CharField(db_column="pass", default="", max_length=64)),
                ("reply", models.CharField(default="", max_length=32)),
                ("answered_at", models.DateTimeField(db_column="authdate")),
                (
                    "reason",
                    models.CharField(db_column="class", db_index=True, max_length=64, null=True),
                ),
            ],
            options={
                "db_table": "radpostauth",
            },
        ),
        CreateUnlessThere(
            name="Reply",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                (
                    "username",
                    models.CharField(
                        db_collation="NOCASE", db_index=True, default="", max_length=64
                    ),
                ),
                ("attribute", models.CharField(default="", max_length=64)),
                ("value", models.CharField(default="", max_length=253)),
                ("op", models.CharField(default="=", max_length=2)),
            ],
            options={
                "db_table": "radreply",
            },
        ),
        CreateUnlessThere(
            name="UserGroup",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                (
                    "username",
                    models.CharField(
                        db_collation="NOCASE", db_index=True, default="", max_length=64
                    ),
                ),
                ("group", models.CharField(db_column="groupname", default="", max_length=64)),
                ("priority", models.IntegerField(default=1)),
            ],
            options={
                "db_table": "radusergroup",
            },
        ),
        migrations.RenameModel(
            old_name="RadiusClient",
            new_name="Nas",
        ),
        migrations.AlterModelOptions(
            name="nas",
            options={"verbose_name": "RADIUS client"},
        ),
    ]
