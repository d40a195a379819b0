"""What the operations on packages and subscribers refuse, for surfaces that say it in words."""

from django.core.exceptions import ValidationError

from ispcore.base.secrets import SecretUnreadable
from ispcore.base.seen import ChangedMeanwhile
from ispcore.base.unit_of_work import NotProvisioned
from subscribers.operations.imports import TooManyFaults
from subscribers.operations.packages import PackageInUse, PackageMoved
from subscribers.operations.reconciling import PartlyApplied, TooMuchChange
from subscribers.operations.units import NotYours, StatusStands, SubscriberMoved

REFUSALS = (
    *(ValidationError, NotYours, StatusStands, SubscriberMoved, PackageInUse, PackageMoved),
    *(NotProvisioned, ChangedMeanwhile, TooManyFaults, TooMuchChange, PartlyApplied),
    SecretUnreadable,
)
