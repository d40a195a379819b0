from django.db import migrations, models

import ispcore.base.clock


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        migrations.CreateModel(
            name="LiveEvent",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("topic", models.CharField(max_length=60)),
                ("key", models.CharField(blank=True, default="", max_length=120)),
                ("at", models.DateTimeField(db_index=True, default=ispcore.base.clock.now)),
            ],
            options={"db_table": "live_events"},
        ),
    ]
