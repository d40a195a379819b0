"""The page of an alert keeps its own detail up to date, and puts nothing else in its place."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest
from django.test import Client
from django.urls import reverse
from selenium.webdriver import Chrome

from tests.look.page_server import served
from tests.look.test_live_page import badge, texts, until

if TYPE_CHECKING:
    from ispcore.accounts.models import Account
    from tests.pages.conftest import Isp

pytestmark = pytest.mark.browser


@pytest.mark.parametrize(
    ("site", "name", "topic"),
    [("admin", "monitoring_alert_page", "alerts"), ("my", "alert", "my-alerts")],
)
def test_a_frame_reads_the_detail_again_and_nothing_else(
    isp: "Isp",
    noc: "Account",
    reseller_dhaka: "Account",
    client_for: "Callable[[Account], Client]",
    one_browser: Chrome,
    site: str,
    name: str,
    topic: str,
) -> None:
    client = client_for(noc if site == "admin" else reseller_dhaka)
    url = reverse(f"{site}:{name}", args=[isp.over_plan.pk])
    html = client.get(url).content.decode()
    detail = client.get(f"{url}?fragment=detail").content.decode()
    with served(html) as server:
        server.answers[url] = detail.replace("<h2>", "<h2>Again: ")
        one_browser.get(server.url)
        until(lambda: badge(one_browser).startswith("Live"))
        server.push(topic, "", **{"open-count": "2"})
        until(lambda: texts(one_browser, "#detail h2")[0].startswith("Again: "))
        assert [path for path in server.asked if "fragment=" in path] == [f"{url}?fragment=detail"]
