"""The list of sessions."""

import re
from datetime import timedelta

from playwright.sync_api import expect

from tests.ui import data
from tests.ui.conftest import Open
from tests.ui.fake import Fake
from tests.ui.support_chat import agent_session


def test_shows_what_a_session_was(visit: Open, filled: Fake) -> None:
    page = visit("/ui/")
    row = page.locator("tr.row", has=page.locator("a[href='/ui/sessions/ses_agent']"))
    for text in [
        "claude-sonnet-4-5",
        "openai-python",
        "7 calls",
        "1 failed",
        "$0.232",
        "81% cached",
        "83.2k → 1.9k",
        "16m 00s",
        "49.0 s active",
        "support-bot",
        "id",
    ]:
        expect(row).to_contain_text(text)
    expect(row.locator(".dot")).to_have_attribute("aria-label", "errors")


def test_first_screen_comes_from_the_server(visit: Open, filled: Fake) -> None:
    page = visit("/ui/", java_script_enabled=False)
    expect(page.locator("tr.row")).to_have_count(50)
    page.get_by_text("Show more").click()
    expect(page.locator("tr.row")).to_have_count(50)
    page.goto(filled.base_url + "/ui/?q=duplicate")
    expect(page.locator("#q")).to_have_value("duplicate")
    assert "Refund" in page.locator("tr.row a").first.inner_text()


def test_scrolling_brings_every_row_and_keeps_few_in_the_document(visit: Open, filled: Fake) -> None:
    page = visit("/ui/")
    seen: set[str] = set()
    for _ in range(60):
        rows = page.locator("tr.row a")
        assert rows.count() <= 60
        seen.update(rows.evaluate_all("links => links.map(a => a.getAttribute('href'))"))
        page.mouse.wheel(0, 500)
        page.wait_for_timeout(25)
    assert len(seen) == 121
    expect(page.locator("#more")).to_be_hidden()


def test_filters_are_the_address(visit: Open, filled: Fake) -> None:
    page = visit("/ui/?status=cut")
    expect(page.locator("tr.row .dot.cut").first).to_be_visible()
    expect(page.locator("tr.row .dot.ok")).to_have_count(0)
    page.locator(".facets").get_by_text("errors", exact=True).click()
    expect(page).to_have_url(re.compile(r"\?status=errors$"))
    expect(page.locator("tr.row .dot.cut")).to_have_count(0)
    page.locator("#q").fill("robot")
    expect(page).to_have_url(re.compile(r"\?q=robot&status=errors$"))
    page.locator("#clear").click()
    expect(page).to_have_url(re.compile(r"/ui/$"))
    expect(page.locator("#q")).to_have_value("")
    page.go_back()
    expect(page.locator("#q")).to_have_value("robot")
    page.locator("#q").fill("nowhere to be found")
    expect(page.get_by_text("No session matches.")).to_be_visible()


def test_search_shows_where_and_opens_there(visit: Open, filled: Fake) -> None:
    page = visit("/ui/")
    page.keyboard.press("/")
    page.keyboard.type("captures")
    expect(page.locator(".snippet mark")).to_have_text("captures")
    page.locator("tr.row a").click()
    expect(page).to_have_url(re.compile(r"/ui/sessions/ses_agent#call_"))


def test_a_new_session_arrives_by_itself(visit: Open, filled: Fake) -> None:
    page = visit("/ui/")
    expect(page.locator("tr.row").first).to_be_visible()
    page.wait_for_timeout(300)
    filled.put({"session": data.session(900, data.now() + timedelta(seconds=5), title="Brand new"), "calls": []})
    expect(page.locator("tr.row a").first).to_have_text("Brand new")


def test_news_do_not_move_what_is_read(visit: Open, filled: Fake) -> None:
    page = visit("/ui/")
    page.wait_for_timeout(300)
    page.mouse.wheel(0, 900)
    page.wait_for_timeout(300)
    top = "[...document.querySelectorAll('tr.row')].find(r => r.getBoundingClientRect().top > 120)"
    before = page.evaluate(f"(r => [r.innerText.split('\\n')[0], r.getBoundingClientRect().top])({top})")
    filled.put({"session": data.session(901, data.now() + timedelta(seconds=5), title="Brand new"), "calls": []})
    expect(page.locator("#news")).to_have_text("1 new session ↑")
    assert page.evaluate(f"(r => [r.innerText.split('\\n')[0], r.getBoundingClientRect().top])({top})") == before
    page.locator("#news").click()
    expect(page.locator("tr.row a").first).to_have_text("Brand new")


def test_a_row_changes_in_place(visit: Open, filled: Fake) -> None:
    page = visit("/ui/")
    page.wait_for_timeout(300)
    row = page.locator("tr.row", has=page.locator("a[href='/ui/sessions/ses_agent']"))
    row.hover()
    filled.sessions["ses_agent"]["calls"] = 8
    filled.tell(filled.sessions["ses_agent"])
    expect(row).to_contain_text("8 calls")


def test_keyboard(visit: Open, filled: Fake) -> None:
    page = visit("/ui/")
    expect(page.locator("tr.row time[title]").first).to_be_visible()
    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    expect(page.locator("tr.row a").first).to_be_focused()
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    for _ in range(70):
        page.keyboard.press("j")
    expect(page.locator("tr.row a:focus")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/ui/sessions/"))


def test_empty_tells_how_to_begin(visit: Open, fake: Fake) -> None:
    page = visit("/ui/")
    python, curl = page.locator("pre").all_inner_texts()
    assert f'OpenAI(base_url="{fake.base_url}"' in python
    assert curl.startswith(f"curl {fake.base_url}/v1/chat/completions")
    assert len(python.splitlines()) == len(curl.splitlines()) == 3
    compile(python, "snippet", "exec")
    page.get_by_role("button", name="Send a demo session").click()
    expect(page).to_have_url(re.compile(r"/ui/sessions/ses_agent"))
    expect(page.locator("#title")).to_have_text(data.TITLES[0])


def test_empty_becomes_the_list(visit: Open, fake: Fake) -> None:
    page = visit("/ui/")
    page.wait_for_timeout(300)
    fake.put(agent_session(data.now()))
    expect(page.locator("tr.row")).to_have_count(1)


def test_demo_banner(visit: Open, fake: Fake) -> None:
    expect(visit("/ui/").locator(".notice")).to_contain_text("demo provider")
    fake.demo = False
    expect(visit("/ui/").locator(".notice")).to_have_count(0)
