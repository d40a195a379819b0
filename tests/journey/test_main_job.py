"""The main job end to end: real processes, a real browser, one page that nobody reloads."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from tests.journey.portal import Portal, running_portal

pytestmark = [pytest.mark.journey, pytest.mark.browser]
SAME_PAGE = "return window.sameDocument === true"


def test_trouble_in_the_network_shows_on_an_open_page(
    chromium: webdriver.Chrome, project: Path, tmp_path: Path
) -> None:
    """The demo's day of trouble: a reseller goes over its plan; a router dies and returns."""
    with running_portal(project, var=tmp_path / "var", arguments=["--demo"]) as portal:
        log_in(chromium, portal)
        chromium.execute_script("window.sameDocument = true")
        wait(chromium, "the badge says live", badge_is_live, 20)
        wait(chromium, "a first number", has_rate, 100)
        before = rate(chromium)
        wait(chromium, "the number moves", lambda page: rate(page) != before, 150)
        wait(chromium, "the reseller's alert", lambda page: shows(page, "Meghna Online"), 150)
        wait(chromium, "the router's alert", lambda page: shows(page, "nar-edge-01"), 120)
        assert "No answer to" in alerts(chromium)
        wait(chromium, "its end", lambda page: "No answer to" not in alerts(page), 300)
        assert chromium.execute_script(SAME_PAGE), "the page was loaded again"
        assert not complaints(chromium)


def log_in(chromium: webdriver.Chrome, portal: Portal) -> None:
    chromium.get(f"{portal.url}/admin/")
    chromium.find_element(By.NAME, "login").send_keys("admin")
    chromium.find_element(By.NAME, "password").send_keys(portal.password)
    chromium.find_element(By.CSS_SELECTOR, "#login-form [type=submit]").click()
    wait(chromium, "the overview", lambda page: "at-overview" in page.page_source, 15)


def wait(
    chromium: webdriver.Chrome,
    what: str,
    holds: Callable[[webdriver.Chrome], bool],
    within_s: float,
) -> None:
    until = time.monotonic() + within_s
    while not holds(chromium):
        assert time.monotonic() < until, f"{what}: not within {within_s} s\n{alerts(chromium)}"
        time.sleep(0.5)


def text_of(chromium: webdriver.Chrome, spot: str) -> str:
    script = "const n = document.querySelector(arguments[0]); return n ? n.textContent : ''"
    return str(chromium.execute_script(script, f'main [data-live="{spot}"]'))


def alerts(chromium: webdriver.Chrome) -> str:
    return text_of(chromium, "alerts")


def shows(chromium: webdriver.Chrome, subject: str) -> bool:
    return subject in alerts(chromium)


def rate(chromium: webdriver.Chrome) -> str:
    return text_of(chromium, "traffic")


def has_rate(chromium: webdriver.Chrome) -> bool:
    return "bps" in rate(chromium)


def badge_is_live(chromium: webdriver.Chrome) -> bool:
    return chromium.find_element(By.ID, "conn").get_attribute("data-state") == "live"


def complaints(chromium: webdriver.Chrome) -> list[str]:
    """What the console says of errors, refused styles and scripts."""
    return [e["message"] for e in chromium.get_log("browser") if e["level"] == "SEVERE"]  # type: ignore[no-untyped-call]
