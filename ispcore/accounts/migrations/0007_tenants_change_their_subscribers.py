"""A tenant's owner and operators may change its subscribers; then the table is the operator's."""

from django.db import migrations, models

CAPABILITY = "edit_subscribers"
GROUPS = ("client", "tenant_operator")
TENANT_GROUPS = ["client", "tenant_operator", "tenant_viewer"]
NAME = "accounts_permission_tenants_stay_within"


def allow(apps, schema_editor):
    """Until now these cells could only be empty, so nobody has decided on them."""
    RolePermission = apps.get_model("accounts", "RolePermission")
    cells = RolePermission.objects.filter(group__in=GROUPS, capability=CAPABILITY)
    cells.update(is_allowed=True)


def take_back(apps, schema_editor):
    RolePermission = apps.get_model("accounts", "RolePermission")
    cells = RolePermission.objects.filter(group__in=TENANT_GROUPS, capability=CAPABILITY)
    cells.update(is_allowed=False)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0006_who_changes_subscribers")]

    operations = [
        migrations.RemoveConstraint(model_name="rolepermission", name=NAME),
        migrations.AddConstraint(
            model_name="rolepermission",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    models.Q(("group__in", TENANT_GROUPS), _negated=True),
                    (
                        "capability__in",
                        ["edit_accounts", "edit_subscribers", "handle_alerts", "view"],
                    ),
                    ("is_allowed", False),
                    _connector="OR",
                ),
                name=NAME,
                violation_error_message="A tenant's people never have this.",
            ),
        ),
        migrations.RunPython(allow, take_back),
    ]
