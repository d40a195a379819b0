"""The benchmark of pages, on a small ISP: what it finds to look at, and what it makes of the times."""

from typing import TYPE_CHECKING

import pytest
from django.contrib import admin

from bench import pages as bench
from bench.browsing import pages, stock
from bench.browsing.pages import Page
from tests.pages.conftest import isp  # noqa: F401 - a fixture, found by its name

if TYPE_CHECKING:
    from ispcore.accounts.models import Account
    from tests.pages.conftest import Isp

pytestmark = pytest.mark.one_database
FEW = Page("a/", "/a/", "/a/", "bench", 3, 10.0)
MANY = Page("b/", "/b/", None, "bench", 5, 20.0)


@pytest.fixture
def found(isp: "Isp", super_user: "Account") -> dict[str, Page]:  # noqa: F811
    return {page.url: page for page in pages.found({"admin": super_user})}


def test_every_list_is_asked_in_every_way_it_offers(found: dict[str, Page]) -> None:
    lists = {
        f"/admin/{model._meta.label_lower.replace('.', '/')}/" for model in admin.site._registry
    }
    assert lists <= set(found)
    asked = {name for name in (page.name for page in found.values()) if "?" in name}
    assert {
        "admin/resellers/reseller/?q",
        "admin/resellers/reseller/?o",
        "admin/resellers/reseller/?status__exact",
        "admin/monitoring/alert/?tab",
    } <= asked


def test_pages_of_rows_and_the_overview_are_found_and_buttons_are_not(
    isp: "Isp",  # noqa: F811
    found: dict[str, Page],
) -> None:
    page = found[f"/admin/routers/router/{isp.edge.pk}/"]
    assert page.stock == f"/admin/routers/router/{isp.edge.pk}/change/"
    assert found["/admin/"].stock is None
    assert f"/admin/resellers/reseller/{isp.dhaka.pk}/thresholds/" in found
    assert not [url for url in found if url.endswith(("/poll/", "/logout/"))]
    assert f"/admin/resellers/reseller/{isp.dhaka.pk}/history/" in found


def test_stock_shows_the_columns_of_ours_that_are_fields() -> None:
    columns = {
        model._meta.label_lower: ours.list_display for model, ours in stock.site._registry.items()
    }
    assert columns["routers.router"] == ("name", "site", "address", "read_at")
    assert columns["accounts.account"] == (
        *("username", "name", "role", "tenant", "is_active", "last_login"),
    )
    assert "__str__" not in {name for shown in columns.values() for name in shown}


def test_the_figures_are_medians_of_pages() -> None:
    times = {
        ("/a/", bench.OURS): [10.0, 20.0, 90.0],
        ("/b/", bench.OURS): [40.0, 40.0, 40.0],
        ("/a/", bench.STOCK): [10.0, 40.0, 50.0],
        ("/a/", bench.UNWALLED): [16.0],
        ("/b/", bench.UNWALLED): [40.0],
    }
    told = bench.figures([FEW, MANY], times)
    assert (told["median_ms"], told["p95_ms"], told["slowest_ms"]) == (30.0, 90.0, 40.0)
    assert (told["vs_stock_admin"], told["vs_stock_admin_worst"]) == (0.5, 0.5)
    assert told["rls_cost"] == pytest.approx(0.125)
    assert told["largest_kb"] == 20.0
    assert bench.table([FEW, MANY], times)[1].split() == ["40.0", "5", "20", "/b/"]


def test_without_walls_their_cost_is_not_told() -> None:
    times = {("/a/", bench.OURS): [10.0], ("/a/", bench.STOCK): [10.0]}
    assert "rls_cost" not in bench.figures([FEW], times)
