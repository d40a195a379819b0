"""Packages and subscribers in the admin; all that they change is changed by units of work."""

from subscribers.admin.packages import PackageAdmin
from subscribers.admin.subscribers import SubscriberAdmin

__all__ = ["PackageAdmin", "SubscriberAdmin"]
