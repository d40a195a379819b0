"""Charts: they say in words what they show, keep a zoom, and never stay silent about a failure."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from selenium.webdriver import ActionChains, Chrome, Keys
from selenium.webdriver.common.by import By

from tests.look.page_server import PageServer, served
from tests.look.test_live_page import texts, until

pytestmark = pytest.mark.browser

START = 1_795_200_000  # a whole 5 minutes
PAGE = """<!doctype html><html lang="en"><head><title>chart</title>
<link rel="stylesheet" href="/static/ispcore/tokens.css">
<link rel="stylesheet" href="/static/ispcore/parts.css">
<link rel="stylesheet" href="/static/ispcore/marks.css">
<link rel="stylesheet" href="/static/vendor/uPlot/uPlot.min.css">
<script src="/static/vendor/uPlot/uPlot.iife.min.js" defer></script>
<script type="module" src="/static/ispcore/charts.js"></script></head><body>
<div class="conn" id="conn" data-state="start"><b></b><time></time></div>
<section class="panel"><header><span class="k" data-legend="plan_down">plan</span>
 <span class="k" data-legend="p95">95th</span></header>
<div class="chart" data-chart="usage" data-url="/usage.json" data-version="1" data-height="200"
 data-label="Traffic" data-still></div></section></body></html>"""


def usage(**changes: Any) -> str:
    values = [300_000_000 + 1_000_000 * n for n in range(60)]
    known: dict[str, Any] = {
        "t": [START + 300 * n for n in range(60)],
        "down": [None if 20 <= n < 30 else value for n, value in enumerate(values)],
        "up": [value // 5 for value in values],
        "plan_down": 500_000_000,
        "plan_up": 500_000_000,
        "warning": 400_000_000,
        "p95": None,
        "gaps": [[START + 6000, START + 9000, "utt-edge-01 restarted"]],
        "interpolated": [],
        "zone": "Asia/Dhaka",
    }
    return json.dumps(known | changes)


@pytest.fixture
def server() -> Iterator[PageServer]:
    with served(PAGE) as one:
        one.answers["/usage.json"] = usage()
        yield one


@pytest.fixture
def page(one_browser: Chrome, server: PageServer) -> Chrome:
    one_browser.get(server.url)
    until(lambda: summary(one_browser))
    return one_browser


def summary(page: Chrome) -> str:
    return page.execute_script("return document.querySelector('.plot')?.ariaLabel") or ""


def is_zoomed(page: Chrome) -> bool:
    return page.find_element(By.CLASS_NAME, "zoomed").is_displayed()


def drag(page: Chrome, by: int) -> None:
    over = page.find_element(By.CLASS_NAME, "u-over")
    ActionChains(page).move_to_element(over).click_and_hold().move_by_offset(
        by, 0
    ).release().perform()


def test_a_chart_says_in_words_what_it_shows(page: Chrome) -> None:
    said = summary(page).replace("\u00a0", " ")
    assert said.startswith("Traffic, ")
    assert "highest down 359 Mbps, highest up 71.8 Mbps" in said
    assert "1 gap without data" in said


def test_the_legend_has_the_figures_and_hides_what_there_is_not(page: Chrome) -> None:
    assert texts(page, "[data-legend=plan_down]") == ["plan 500\u00a0Mbps"]
    assert not page.find_element(By.CSS_SELECTOR, "[data-legend=p95]").is_displayed()


def test_a_zoom_stays_when_new_data_come_and_ends_with_escape(
    page: Chrome, server: PageServer
) -> None:
    drag(page, 150)
    until(lambda: is_zoomed(page))
    server.answers["/usage.json"] = usage(plan_down=600_000_000)
    page.execute_script("document.querySelector('.chart').dataset.version = '2'")
    until(lambda: texts(page, "[data-legend=plan_down]") == ["plan 600\u00a0Mbps"])
    assert is_zoomed(page)
    page.find_element(By.TAG_NAME, "body").send_keys(Keys.ESCAPE)
    until(lambda: not is_zoomed(page))


def test_the_pointer_reads_a_gap_as_its_reason(page: Chrome) -> None:
    over = page.find_element(By.CLASS_NAME, "u-over")
    in_gap = round(over.size["width"] * (25 / 59 - 0.5))
    ActionChains(page).move_to_element_with_offset(over, in_gap, 0).perform()
    until(lambda: "utt-edge-01 restarted" in texts(page, ".tip")[0])


def test_a_range_without_data_has_words_in_place_of_lines(
    one_browser: Chrome, server: PageServer
) -> None:
    server.answers["/usage.json"] = usage(
        t=[START, START + 300], down=[None, None], up=[None, None]
    )
    one_browser.get(server.url)
    until(lambda: "No data in this range" in summary(one_browser))
    assert texts(one_browser, ".chart canvas") == []


def test_a_chart_that_does_not_load_says_so_in_its_panel(
    one_browser: Chrome, server: PageServer
) -> None:
    del server.answers["/usage.json"]
    one_browser.get(server.url)
    until(lambda: "did not load: it is not there" in summary(one_browser))


def test_a_chart_is_drawn_again_in_the_colours_of_the_other_theme(page: Chrome) -> None:
    page.execute_script("window.first = document.querySelector('canvas')")
    page.execute_script("document.documentElement.dataset.theme = 'dark'")
    until(lambda: page.execute_script("return !window.first.isConnected"))
    assert len(texts(page, ".chart canvas")) == 1
