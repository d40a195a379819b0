"""What an open page does with frames: changed in place, tinted once, and nothing is taken away."""

import time
from collections.abc import Callable, Iterator

import pytest
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.common.by import By
from selenium.webdriver.common.keys import Keys

from tests.look.page_server import PageServer, served

pytestmark = pytest.mark.browser

ROW = '<tr data-key="alert-{0}"><td><a class="cover" href="#{0}">{1}</a></td><td>{2}</td></tr>'
PAGE = """<!doctype html><html lang="en"><head><title>page</title>
<link rel="stylesheet" href="/static/ispcore/tokens.css">
<link rel="stylesheet" href="/static/ispcore/parts.css">
<link rel="stylesheet" href="/static/ispcore/marks.css">
<script type="module" src="/static/ispcore/live.js"></script>
<script type="module" src="/static/ispcore/keys.js"></script></head><body>
<div class="conn" id="conn" data-state="start" data-zone="Asia/Dhaka">
 <b role="status">Not live: last update</b> <time></time></div>
<div id="messages"></div>
<a data-topic="alerts" data-key=""><span data-live="open-count">1</span></a>
<main data-topic="overview" data-key="">
 <section class="panel" data-live="traffic"><p><b>412</b> <i>Mbps</i>
  <time data-age datetime="2026-01-01T00:00:00Z">1 min</time></p></section>
 <section class="panel" data-live="alerts">ALERTS</section>
 <section class="panel" data-live="note"><form><textarea id="n"></textarea><b>1</b></form>
  <details><summary>more</summary>words</details></section>
</main>
<div data-topic="router" data-key="7"><section class="panel" data-live="checks">?</section></div>
</body></html>"""


def alerts(*rows: tuple[int, str, str]) -> str:
    body = "".join(ROW.format(*row) for row in rows)
    return f'<header><h2>Open</h2></header><table class="list"><tbody data-rows="a">{body}</tbody></table>'


@pytest.fixture
def server() -> Iterator[PageServer]:
    with served(
        PAGE.replace("ALERTS", alerts((1, "Meghna", "108 %"), (2, "Turag", "93 %")))
    ) as one:
        yield one


@pytest.fixture
def page(one_browser: Chrome, server: PageServer) -> Chrome:
    """The page, opened and live."""
    one_browser.get(server.url)
    ActionChains(one_browser).move_to_element(one_browser.find_element(By.ID, "conn")).perform()
    until(lambda: badge(one_browser).startswith("Live"))
    return one_browser


def until(true: Callable[[], object], within_s: float = 10) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline, "did not happen in time"
        time.sleep(0.05)


def badge(page: Chrome) -> str:
    return page.find_element(By.ID, "conn").text


def texts(page: Chrome, selector: str) -> list[str]:
    script = "return [...document.querySelectorAll(arguments[0])].map(e => e.textContent)"
    found: list[str] = page.execute_script(script, selector)
    return found


def test_each_topic_is_asked_for_once(page: Chrome, server: PageServer) -> None:
    asked = [message for message in server.heard if "subscribe" in message]
    assert asked == [{"subscribe": [["alerts", ""], ["overview", ""], ["router", "7"]]}]


def test_a_changed_number_is_tinted_in_its_own_box_and_the_age_is_not(
    page: Chrome, server: PageServer
) -> None:
    page.execute_script("window.box = document.querySelector('[data-live=traffic] b')")
    age = '<time data-age datetime="2026-01-02T00:00:00Z">3 d</time>'
    server.push("overview", "", traffic=f"<p><b>538</b> <i>Mbps</i> {age}</p>")
    until(lambda: texts(page, "[data-live=traffic] b") == ["538"])
    assert texts(page, ".changed") == ["538"]
    assert page.execute_script("return window.box.isConnected && window.box.textContent === '538'")
    until(lambda: texts(page, ".changed") == [])


def test_a_frame_of_another_topic_or_key_changes_nothing(page: Chrome, server: PageServer) -> None:
    server.push("router", "8", checks="other")
    server.push("overview", "", checks="other")
    server.push("router", "7", checks="up")
    until(lambda: texts(page, "[data-live=checks]") == ["up"])


def test_what_is_being_written_and_what_is_open_survive(page: Chrome, server: PageServer) -> None:
    page.find_element(By.ID, "n").send_keys("called them, no ans")
    page.execute_script("document.querySelector('details').open = true")
    new = (
        '<form><textarea id="n">from the server</textarea><b>2</b></form>'
        "<details><summary>more</summary>other words</details>"
    )
    server.push("overview", "", note=new)
    until(lambda: texts(page, "[data-live=note] b") == ["2"])
    page.switch_to.active_element.send_keys("wer")
    assert page.execute_script("return document.activeElement.value") == "called them, no answer"
    assert page.execute_script("return document.querySelector('details').open")
    assert "other words" in texts(page, "details")[0]


def test_new_rows_wait_while_the_pointer_is_on_the_list(page: Chrome, server: PageServer) -> None:
    ActionChains(page).move_to_element(page.find_element(By.CSS_SELECTOR, "tbody td")).perform()
    server.push("overview", "", alerts=alerts((3, "Savar", "101 %"), (2, "Turag", "95 %")))
    until(lambda: texts(page, ".waiting") == ["1 new"])
    assert texts(page, "tbody .cover") == ["Meghna", "Turag"]
    assert texts(page, "tbody td:last-child") == ["108 %", "95 %"]
    assert texts(page, "tr.gone .cover") == ["Meghna"]
    ActionChains(page).move_to_element(page.find_element(By.ID, "conn")).perform()
    until(lambda: texts(page, "tbody .cover") == ["Savar", "Turag"])
    assert texts(page, ".waiting") == []


STOCK_LIST = """<nav class="tabs"><details><summary>More</summary><a data-go="u" href="#all">Subscribers</a>
</details></nav><table id="result_list"><tbody>
<tr><td><input type="checkbox" id="first"></td><th><a href="#first">first</a></th></tr>
<tr><td><input type="checkbox" id="next"></td><th><a href="#next">next</a></th></tr></tbody></table>"""


def test_keys_walk_a_stock_list_and_go_where_the_menu_does(page: Chrome) -> None:
    page.execute_script("document.querySelector('main').innerHTML = arguments[0]", STOCK_LIST)
    body = page.find_element(By.TAG_NAME, "body")
    body.send_keys("jjx", Keys.ENTER)
    assert page.current_url.endswith("#next")
    assert [box.is_selected() for box in page.find_elements(By.TAG_NAME, "input")] == [False, True]
    body.send_keys("gu")
    assert page.current_url.endswith("#all")


def test_new_rows_wait_while_one_is_selected_and_come_by_a_click(
    page: Chrome, server: PageServer
) -> None:
    page.find_element(By.TAG_NAME, "body").send_keys("j")
    server.push(
        "overview", "", alerts=alerts((3, "Savar", ""), (1, "Meghna", ""), (2, "Turag", ""))
    )
    until(lambda: texts(page, ".waiting") == ["1 new"])
    assert texts(page, "tr[aria-selected=true] .cover") == ["Meghna"]
    page.find_element(By.CLASS_NAME, "waiting").click()
    until(lambda: texts(page, "tbody .cover") == ["Savar", "Meghna", "Turag"])


def test_rows_enter_at_their_place_when_nobody_looks_at_them(
    page: Chrome, server: PageServer
) -> None:
    page.execute_script("window.row = document.querySelector('tr[data-key=alert-1]')")
    server.push(
        "overview", "", alerts=alerts((2, "Turag", ""), (3, "Savar", ""), (1, "Meghna", ""))
    )
    until(lambda: texts(page, "tbody .cover") == ["Turag", "Savar", "Meghna"])
    assert page.execute_script("return window.row === document.querySelector('tr:last-child')")


def test_text_that_is_being_selected_is_left_until_the_selection_ends(
    page: Chrome, server: PageServer
) -> None:
    page.execute_script(
        "getSelection().selectAllChildren(document.querySelector('[data-live=traffic] p'))"
    )
    server.push("overview", "", traffic="<p><b>500</b></p>")
    server.push("router", "7", checks="after")
    until(lambda: texts(page, "[data-live=checks]") == ["after"])
    assert texts(page, "[data-live=traffic] b") == ["412"]
    page.execute_script("getSelection().removeAllRanges()")
    until(lambda: texts(page, "[data-live=traffic] b") == ["500"])


def test_a_lost_line_is_said_at_once_and_taken_up_again(page: Chrome, server: PageServer) -> None:
    server.open_for_sockets = False
    server.hang_up()
    until(lambda: badge(page) == "Reconnecting")
    server.open_for_sockets = True
    until(lambda: badge(page).startswith("Live"), within_s=15)
    assert len([message for message in server.heard if "subscribe" in message]) == 2


def test_a_spot_with_its_own_filter_asks_for_its_page_in_place_of_the_frame(
    page: Chrome, server: PageServer
) -> None:
    page.execute_script("document.querySelector('[data-live=checks]').dataset.refetch = ''")
    server.page = server.page.replace('data-live="checks">?', 'data-live="checks">filtered')
    before = server.asked.count("/")
    server.push("router", "7", checks="unfiltered")
    until(lambda: texts(page, "[data-live=checks]") == ["filtered"])
    assert server.asked.count("/") == before + 1


def test_a_panel_that_may_not_be_followed_says_so(page: Chrome, server: PageServer) -> None:
    server.say({"refused": ["router", "7"]})
    until(lambda: "may not follow" in texts(page, "[data-live=checks]")[0])
    assert badge(page).startswith("Live")


def test_a_value_marks_itself_when_it_grows_old(page: Chrome, server: PageServer) -> None:
    soon_ms = int(time.time() * 1000) + 1500
    server.push("overview", "", traffic=f'<p data-stale-after="{soon_ms}"><b>5</b></p>')
    until(lambda: texts(page, "[data-live=traffic] b") == ["5"])
    assert texts(page, ".stale") == []
    until(lambda: texts(page, ".stale") == ["5"])


def test_hostile_names_arrive_as_text(page: Chrome, server: PageServer) -> None:
    server.push("router", "7", checks="<b>&lt;img src=x onerror=alert(1)&gt;</b><script>1</script>")
    until(lambda: texts(page, "[data-live=checks] b") == ["<img src=x onerror=alert(1)>"])
    assert texts(page, "[data-live=checks] img") == []


def test_nothing_on_the_page_needs_more_than_the_policy_allows(
    page: Chrome, server: PageServer
) -> None:
    server.push("overview", "", traffic="<p><b>1</b></p>")
    until(lambda: texts(page, "[data-live=traffic] b") == ["1"])
    log = page.get_log("browser")  # type: ignore[no-untyped-call]
    said = [entry["message"] for entry in log]
    assert not [words for words in said if "Content Security Policy" in words]
