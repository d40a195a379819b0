"""Resellers, their plans and mappings."""

from resellers.admin import mappings, plans, resellers

__all__ = ["mappings", "plans", "resellers"]
