"""RADIUS clients that people enter, of which the rows of nas are the projection."""

from django.db import migrations, models

import ispcore.base.clock
import ispcore.base.models
import ispcore.base.secrets


class Migration(migrations.Migration):
    dependencies = [("routers", "0001_routers")]

    operations = [
        migrations.CreateModel(
            name="RadiusClient",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                (
                    "created_at",
                    models.DateTimeField(default=ispcore.base.clock.now, editable=False),
                ),
                (
                    "updated_at",
                    ispcore.base.models.UpdatedAtField(
                        default=ispcore.base.clock.now, editable=False
                    ),
                ),
                (
                    "address",
                    models.CharField(
                        help_text="the one that its packets come from, as nas has it",
                        max_length=45,
                        unique=True,
                    ),
                ),
                ("name", models.CharField(max_length=32)),
                ("secret", ispcore.base.secrets.SecretField()),
                (
                    "signs_requests",
                    models.BooleanField(
                        default=False,
                        help_text="what comes without Message-Authenticator is dropped",
                    ),
                ),
            ],
            options={
                "verbose_name": "RADIUS client",
                "db_table": "radius_clients",
                "ordering": ["address"],
            },
        ),
    ]
