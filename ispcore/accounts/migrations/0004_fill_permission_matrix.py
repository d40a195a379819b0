"""The roles with what each may from the start; from then on the table is the operator's."""

from django.db import migrations

SEE, ALERTS, RESOLVE = "view", "handle_alerts", "resolve_alerts"
CHECK, RESELLERS, ROUTERS = "check_routers", "edit_resellers", "edit_routers"
ACCOUNTS = "edit_accounts"
CAPABILITIES = (SEE, ALERTS, RESOLVE, CHECK, RESELLERS, ROUTERS, ACCOUNTS)
ALLOWED = {
    "admin": set(CAPABILITIES),
    "operator": {SEE, ALERTS, RESOLVE, CHECK, RESELLERS},
    "viewer": {SEE},
    "client": {SEE, ALERTS, ACCOUNTS},
    "tenant_operator": {SEE, ALERTS},
    "tenant_viewer": {SEE},
}


def fill(apps, schema_editor):
    RolePermission = apps.get_model("accounts", "RolePermission")
    RolePermission.objects.bulk_create(
        RolePermission(group=group, capability=capability, is_allowed=capability in allowed)
        for group, allowed in ALLOWED.items()
        for capability in CAPABILITIES
    )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_permission_matrix_and_grants")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
