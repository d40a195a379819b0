"""Brakes on guessing, networks people come from, the rules of each role, the shared cache."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import ispcore.base.clock
import ispcore.base.models

HOURS = 3600
IDLE_TIMEOUT_S = {
    "super_user": 2 * HOURS,
    "admin": 2 * HOURS,
    "operator": 12 * HOURS,
    "viewer": 12 * HOURS,
    "client": 2 * HOURS,
}


def make_policies(apps, schema_editor):
    if schema_editor.connection.alias != "default":
        return
    policies = apps.get_model("accounts", "RolePolicy").objects
    for role, idle_timeout_s in IDLE_TIMEOUT_S.items():
        policies.get_or_create(role=role, defaults={"idle_timeout_s": idle_timeout_s})


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_fill_permission_matrix"),
    ]

    operations = [
        migrations.CreateModel(
            name="LoginBrake",
            fields=[
                ("key", models.CharField(max_length=64, primary_key=True, serialize=False)),
                ("failures", models.PositiveIntegerField(default=0)),
                ("failed_at", models.DateTimeField(db_index=True, default=ispcore.base.clock.now)),
                ("blocked_until", models.DateTimeField(null=True)),
            ],
            options={
                "db_table": "login_brakes",
            },
        ),
        migrations.CreateModel(
            name="SharedCache",
            fields=[
                ("cache_key", models.CharField(max_length=255, primary_key=True, serialize=False)),
                ("value", models.TextField()),
                ("expires", models.DateTimeField(db_index=True)),
            ],
            options={
                "db_table": "shared_cache",
            },
        ),
        migrations.CreateModel(
            name="RolePolicy",
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
                    "role",
                    models.CharField(
                        choices=[
                            ("super_user", "Super user"),
                            ("admin", "Administrator"),
                            ("operator", "Operator"),
                            ("viewer", "Viewer"),
                            ("client", "Client"),
                        ],
                        editable=False,
                        max_length=20,
                        unique=True,
                    ),
                ),
                (
                    "needs_second_factor",
                    models.BooleanField(
                        default=False,
                        help_text="who has none sets one up at the next page, before anything else",
                        verbose_name="second factor required",
                    ),
                ),
                (
                    "idle_timeout_s",
                    models.PositiveIntegerField(
                        default=43200,
                        help_text="seconds without opening a page, after which one has to log in again",
                        verbose_name="idle time-out",
                    ),
                ),
            ],
            options={
                "verbose_name": "login rule",
                "db_table": "role_policies",
                "ordering": ["role"],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(("idle_timeout_s__range", (300, 604800))),
                        name="accounts_rolepolicy_idle_timeout_is_sane",
                        violation_error_message="The idle time-out is 300 to 604800 seconds.",
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="KnownNetwork",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("network", models.CharField(max_length=45)),
                ("first_login_at", models.DateTimeField(default=ispcore.base.clock.now)),
                ("last_login_at", models.DateTimeField(default=ispcore.base.clock.now)),
                (
                    "account",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="known_networks",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "db_table": "known_networks",
                "constraints": [
                    models.UniqueConstraint(
                        fields=("account", "network"), name="accounts_knownnetwork_once_per_account"
                    )
                ],
            },
        ),
        migrations.RunPython(make_policies, migrations.RunPython.noop),
    ]
