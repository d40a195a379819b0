"""Who may ask FreeRADIUS, as people enter it."""

from django.db import models

from ispcore.base.models import Stamped
from ispcore.base.secrets import SecretField


class RadiusClient(Stamped):
    """A router that may ask FreeRADIUS. Its row of nas follows from this row alone."""

    address = models.CharField(
        max_length=45, unique=True, help_text="the one that its packets come from, as nas has it"
    )
    name = models.CharField(max_length=32)
    secret = SecretField(may_be_sealed=True)
    signs_requests = models.BooleanField(
        default=False, help_text="what comes without Message-Authenticator is dropped"
    )

    class Meta:
        db_table = "radius_clients"
        verbose_name = "RADIUS client"
        ordering = ["address"]

    def __str__(self) -> str:
        return self.name
