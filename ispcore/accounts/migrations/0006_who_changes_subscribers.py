"""Who may change subscribers and packages from the start; then the table is the operator's."""

from django.db import migrations

SUBSCRIBERS, PACKAGES = "edit_subscribers", "edit_packages"
GROUPS = ("admin", "operator", "viewer", "client", "tenant_operator", "tenant_viewer")
ALLOWED = {("admin", SUBSCRIBERS), ("admin", PACKAGES), ("operator", SUBSCRIBERS)}


def fill(apps, schema_editor):
    RolePermission = apps.get_model("accounts", "RolePermission")
    RolePermission.objects.bulk_create(
        [
            RolePermission(
                group=group,
                capability=capability,
                is_allowed=(group, capability) in ALLOWED,
            )
            for group in GROUPS
            for capability in (SUBSCRIBERS, PACKAGES)
        ],
        ignore_conflicts=True,  # a cell that somebody has decided on already
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0005_what_logins_remember")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
