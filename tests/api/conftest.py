"""The same small ISP as for the pages; and API clients."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from tests.pages.conftest import as_ctg, as_dhaka, as_noc, isp

if TYPE_CHECKING:
    from ispcore.accounts.models import ApiToken, Tenant

__all__ = ["as_ctg", "as_dhaka", "as_noc", "isp"]


@dataclass
class ApiClient:
    """Another system: no cookies, JSON, from one address."""

    address: str = "203.0.113.7"
    bearer: str = ""

    def post(self, path: str, **body: Any) -> tuple[int, Any]:
        return self.ask("POST", path, data=body, content_type="application/json")

    def get(self, path: str) -> tuple[int, Any]:
        return self.ask("GET", path)

    def ask(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        response = self.response(method, path, **options)
        return response.status_code, response.json() if response.content else None

    def response(self, method: str, path: str, **options: Any) -> Any:
        headers = {"Authorization": f"Bearer {self.bearer}"} if self.bearer else {}
        client = Client(REMOTE_ADDR=self.address, headers=headers, enforce_csrf_checks=True)
        return getattr(client, method.lower())(path, **options)

    def log_in(self, name: str, password: str = "", **more: str) -> Any:
        status, pair = self.post(
            "/api/auth/login", username=name, password=password or f"{name}-password", **more
        )
        assert status == 200, pair
        return pair


@pytest.fixture
def api() -> ApiClient:
    return ApiClient()


MakeToken = Callable[..., tuple["ApiToken", str]]


@pytest.fixture
def make_token(db: None) -> MakeToken:
    """make_token("billing", role=…, tenant=…, scopes=…) is a machine's new token and its text."""
    from ispcore.accounts.models import Account
    from ispcore.accounts.operations import accounts, api_tokens
    from ispcore.base import clock
    from ispcore.base.audit import Actor

    by = Actor("admin")

    def make(
        username: str = "billing",
        *,
        role: str = "viewer",
        tenant: "Tenant | None" = None,
        **options: Any,
    ) -> tuple["ApiToken", str]:
        machine: Account | None = Account.objects.filter(username=username).first()
        if machine is None:
            machine = accounts.create(username, role=role, tenant=tenant, password=None, by=by)
        chosen: dict[str, Any] = {
            "name": "sync",
            "scopes": ["alerts:read", "resellers:read"],
            "expires_at": clock.now() + timedelta(days=30),
        }
        return api_tokens.create(machine, by=by, **chosen | options)

    return make
