"""FreeRADIUS' table of clients. On MySQL its stock form, if absent: an existing one is adopted."""

from django.db import migrations, models

# columns and sizes are those of FreeRADIUS 3.2's schema (mods-config/sql/main/mysql)
NAS = """
CREATE TABLE IF NOT EXISTS nas (
  id int(10) NOT NULL auto_increment,
  nasname varchar(128) NOT NULL,
  shortname varchar(32),
  type varchar(30) DEFAULT 'other',
  ports int(5),
  secret varchar(60) DEFAULT 'secret' NOT NULL,
  server varchar(64),
  community varchar(50),
  description varchar(200) DEFAULT 'RADIUS Client',
  PRIMARY KEY (id),
  KEY nasname (nasname)
) ENGINE = INNODB
"""


class CreateUnlessThere(migrations.CreateModel):
    """The stock DDL on MySQL, Django's own elsewhere; undoing leaves the table to its owner."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != "mysql":
            super().database_forwards(app_label, schema_editor, from_state, to_state)
        elif self.allow_migrate_model(
            schema_editor.connection.alias, to_state.apps.get_model(app_label, self.name)
        ):
            schema_editor.execute(NAS)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        if schema_editor.connection.vendor != "mysql":
            super().database_backwards(app_label, schema_editor, from_state, to_state)


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        CreateUnlessThere(
            name="RadiusClient",
            fields=[
                ("id", models.AutoField(primary_key=True, serialize=False)),
                ("address", models.CharField(db_column="nasname", db_index=True, max_length=128)),
                ("short_name", models.CharField(db_column="shortname", max_length=32, null=True)),
                (
                    "kind",
                    models.CharField(db_column="type", default="other", max_length=30, null=True),
                ),
                ("ports", models.IntegerField(null=True)),
                ("secret", models.CharField(default="", max_length=60)),
                ("server", models.CharField(max_length=64, null=True)),
                ("community", models.CharField(max_length=50, null=True)),
                (
                    "description",
                    models.CharField(default="RADIUS Client", max_length=200, null=True),
                ),
            ],
            options={"db_table": "nas"},
        ),
    ]
