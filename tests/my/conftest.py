"""The small ISP as tests of pages know it, seen by a tenant's people of each role."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from tests.conftest import _account
from tests.pages.conftest import as_ctg, as_dhaka, as_noc, isp
from tests.subscribers.conftest import home, noon, radius_away, rahim

if TYPE_CHECKING:
    from django.test import Client

    from ispcore.accounts.models import Account, Tenant

__all__ = ["as_ctg", "as_dhaka", "as_noc", "home", "isp", "noon", "radius_away", "rahim"]


def text_of(response: Any) -> str:
    """What a page says."""
    return str(response.content.decode()).replace("\xa0", " ").replace("&#x27;", "'")


@pytest.fixture
def operator(tenant_dhaka: "Tenant") -> "Account":
    return _account("op_dhaka", "operator", tenant_dhaka)


@pytest.fixture
def viewer_dhaka(tenant_dhaka: "Tenant") -> "Account":
    return _account("vi_dhaka", "viewer", tenant_dhaka)


@pytest.fixture
def as_operator(operator: "Account", client_for: Callable[["Account"], "Client"]) -> "Client":
    return client_for(operator)


@pytest.fixture
def as_viewer_dhaka(
    viewer_dhaka: "Account", client_for: Callable[["Account"], "Client"]
) -> "Client":
    return client_for(viewer_dhaka)
