from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("base", "0002_audit_append_only"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="auditentry",
            index=models.Index(
                condition=models.Q(("tenant_id__isnull", False)),
                fields=["tenant_id", "-at", "-id"],
                name="audit_tenant",
            ),
        ),
    ]
