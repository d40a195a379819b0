"""The small ISP and its people, as the tests of pages know them; one browser for all charts."""

from collections.abc import Iterator

import pytest
from selenium.webdriver import Chrome

from tests.harness import browser
from tests.pages.conftest import as_admin, as_noc, as_viewer, isp

__all__ = ["as_admin", "as_noc", "as_viewer", "isp"]


@pytest.fixture(scope="module")
def one_browser() -> Iterator[Chrome]:
    """A browser that the tests of a module share: they load their own page from their own port."""
    with browser.chromium() as driver:
        yield driver
