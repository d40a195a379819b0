"""The permission matrix and the field of chosen objects in a real browser: by keyboard, at any width."""

from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings
from django.test import Client
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from ispcore.accounts.models import Account, Grant
from ispcore.accounts.roles import May
from routers.models import Router

if TYPE_CHECKING:
    from pytest_django.live_server_helper import LiveServer

PAGE = "/admin/accounts/account/matrix/"
PATIENCE_S = 15


@pytest.fixture
def as_super(live_server: "LiveServer", chromium: Chrome, super_user: Account) -> Chrome:
    """A browser in which a super user is logged in, on a page of the portal."""
    client = Client()
    client.force_login(super_user)
    chromium.get(f"{live_server.url}/health/")
    key = client.cookies[settings.SESSION_COOKIE_NAME].value
    chromium.add_cookie({"name": settings.SESSION_COOKIE_NAME, "value": key, "path": "/"})
    return chromium


def wait(browser: Chrome, until: Any) -> Any:
    return WebDriverWait(browser, PATIENCE_S).until(until)


def faults(browser: Chrome) -> list[str]:
    """What the browser refused or could not run; the socket has no server here."""
    said = [str(entry["message"]) for entry in browser.get_log("browser")]  # type: ignore[no-untyped-call]
    known = ("live/", "autocomplete attr", "favicon.ico")  # the last of a page that is no page
    return [text for text in said if not any(each in text for each in known)]


def test_a_right_is_given_by_keyboard_alone(
    live_server: "LiveServer", as_super: Chrome, viewer: Account
) -> None:
    as_super.get(live_server.url + PAGE)
    box = as_super.find_element(By.NAME, "viewer.handle_alerts")
    assert box.accessible_name == "Viewer: alerts, acknowledge and note"
    as_super.execute_script("arguments[0].focus()", box)
    ActionChains(as_super).send_keys(Keys.SPACE, Keys.ENTER).perform()
    wait(as_super, lambda d: d.find_elements(By.NAME, "confirm"))
    assert not viewer.may(May.HANDLE_ALERTS)
    row = as_super.find_element(By.CSS_SELECTOR, ".told tbody tr").text
    assert row == "Viewer Alerts: acknowledge and note (the buttons of the alert console) no yes 1"
    as_super.find_element(By.CSS_SELECTOR, "input.default").send_keys(Keys.ENTER)
    done = wait(as_super, lambda d: d.find_elements(By.CSS_SELECTOR, ".messagelist .success"))
    assert done[0].text == "One permission is changed, and in force."
    assert viewer.may(May.HANDLE_ALERTS)
    assert faults(as_super) == []


@pytest.mark.parametrize("width", [500, 1280])
def test_the_table_scrolls_in_its_panel_and_never_the_page(
    live_server: "LiveServer", as_super: Chrome, width: int
) -> None:
    as_super.set_window_size(width, 900)
    as_super.get(live_server.url + PAGE)
    size = "return [document.documentElement.scrollWidth, window.innerWidth]"
    page, window = as_super.execute_script(size)
    assert page <= window
    label = as_super.find_element(By.CSS_SELECTOR, ".matrix td label").size
    assert min(label["width"], label["height"]) >= 44


def test_an_operator_is_narrowed_by_typing_a_routers_name(
    live_server: "LiveServer", as_super: Chrome, noc: Account
) -> None:
    router = Router.objects.create(name="utt-edge-01", address="10.0.0.1")
    Router.objects.create(name="mir-edge-01", address="10.0.0.2")
    as_super.get(f"{live_server.url}/admin/accounts/account/{noc.pk}/change/")
    field = as_super.find_element(By.CSS_SELECTOR, ".field-grants .select2-search__field")
    field.send_keys("utt")
    found = wait(
        as_super,
        lambda d: d.find_elements(By.CSS_SELECTOR, ".select2-results__option--highlighted"),
    )
    assert found[0].text == "router utt-edge-01"
    field.send_keys(Keys.ENTER)
    as_super.find_element(By.NAME, "_save").click()
    wait(as_super, lambda d: d.find_elements(By.CSS_SELECTOR, ".messagelist .success"))
    assert Grant.objects.get(account=noc).object_id == router.pk
    assert faults(as_super) == []
