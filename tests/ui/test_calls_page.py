"""The flat log of calls."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.ui import data
from tests.ui.conftest import Open
from tests.ui.fake import Fake, listening
from tests.ui.support_lists import call_rows
from tests.ui.test_sessions_page import ready


@pytest.fixture
def calls(filled: Fake) -> Fake:
    """The agent's calls, and 250 others; some failed."""
    filled.loose_calls = call_rows(250, data.now() - timedelta(minutes=20))
    return filled


def first(page: Page) -> str:
    return page.locator("tr.row").first.inner_text()


def test_shows_what_a_call_was(visit: Open, calls: Fake) -> None:
    calls.loose_calls[0] |= {"created_at": data.iso(data.now()), "ttft_ms": 413, "duration_ms": 2600, "user": "ada"}
    page = ready(visit("/ui/calls?cols=endpoint,tokens,cost,took,key,user,client,session"))
    for text in [
        "claude-sonnet-4-5", "anthropic · eu-1", "chat/completions", "13.9k → 312", "81% cached", "$0.050", "2.6 s",
        "413 ms to first", "support-bot", "ada", "openai-python", "session-0",
    ]:  # fmt: skip
        expect(page.locator("tr.row").first).to_contain_text(text)
    expect(page.locator("tr.row .what .bad").filter(has_text="529 Overloaded.").first).to_be_visible()
    calls.loose_calls[0] |= {"stream": False}  # all of it came at once
    page.reload()
    expect(ready(page).locator("tr.row").first.locator(".took")).to_have_text("2.6 s")
    plain = visit("/ui/calls", java_script_enabled=False)
    expect(plain.locator("tr.row").first.locator(".took")).to_have_text("2.6 s")
    expect(page.get_by_role("link", name="Calls")).to_have_attribute("aria-current", "page")


def test_first_screen_comes_from_the_server(visit: Open, calls: Fake) -> None:
    read = "rows => rows.slice(0, 20).map(r => [...r.cells].slice(2).map(c => c.innerText))"
    page = visit("/ui/calls?filter=provider:anthropic", java_script_enabled=False)
    expect(page.locator("tr.row")).to_have_count(50)
    served = page.locator("tr.row").evaluate_all(read)
    page = ready(visit("/ui/calls?filter=provider:anthropic"))
    assert [row[1:] for row in page.locator("tr.row").evaluate_all(read)] == [row[1:] for row in served]


def test_the_same_language_and_facets(visit: Open, calls: Fake) -> None:
    page = ready(visit("/ui/calls"))
    page.keyboard.press("/")
    page.keyboard.type("http")
    expect(page.get_by_role("option").first).to_contain_text("http>")
    page.locator("#q").fill("model:gpt* status:errors")
    page.keyboard.press("Enter")
    expect(page.locator("#plot figcaption b")).to_have_text(re.compile(r"^\d+ calls$"))
    expect(page.locator("tr.row .dot:not(.errors)")).to_have_count(0)
    page.locator(".facet[data-field=client]").first.click()
    expect(page.locator("#q")).to_have_value(re.compile(r"^model:gpt\* status:errors client:\S+$"))
    page.get_by_role("link", name="Cost").click()
    expect(page).to_have_url(re.compile("/ui/calls.*sort=-cost"))


def test_a_click_opens_the_call_in_its_session(visit: Open, calls: Fake) -> None:
    page = ready(visit("/ui/calls"))
    own = page.locator("tr.row", has=page.locator("a[href^='/ui/sessions/ses_agent#call_']")).first
    href = own.locator("a").first.get_attribute("href") or ""
    own.locator("td.tokens").click()
    expect(page).to_have_url(re.compile(re.escape(href)))
    expect(page.locator(f"#{href.partition('#')[2]}")).to_be_in_viewport()


def test_a_call_has_an_address_of_its_own(visit: Open, calls: Fake) -> None:
    page = visit(f"/ui/calls/call_{1003:026d}")
    expect(page).to_have_url(re.compile(r"/ui/sessions/ses_agent(\?\S*)?#call_0+1003$"))
    expect(page.locator(f"#call_{1003:026d}")).to_be_in_viewport()
    page.goto(calls.base_url + "/ui/calls/call_none")
    expect(page.get_by_text("There is no such call.")).to_be_visible()


def test_found_words_are_shown(visit: Open, calls: Fake) -> None:
    page = ready(visit("/ui/calls?filter=captures"))
    expect(page.locator("tr.row")).to_have_count(page.locator(".snippet mark").count())
    expect(page.locator(".snippet mark").first).to_have_text("captures")


def test_more_come_as_they_are_scrolled_to(visit: Open, calls: Fake) -> None:
    page = ready(visit("/ui/calls?filter=provider:anthropic"))
    page.wait_for_function(
        "() => (scrollTo(0, document.documentElement.scrollHeight), document.querySelector('.more').hidden)"
    )
    page.keyboard.press("End")
    expect(page.locator("a[href$='call_00000000000000000000050249']").first).to_be_in_viewport()
    assert page.locator("#rows tr").count() <= 60


def test_a_new_call_arrives_by_itself(visit: Open, calls: Fake) -> None:
    page = ready(visit("/ui/calls"))
    listening(page, calls)
    new = call_rows(1, data.now() + timedelta(seconds=5))[0] | {"id": "call_new", "model": "brand-new-model"}
    calls.loose_calls.append(new)
    calls.tell(calls.sessions["ses_agent"])
    expect(page.locator("tr.row").first).to_contain_text("brand-new-model")


def test_two_calls_are_compared_by_keyboard(visit: Open, calls: Fake) -> None:
    page = ready(visit("/ui/calls"))
    for key in "jxjx":
        page.keyboard.press(key)
    compare = page.locator("#picked").get_by_role("link", name="Compare")
    expect(compare).to_have_attribute("href", re.compile(r"^/ui/compare\?a=call_\d+&b=call_\d+$"))
    expect(page.get_by_role("button", name="Delete")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/ui/sessions/ses_.*#call_"))


def test_views_are_the_page_s_own(visit: Open, calls: Fake) -> None:
    calls.views = [
        {"id": "a", "name": "Of sessions", "page": "sessions", "query": "filter=a"},
        {"id": "b", "name": "Of calls", "page": "calls", "query": "filter=status:errors"},
    ]
    page = ready(visit("/ui/calls"))
    expect(page.locator("#saved li a")).to_have_text(["Of calls"])
    page.get_by_role("link", name="Of calls").click()
    expect(page.locator("#q")).to_have_value("status:errors")


def test_nothing_yet(visit: Open, fake: Fake) -> None:
    page = visit("/ui/calls")
    expect(page.get_by_role("heading", name="No calls yet")).to_be_visible()


@pytest.mark.parametrize(("width", "height"), [(390, 844), (2560, 1440)])
def test_small_and_large(visit: Open, calls: Fake, width: int, height: int) -> None:
    page = ready(visit("/ui/calls", viewport={"width": width, "height": height}))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert re.search(r"\d\d:\d\d:\d\d", first(page))
    expect(page.locator("td.session").first).to_be_visible(visible=width > 1000)
