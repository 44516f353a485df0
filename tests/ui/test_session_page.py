"""One session."""

import re
import time
from datetime import timedelta

from playwright.sync_api import Page, expect

from tests.ui import data
from tests.ui.conftest import Open
from tests.ui.fake import Fake

HERE = "/ui/sessions/ses_agent"


def call_id(number: int) -> str:
    return f"call_{number:026d}"


def opened(page: Page) -> Page:
    expect(page.locator("#rename")).to_be_visible()
    return page


def test_head_and_rail(visit: Open, filled: Fake) -> None:
    page = opened(visit(HERE))
    pills = page.locator("#pills")
    for text in ["turns4", "calls7", "83.2k → 1.9k", "81% cached", "$0.232", "p50", "p95", "1failed", "support-bot"]:
        expect(pills).to_contain_text(text)
    stops = page.locator("button.stop")
    expect(stops).to_have_count(4)
    expect(stops.nth(2)).to_contain_text("1 failed")
    expect(page.locator(".idle")).to_have_text("12m 41s idle")


def test_transcript_shows_what_each_call_added(visit: Open, filled: Fake) -> None:
    page = opened(visit(HERE))
    first = page.locator(f"#{call_id(1000)}")
    expect(first.locator("summary", has_text="system prompt · 576 characters")).to_be_visible()
    expect(first.locator("img.picture")).to_have_attribute("src", re.compile("^data:image/png"))
    expect(first.locator(".attached a")).to_have_attribute("href", "https://cdn.example.com/receipt-88213.png")
    expect(first.locator(".tool h4")).to_contain_text("find_charges")
    expect(first.locator(".pair .given")).to_contain_text("88213")
    expect(first.locator(".pair .result")).to_contain_text("ch_72")
    reasoning = first.locator("details.reasoning")
    expect(reasoning).not_to_contain_text("four seconds apart")
    reasoning.locator("summary").click()
    expect(reasoning.locator("strong")).to_have_text("duplicate")
    second = page.locator(f"#{call_id(1001)}")
    expect(second.locator(".resent")).to_contain_text(
        "3 earlier messages resent · 11,204 tokens cached · the result of find_charges, shown above"
    )
    expect(second.locator(".prose li")).to_have_count(2)
    expect(second.locator(".msg.tool")).to_have_count(0)


def test_errors_and_retries_are_in_place(visit: Open, filled: Fake) -> None:
    page = opened(visit(f"{HERE}#{call_id(1004)}"))
    expect(page.locator(f"#{call_id(1004)} .failed")).to_contain_text("upstream error 504")
    expect(page.locator(f"#{call_id(1004)} .failed")).to_contain_text("The provider did not answer in time.")
    expect(page.locator(f"#{call_id(1005)} .msg.user")).to_contain_text("Send it")
    expect(page.get_by_role("button", name="1 other attempt")).to_have_attribute("aria-expanded", "true")
    expect(page.locator(f"#{call_id(1006)} .failed.cut")).to_contain_text("client closed")


def test_a_link_to_a_call_selects_it(visit: Open, filled: Fake) -> None:
    page = opened(visit(f"{HERE}?tab=why#{call_id(1003)}"))
    expect(page.locator(f"#{call_id(1003)}")).to_have_class(re.compile("selected"))
    expect(page.locator(f"#{call_id(1003)}")).to_be_in_viewport()
    expect(page.get_by_role("tab", name="Why here")).to_have_attribute("aria-selected", "true")
    expect(page.get_by_role("tabpanel")).to_contain_text("metadata.litellm_session_id")
    page.get_by_role("link", name=call_id(1002)).click()
    expect(page).to_have_url(re.compile(f"#{call_id(1002)}$"))


def test_inspector(visit: Open, filled: Fake) -> None:
    page = opened(visit(f"{HERE}#{call_id(1003)}"))
    panel = page.get_by_role("tabpanel")
    for text in [
        "anthropic / eu-1",
        "13,870",
        "11,204 cached, 81%",
        "312",
        "214 reasoning",
        "$0.050",
        "4.4 s",
        call_id(1003),
    ]:
        expect(panel).to_contain_text(text)
    page.get_by_role("tab", name="As sent").click()
    expect(panel).to_contain_text("messages")
    expect(page).to_have_url(re.compile(r"\?tab=sent#"))
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Response")).to_be_focused()
    expect(panel).to_contain_text("chatcmpl-1003")
    page.get_by_role("button", name="Raw events").click()
    expect(panel.locator("pre")).to_contain_text("[DONE]")
    page.locator(f"#{call_id(1003)} .resent").click()
    expect(page.get_by_role("tab", name="As sent")).to_have_attribute("aria-selected", "true")


def test_keyboard(visit: Open, filled: Fake) -> None:
    page = opened(visit(HERE))
    current = page.locator("button.stop[aria-current]")
    page.keyboard.press("j")
    expect(current).to_contain_text("Yes, go ahead")
    expect(page).to_have_url(re.compile(f"#{call_id(1002)}$"))
    page.keyboard.press("j")
    page.keyboard.press("j")
    expect(current).to_contain_text("Thanks!")
    page.keyboard.press("k")
    expect(current).to_contain_text("Send it")
    page.keyboard.press("i")
    expect(page.locator("#inspector")).to_be_hidden()
    page.keyboard.press("t")
    expect(page.locator("#timeline")).to_be_hidden()
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    page.keyboard.press("/")
    expect(page.locator("#q")).to_be_focused()


def test_brackets_go_to_the_sessions_beside(visit: Open, filled: Fake) -> None:
    rows = sorted(filled.sessions.values(), key=lambda s: (s["last_at"], s["id"]), reverse=True)
    at = [row["id"] for row in rows].index("ses_agent")
    following = rows[at + 1]["id"]
    filled.transcripts[following] = {"session": filled.sessions[following], "calls": []}
    page = opened(visit(HERE))
    page.keyboard.press("]")
    expect(page).to_have_url(re.compile(f"/ui/sessions/{following}$"))
    expect(page.locator("#rename")).to_be_visible()
    page.keyboard.press("[")
    expect(page).to_have_url(re.compile(r"/ui/sessions/ses_agent$"))


def test_timeline_selects(visit: Open, filled: Fake) -> None:
    page = opened(visit(HERE))
    expect(page.locator(".bar-call")).to_have_count(7)
    expect(page.locator(".axis")).to_contain_text("pauses folded")
    page.locator(".bar-call.errors").click()
    expect(page).to_have_url(re.compile(f"#{call_id(1004)}$"))


def test_rename(visit: Open, filled: Fake) -> None:
    page = opened(visit(HERE))
    page.locator("#rename").click()
    page.get_by_label("Title").fill("refuse")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_have_text("This title is refused.")
    page.get_by_label("Title").fill("Order 88213")
    page.keyboard.press("Enter")
    expect(page.locator("#title")).to_have_text("Order 88213")
    expect(page).to_have_title("Order 88213 · Sessionary")
    assert filled.sessions["ses_agent"]["title"] == "Order 88213"


def test_delete_asks_first(visit: Open, filled: Fake) -> None:
    page = opened(visit(HERE))
    page.locator("#delete").click()
    page.get_by_role("button", name="Cancel").click()
    assert "ses_agent" in filled.sessions
    page.locator("#delete").click()
    page.locator("dialog .danger").click()
    expect(page).to_have_url(re.compile(r"/ui/$"))
    assert "ses_agent" not in filled.sessions


def test_grows_while_it_is_watched(visit: Open, filled: Fake) -> None:
    page = opened(visit(HERE))
    transcript = filled.transcripts["ses_agent"]
    live = data.call("support-88213", 1007, 5, data.now(), status="live", duration_ms=None, http_status=None)
    page.wait_for_timeout(600)
    transcript["calls"].append(data.added(live, [data.said("user", data.text("One more thing"))], None, resent=14))
    transcript["session"]["calls"] = 8
    filled.tell(transcript["session"])
    expect(page.locator("#pills")).to_contain_text("calls8")
    page.keyboard.press("j")
    page.locator("button.stop", has_text="One more thing").click()
    expect(page.locator(f"#{call_id(1007)} .waiting")).to_be_visible()
    page.wait_for_timeout(600)
    live |= {"status": "ok", "duration_ms": 900}
    transcript["calls"][-1]["output"] = data.said("assistant", data.text("Here it is."))
    filled.tell(transcript["session"])
    expect(page.locator(f"#{call_id(1007)}")).to_contain_text("Here it is.")
    expect(page.locator(f"#{call_id(1007)} .waiting")).to_have_count(0)


def test_readable_without_script(visit: Open, filled: Fake) -> None:
    page = visit(HERE, java_script_enabled=False)
    expect(page.locator("article.call")).to_have_count(7)
    expect(page.locator(f"#{call_id(1000)}")).to_contain_text("find_charges")
    expect(page.locator(f"#{call_id(1000)} .result")).to_contain_text("ch_72")
    expect(page.locator(f"#{call_id(1001)} .msg.tool")).to_have_count(0)


def test_a_huge_session_opens_and_scrolls(visit: Open, fake: Fake) -> None:
    fake.put(data.huge_session(data.now() - timedelta(hours=1)))
    page = visit("/ui/sessions/ses_huge", java_script_enabled=False)
    expect(page.locator("article.call")).to_have_count(20)
    page = visit("/ui/sessions/ses_huge")
    began = time.monotonic()
    expect(page.locator("#pills")).to_contain_text("5,000")
    expect(page.locator("#rename")).to_be_visible(timeout=20_000)
    assert time.monotonic() - began < 8
    rows = "document.querySelectorAll('article, .stop, .bar-call').length"
    assert page.evaluate(rows) <= 400
    page.evaluate("document.querySelector('#main').scrollTop = 1e9")
    expect(page.locator(f"#{call_id(104_999)}")).to_be_in_viewport()
    expect(page.locator("button.stop[aria-current]")).to_contain_text("2500")
    assert page.evaluate(rows) <= 400
    page.evaluate("location.hash = 'call_' + String(102500).padStart(26, '0')")
    expect(page.locator(f"#{call_id(102_500)} .sep")).to_be_in_viewport()


def test_missing(visit: Open, filled: Fake) -> None:
    page = visit("/ui/sessions/nobody%27s")
    expect(page.get_by_role("heading")).to_have_text("There is no such session")
