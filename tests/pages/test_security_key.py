"""A security key in a real browser, whose authenticator is a virtual one."""

from typing import TYPE_CHECKING, Any

import pytest
from selenium.webdriver.common.by import By
from selenium.webdriver.common.virtual_authenticator import VirtualAuthenticatorOptions
from selenium.webdriver.support.ui import WebDriverWait

if TYPE_CHECKING:
    from selenium import webdriver

    from ispcore.accounts.models import Account

pytestmark = pytest.mark.django_db(transaction=True)


def fill(browser: "webdriver.Chrome", **values: str) -> None:
    for name, value in values.items():
        browser.find_element(By.NAME, name).send_keys(value)
    browser.find_element(By.CSS_SELECTOR, "#content-main form input[type=submit]").click()


def at(browser: "webdriver.Chrome", words: str) -> None:
    """Wait for the page with this heading, which is asked for at once: pages follow each other."""
    headings = "return [...document.querySelectorAll('h1')].map(each => each.innerText)"
    WebDriverWait(browser, 60).until(lambda page: words in page.execute_script(headings))


def test_it_is_added_and_opens_the_next_login(
    chromium: "webdriver.Chrome", live_server: Any, noc: "Account"
) -> None:
    base = live_server.url.replace("127.0.0.1", "localhost")
    chromium.add_virtual_authenticator(VirtualAuthenticatorOptions())
    chromium.get(f"{base}/account/second-factor/webauthn/add/")
    at(chromium, "Log in")
    fill(chromium, login="noc", password="noc-password")
    at(chromium, "Add a security key")
    chromium.find_element(By.ID, "add-key").click()
    at(chromium, "Recovery codes")
    chromium.delete_cookie("sessionid")
    chromium.get(f"{base}/account/sessions/")
    at(chromium, "Log in")
    fill(chromium, login="noc", password="noc-password")
    at(chromium, "Second factor")
    chromium.find_element(By.ID, "use-key").click()
    at(chromium, "Where you are logged in")
    chromium.get(f"{base}/account/second-factor/webauthn/add/")
    at(chromium, "Add a security key")
    chromium.find_element(By.ID, "add-key").click()  # the same key again, which it refuses
    WebDriverWait(chromium, 60).until(
        lambda page: page.find_element(By.ID, "key-fault").is_displayed()
    )
    log: Any = chromium.get_log("browser")  # type: ignore[no-untyped-call]
    assert [each for each in log if "Content Security Policy" in each["message"]] == []
