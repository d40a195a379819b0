"""The small ISP and its people, as the tests of pages know them."""

from tests.pages.conftest import as_admin, as_dhaka, isp

__all__ = ["as_admin", "as_dhaka", "isp"]
