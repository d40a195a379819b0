"""The page says before an idle session ends."""

from selenium.webdriver import Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from tests.look.page_server import served

PAGE = """<!DOCTYPE html><title>x</title><meta name="idle-timeout-s" content="%d">
<script src="/static/ispcore/idle.js" type="module"></script><div id="messages"></div>"""


def said(browser: Chrome) -> str:
    return browser.find_element(By.ID, "messages").text


def test_it_says_when_and_how_to_stay(one_browser: Chrome) -> None:
    with served(PAGE % 100) as server:
        one_browser.get(server.url)
        assert said(one_browser) == ""
        WebDriverWait(one_browser, 40).until(lambda page: "You will be logged out at" in said(page))
        link = one_browser.find_element(By.CSS_SELECTOR, "#idle a")
        assert (link.text, link.get_attribute("href")) == ("Stay logged in", server.url)
        # a form that was sent in another tab counts as well
        one_browser.execute_script("localStorage.setItem('last-page-at', Date.now() + 60000)")
        WebDriverWait(one_browser, 40).until(lambda page: said(page) == "")
