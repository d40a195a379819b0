"""The portal's one table beside FreeRADIUS' own: what it wrote and has not confirmed yet."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("radius", "0001_nas")]
    operations = [
        migrations.CreateModel(
            name="Marker",
            fields=[
                ("gid", models.CharField(max_length=36, primary_key=True, serialize=False)),
                ("scope", models.TextField()),
                ("at", models.DateTimeField()),
            ],
            options={"db_table": "ispcore_markers"},
        ),
    ]
