"""Everything that can be asked of the portal, read from its registries.

Addresses and methods from the URL resolver (every admin site, the API, downloads, logins), topics of
the live socket, and the actions of every list.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.contrib.admin.sites import AdminSite, all_sites
from django.http import HttpRequest
from django.urls import get_resolver

from ispcore.live import topics

API_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
PAGE_METHODS = ("GET", "POST")
ACTION, LIVE = "ACTION", "LIVE"  # in place of a method


@dataclass(frozen=True, slots=True, order=True)
class Surface:
    """An address and a method, a topic (`live router`), or an action (`admin routers.router x`)."""

    name: str
    method: str


def urls() -> list[Surface]:
    """Every address with every method that is of interest."""
    return [
        Surface(name, method)
        for name, callback in patterns()
        for method in (API_METHODS if is_api(callback) else PAGE_METHODS)
    ]


def patterns() -> list[tuple[str, Any]]:
    """Every address, as the table writes it, with the view behind it."""
    return list(_walk(get_resolver().url_patterns))


def is_api(callback: Any) -> bool:
    """Whether a view is one of Django REST framework's."""
    return hasattr(callback, "cls")


def live() -> list[Surface]:
    return [Surface(f"live {name}", LIVE) for name in topics.names()]


def actions(request: HttpRequest) -> list[Surface]:
    """The actions that the lists of every admin site offer to who asks."""
    return [
        Surface(f"{site.name} {model._meta.label_lower} {action}", ACTION)
        for site in sites()
        for model, admin in site._registry.items()
        for action in admin.get_actions(request)
    ]


def sites() -> list[AdminSite]:
    """The admin sites that have an address."""
    reached = get_resolver().namespace_dict
    return [site for site in all_sites if site.name in reached]


def _walk(found: Any, before: str = "") -> Iterator[tuple[str, Any]]:
    for each in found:
        pattern = before + str(each.pattern)
        if hasattr(each, "url_patterns"):
            yield from _walk(each.url_patterns, pattern)
        else:
            yield _named(pattern), each.callback


def _named(pattern: str) -> str:
    """Expressions as the converters they stand for."""
    pattern = re.sub(r"\(\?P<app_label>[^)]*\)", "<app_label>", pattern)
    pattern = pattern.replace("(?P<url>.*)", "<anything else>")
    pattern = pattern.replace(r"(?P<pk>\d{1,18})", "<int:pk>")
    pattern = re.sub(r"\(\?P<(\w+)>[^)]*\)", r"<\1>", pattern)
    return pattern.replace("^", "").replace("/?$", "").replace("$", "") or "(root)"
