"""Forms of packages, subscribers and what is done with them."""

from subscribers.forms.actions import (
    Because,
    BindForm,
    ConfirmForm,
    MaybeBecause,
    PackageChangeForm,
    PasswordForm,
    PeriodsForm,
    RenameForm,
    RenewForm,
    WebPasswordForm,
)
from subscribers.forms.importing import UploadForm
from subscribers.forms.packages import PackageForm
from subscribers.forms.shared import JudgedForm, PackageChoice, offer_take_over
from subscribers.forms.subscribers import NewSubscriberForm, SubscriberForm

__all__ = [
    "Because",
    "BindForm",
    "ConfirmForm",
    "JudgedForm",
    "MaybeBecause",
    "NewSubscriberForm",
    "PackageChangeForm",
    "PackageChoice",
    "PackageForm",
    "PasswordForm",
    "PeriodsForm",
    "RenameForm",
    "RenewForm",
    "SubscriberForm",
    "UploadForm",
    "WebPasswordForm",
    "offer_take_over",
]
