"""The same small ISP as for the pages."""

from tests.pages.conftest import as_ctg, as_dhaka, as_noc, isp

__all__ = ["as_ctg", "as_dhaka", "as_noc", "isp"]
