"""The rules that a new portal starts with, and the trigger that keeps events as they were."""

from django.db import migrations

RULES = [
    {
        "name": "Reseller over its plan",
        "metric": "reseller.utilisation_percent",
        "warning": 80,
        "critical": 100,
        "for_s": 600,
        "clear_for_s": 300,
        "hysteresis": 5,
    },
    {
        "name": "Router unreachable",
        "metric": "router.unreachable_s",
        "critical": 20,
    },
    {
        "name": "Collection stale",
        "metric": "router.collection_age_periods",
        "warning": 2,
        "critical": 4,
        "for_s": 90,  # a portal that was off is given the time for its first collection
    },
    {
        "name": "Readings wait for the database",
        "metric": "collector.waiting_s",
        "warning": 300,
        "critical": 1800,
    },
    {
        "name": "Readings were lost",
        "metric": "collector.lost_batches",
        "critical": 1,
    },
    {
        "name": "Router flapping",
        "metric": "router.flapping_changes",
        "warning": 1,  # whenever it flaps
        "warning_severity": "high",
    },
    {
        "name": "Our own uplink",
        "metric": "uplink.gone_s",
        "critical": 1,  # at once: while it is gone, no router is seen
    },
    {
        "name": "Mapped interface gone",
        "metric": "mapping.interface_gone",
        "critical": 1,
        "critical_severity": "high",
    },
]
REFUSED = "an alert's events are never rewritten"


def add_rules(apps, schema_editor):
    rule = apps.get_model("monitoring", "Rule")
    for values in RULES:
        rule.objects.get_or_create(name=values["name"], defaults=values)


def add_trigger(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute(
            "CREATE FUNCTION alert_events_keep() RETURNS trigger LANGUAGE plpgsql AS "
            f"$$ BEGIN RAISE EXCEPTION '{REFUSED.replace(chr(39), chr(39) * 2)}'; END $$"
        )
        schema_editor.execute(
            "CREATE TRIGGER alert_events_keep BEFORE UPDATE ON alert_events "
            "FOR EACH ROW EXECUTE FUNCTION alert_events_keep()"
        )
    else:
        schema_editor.execute(
            "CREATE TRIGGER alert_events_keep BEFORE UPDATE ON alert_events "
            f"BEGIN SELECT RAISE(ABORT, '{REFUSED.replace(chr(39), chr(39) * 2)}'); END"
        )


def drop_trigger(apps, schema_editor):
    if schema_editor.connection.vendor == "postgresql":
        schema_editor.execute("DROP TRIGGER alert_events_keep ON alert_events")
        schema_editor.execute("DROP FUNCTION alert_events_keep()")
    else:
        schema_editor.execute("DROP TRIGGER alert_events_keep")


class Migration(migrations.Migration):
    dependencies = [("monitoring", "0001_rules_and_alerts")]
    operations = [
        migrations.RunPython(add_rules, migrations.RunPython.noop),
        migrations.RunPython(add_trigger, drop_trigger),
    ]
