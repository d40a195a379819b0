"""Who is expired has an end: by the database, too."""

from django.db import migrations, models
from django.db.models import Q


class Migration(migrations.Migration):
    dependencies = [("subscribers", "0001_packages_and_subscribers")]

    operations = [
        migrations.AddConstraint(
            model_name="subscriber",
            constraint=models.CheckConstraint(
                condition=~Q(status="expired") | Q(expires_at__isnull=False),
                name="subscribers_expired_has_an_end",
                violation_error_message="Who is expired has an end.",
            ),
        ),
    ]
