"""While the database does not answer, pages, API and health say so: no trace, no endless wait."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from django.db import OperationalError, connection

if TYPE_CHECKING:
    from django.test import Client

    from ispcore.accounts.models import Account

ClientFor = Callable[["Account"], "Client"]


@contextmanager
def database_away() -> Iterator[None]:
    """Every statement fails as the driver fails when the server is gone."""

    def fail(*_args: Any) -> Any:
        raise OperationalError("server closed the connection unexpectedly")

    with connection.execute_wrapper(fail):
        yield


@pytest.mark.parametrize(
    "path", ["/admin/", "/admin/resellers/reseller/", "/admin/search/?q=edge", "/admin/login/"]
)
def test_a_page_says_that_the_database_does_not_answer(
    noc: "Account", client_for: ClientFor, path: str
) -> None:
    browser = client_for(noc)
    with database_away():
        answer = browser.get(path)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "10")
    assert "database" in answer.content.decode()
    assert "OperationalError" not in answer.content.decode()
    assert '<meta http-equiv="refresh" content="10">' in answer.content.decode()


def test_a_change_says_that_nothing_was_changed(noc: "Account", client_for: ClientFor) -> None:
    browser = client_for(noc)
    with database_away():
        answer = browser.post("/admin/resellers/reseller/add/", {"name": "Dhaka Fibre"})
    assert answer.status_code == 503
    page = answer.content.decode()
    assert "Nothing was changed" in page
    assert "refresh" not in page, "the form that is open behind it would be lost"


@pytest.mark.parametrize("path", ["/api/resellers", "/api/alerts"])
def test_the_api_says_so_in_json(noc: "Account", client_for: ClientFor, path: str) -> None:
    browser = client_for(noc)
    with database_away():
        answer = browser.get(path)
    assert answer.status_code == 503
    assert answer.json() == {"detail": "the database does not answer; nothing was changed"}


def test_health_is_away(client: "Client", db: None) -> None:
    with database_away():
        answer = client.get("/health/")
    assert (answer.status_code, answer.json()["status"]) == (503, "away")
