"""Every page in a real browser, with hostile text in every place that anybody can write to."""

from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.test import Client
from selenium.common.exceptions import NoAlertPresentException

from monitoring.models import AlertEvent
from tests.pages.test_access_matrix import LINES, _address, keys
from tests.pages.test_hostile_texts import HOSTILE, _poison

if TYPE_CHECKING:
    from selenium import webdriver

    from ispcore.accounts.models import Account

__all__ = ["keys"]  # a fixture, found by its name
pytestmark = pytest.mark.django_db(transaction=True)
# shown by no page, or a page that only ends the session
LEFT_OUT = ("logout", "history", "/test/", "/poll/", "/discover/", "health")
FOUND = (
    "Content Security Policy",  # markup that was let in, and stopped at the last moment only
    "SyntaxError",
    "Uncaught",
)


@pytest.fixture
def poisoned(super_user: "Account", keys: dict[str, int]) -> dict[str, int]:
    _poison()
    AlertEvent.objects.create(
        alert_id=keys["alert"], kind="note", severity="high", by=HOSTILE[:100], text=HOSTILE[:250]
    )
    return keys


def pages(keys: dict[str, int]) -> list[str]:
    shown = [pattern for pattern in LINES if not any(part in pattern for part in LEFT_OUT)]
    found = [_address(pattern, keys) for pattern in shown if not pattern.startswith("api/")]
    typed = "?q=%3Cimg+src%3Dx+onerror%3Dalert(1)%3E%22'"
    return [*found, f"/admin/search/{typed}", f"/admin/routers/router/{typed}", f"/nowhere{typed}"]


def test_no_page_runs_what_somebody_wrote(
    chromium: "webdriver.Chrome",
    live_server: Any,
    super_user: "Account",
    poisoned: dict[str, int],
) -> None:
    client = Client()
    client.force_login(super_user)
    chromium.get(f"{live_server.url}/health/")
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    chromium.add_cookie({"name": settings.SESSION_COOKIE_NAME, "value": cookie})
    seen = 0
    for url in pages(poisoned):
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
    assert seen > 10  # it was there, as text
