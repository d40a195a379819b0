"""Packages, the subscribers who have them, and how both came to be as they are."""

from subscribers.models.packages import Package, Service
from subscribers.models.subscribers import AccountNumbers, StatusChange, Subscriber

__all__ = ["AccountNumbers", "Package", "Service", "StatusChange", "Subscriber"]
