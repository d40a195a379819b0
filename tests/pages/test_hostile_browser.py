"""Every page in a real browser, with hostile text in every place that anybody can write to."""

from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from selenium.common.exceptions import NoAlertPresentException

from monitoring.models import AlertEvent
from tests.access import surfaces
from tests.access.conftest import world
from tests.access.walk import client_of
from tests.pages.test_hostile_texts import HOSTILE, _add_hostile_entry, _poison

if TYPE_CHECKING:
    from selenium import webdriver

    from tests.access.world import World

__all__ = ["world"]  # a fixture, found by its name
pytestmark = pytest.mark.django_db(transaction=True)
# shown by no page, or a page that only ends the session
LEFT_OUT = ("logout", "/test/", "/poll/", "/discover/", "health", ".csv", "download")
FOUND = (
    "Content Security Policy",  # markup that was let in, and stopped at the last moment only
    "SyntaxError",
    "Uncaught",
)


@pytest.fixture
def poisoned(world: "World") -> "World":
    _poison()
    AlertEvent.objects.create(
        alert_id=world.keys["alert"],
        kind="note",
        severity="high",
        by=HOSTILE[:100],
        text=HOSTILE[:250],
    )
    _add_hostile_entry(world.keys["resellers"])
    return world


def pages(world: "World", start: str) -> list[str]:
    shown = [
        pattern
        for pattern, _ in surfaces.patterns()
        if pattern.startswith((start, "account/")) and not any(p in pattern for p in LEFT_OUT)
    ]
    typed = "?q=%3Cimg+src%3Dx+onerror%3Dalert(1)%3E%22'"
    searched = [f"/admin/search/{typed}", f"/admin/routers/router/{typed}", f"/nowhere{typed}"]
    return [*(world.address(pattern) for pattern in shown), *searched]


@pytest.mark.parametrize(("person", "start"), [("super", "admin/"), ("dhaka_owner", "my/")])
def test_no_page_runs_what_somebody_wrote(
    chromium: "webdriver.Chrome",
    live_server: Any,
    poisoned: "World",
    person: str,
    start: str,
) -> None:
    client = client_of(poisoned.people[person])
    chromium.get(f"{live_server.url}/health/")
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    chromium.add_cookie({"name": settings.SESSION_COOKIE_NAME, "value": cookie})
    seen = 0
    for url in pages(poisoned, start):
        chromium.get(live_server.url + url)
        with pytest.raises(NoAlertPresentException):
            chromium.switch_to.alert.accept()
        html = chromium.page_source
        seen += "&lt;img src=x" in html
        run = chromium.execute_script("return document.querySelectorAll('img[src=x]').length")
        assert run == 0, url
        log: Any = chromium.get_log("browser")  # type: ignore[no-untyped-call]
        faults = [each["message"] for each in log if any(word in each["message"] for word in FOUND)]
        assert faults == [], url
    assert seen > 5  # it was there, as text
