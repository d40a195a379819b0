"""Which pages there are to look at, found as a browser finds them, each asked once in this process."""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass
from urllib.parse import parse_qsl

from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench.browsing import isp
from ispcore.accounts.models import Account
from ispcore.accounts.scope import visible
from tests.harness import addresses

SEARCHED = "12"
_LINK = re.compile(r'href="([^"#]*\?[^"#]+)"')
_STOCK = re.compile(r"admin/\w+/\w+/(add/|<\w+:\w+>/(change/)?)?")


@dataclass(frozen=True, slots=True)
class Page:
    """An address to ask for as `who`; `stock` the like of it in a stock admin, where there is one."""

    name: str
    url: str
    stock: str | None
    who: str
    queries: int
    kilobytes: float


def found(people: dict[str, Account]) -> list[Page]:
    """Every page of every admin site that answers one of these people, by the start of its address.

    Of a list: itself, a search, and one of each way to ask it that it has a link for (page,
    order, filters). Of a page about a row: those of the first, the middle and the last row.
    """
    pages: dict[str, Page] = {}
    for pattern in addresses.patterns(of_admin_sites=True):
        who = people.get(pattern.partition("/")[0])
        if who is not None and "logout" not in pattern:
            for page in _of_pattern(pattern, who):
                pages.setdefault(page.url, page)  # some have two patterns
    return list(pages.values())


def _of_pattern(pattern: str, who: Account) -> Iterator[Page]:
    browser = Client(SERVER_NAME="localhost")
    browser.force_login(who)
    for url in _addresses(pattern, who):
        page = _asked(browser, pattern, url, who)
        if page is None:
            continue
        yield page
        if not addresses.names_a_row(pattern):
            for name, variant in _ways(browser, pattern, url):
                shown = _asked(browser, f"{pattern}?{name}", f"{url}?{variant}", who)
                yield from [shown] if shown else []


def _addresses(pattern: str, who: Account) -> list[str]:
    if not addresses.names_a_row(pattern):
        return [f"/{pattern}"]
    model = addresses.model_of(pattern)
    if model is None:
        return []
    rows = isp.looked_at(visible(model._default_manager.all(), who))
    return [addresses.filled(pattern, row.pk) for row in rows]


def _asked(browser: Client, name: str, url: str, who: Account) -> Page | None:
    """None where it is no page: a redirect, a refusal, a button."""
    browser.get(url)  # what the first one alone needs
    with CaptureQueriesContext(connection) as queries:
        response = browser.get(url)
    if response.status_code != 200:
        return None
    size = len(response.getvalue()) / 1000
    return Page(name, url, _like(name, url), who.username, len(queries), round(size, 1))


def _ways(browser: Client, pattern: str, url: str) -> Iterator[tuple[str, str]]:
    """(its parameters, the query) of each way to ask a list."""
    if addresses.model_of(pattern) is None or pattern.count("/") != 3:
        return
    yield "q", f"q={SEARCHED}"
    seen: set[str] = set()
    for link in _LINK.findall(browser.get(url).content.decode()):
        path, _, query = html.unescape(link).partition("?")
        name = "&".join(sorted(key for key, _ in parse_qsl(query)))
        is_file = "as=csv" in query
        if path in {"", url} and name and name not in seen and not is_file:
            seen.add(name)
            yield name, query


def _like(name: str, url: str) -> str | None:
    """The stock page of the same rows: a list, an added or a changed row (our page of one too)."""
    pattern = name.partition("?")[0]
    if not _STOCK.fullmatch(pattern):
        return None
    is_own_page = addresses.names_a_row(pattern) and not pattern.endswith("/change/")
    return f"{url}change/" if is_own_page else url
