"""Every address of the portal, from the URL resolver, with rows to look at filled in."""

import re
from collections.abc import Iterator
from typing import Any

from django.contrib.admin import sites
from django.db.models import Model
from django.urls import get_resolver

_GROUP = re.compile(r"\(\?P(<\w+>)(?:[^()]|\([^()]*\))*\)")
_PLACE = re.compile(r"<(?:\w+:)?(\w+)>")


def patterns(*, of_admin_sites: bool = False) -> list[str]:
    """As one would write them down: admin/resellers/reseller/<int:pk>/."""
    return list(_under(get_resolver().url_patterns, only="admin" if of_admin_sites else None))


def _under(found: Any, before: str = "", only: str | None = None) -> Iterator[str]:
    """`only`: those under an include of this application name."""
    for each in found:
        pattern = before + str(each.pattern)
        if hasattr(each, "url_patterns"):
            yield from _under(each.url_patterns, pattern, None if each.app_name == only else only)
        elif only is None:
            yield _GROUP.sub(r"\1", pattern).replace("/?$", "").replace("^", "").replace("$", "")


def registered() -> dict[str, type[Model]]:
    """The models in any admin site, as in addresses: resellers/reseller."""
    return {
        f"{model._meta.app_label}/{model._meta.model_name}": model
        for site in sites.all_sites
        for model in site._registry
    }


def model_of(pattern: str) -> type[Model] | None:
    """The model whose rows the address is about, where it is one of an admin site; the API and
    /my/ call those of resellers/reseller by their plural, api/resellers."""
    parts, known = pattern.split("/"), registered()
    if parts[0] in {"api", "my"}:
        return next((m for m in known.values() if f"{m._meta.model_name}s" == parts[1]), None)
    return known.get("/".join(parts[1:3]))


def names_a_row(pattern: str) -> bool:
    return _PLACE.search(pattern) is not None


def filled(pattern: str, value: object) -> str:
    """The address with this value in the pattern's places."""
    return "/" + _PLACE.sub(str(value), pattern)
