"""The inspector and the timeline come and go by mouse, touch and keyboard, and the address keeps how they are."""

import re

from playwright.sync_api import Page, expect

from tests.ui import data
from tests.ui.conftest import Open
from tests.ui.fake import Fake
from tests.ui.test_find import folded_session
from tests.ui.test_session_page import HERE, call_id, opened

PHONE = {"width": 390, "height": 844}


def button(page: Page, name: str):  # type: ignore[no-untyped-def]
    return page.get_by_role("button", name=name, exact=True)


def test_what_is_closed_is_opened_again_without_keys(visit: Open, filled: Fake) -> None:
    page = opened(visit(HERE))
    expect(button(page, "Inspector")).to_have_attribute("aria-expanded", "true")
    button(page, "Close the inspector").click()
    expect(page.locator("#inspector")).to_be_hidden()
    expect(button(page, "Inspector")).to_have_attribute("aria-expanded", "false")
    button(page, "Inspector").click()
    expect(page.locator("#inspector")).to_be_visible()
    button(page, "Timeline").click()
    expect(page.locator("#timeline")).to_be_hidden()
    button(page, "Timeline").click()
    expect(page.locator("#timeline .bar-call").first).to_be_visible()
    expect(page).to_have_url(re.compile(f"{HERE}$"))


def test_the_address_keeps_what_is_not_usual(visit: Open, filled: Fake) -> None:
    page = opened(visit(HERE))
    for key in "itj":
        page.keyboard.press(key)
    expect(page).to_have_url(re.compile(rf"{HERE}\?inspector=closed&timeline=closed#{call_id(1002)}$"))
    opened(page).reload()
    opened(page)
    expect(page.locator("article.selected")).to_have_id(call_id(1002))
    expect(page.locator("#inspector")).to_be_hidden()
    expect(page.locator("#timeline")).to_be_hidden()
    page.set_viewport_size({"width": 1000, "height": 900})
    expect(page.locator("#timeline")).to_be_hidden()
    page.keyboard.press("i")
    expect(page).to_have_url(re.compile(r"\?inspector=open&timeline=closed#"))
    page.locator(f"#{call_id(1003)} .resent").click(position={"x": 20, "y": 8})
    expect(page).to_have_url(re.compile(r"\?timeline=closed&tab=changes#"))
    page.keyboard.press("t")
    expect(page).to_have_url(re.compile(r"\?tab=changes#"))


def test_a_phone_has_all_of_it(visit: Open, filled: Fake) -> None:
    page = opened(visit(HERE, viewport=PHONE, has_touch=True))
    tops = page.locator("#actions button:visible").evaluate_all("all => all.map(e => e.getBoundingClientRect().top)")
    assert len(tops) == 6
    assert len(set(tops)) == 1, "one line"
    expect(page.locator("#timeline")).to_be_hidden()
    button(page, "Timeline").tap()
    page.locator(".bar-call.errors").tap()
    expect(page).to_have_url(re.compile(rf"\?timeline=open#{call_id(1004)}$"))
    expect(page.locator(f"#{call_id(1004)}")).to_be_in_viewport()
    button(page, "Inspector").tap()
    expect(page).to_have_url(re.compile(r"inspector=open"))
    opened(page).reload()
    expect(opened(page).get_by_role("tabpanel")).to_be_in_viewport()
    button(page, "Close the inspector").tap()
    button(page, "Timeline").tap()
    expect(page).to_have_url(re.compile(rf"{HERE}#{call_id(1004)}$"))


def test_a_link_to_a_message_brings_it_out_of_those_before(visit: Open, fake: Fake) -> None:
    fake.put(folded_session())
    page = opened(visit(f"/ui/sessions/ses_folded#{call_id(30_005)}/m4"))
    message = page.locator(f"[id='{call_id(30_005)}/m4']")
    expect(message).to_contain_text("of the pangolin")
    expect(message).to_be_in_viewport()
    page.wait_for_timeout(300)
    expect(message).to_be_in_viewport()
    expect(page.locator(f"#{call_id(30_001)} details[open]")).to_have_count(0)


def test_a_phone_s_turns_are_all_there_when_they_are_opened(visit: Open, fake: Fake) -> None:
    fake.put(data.huge_session(data.now(), calls=300))
    page = visit("/ui/sessions/ses_huge", viewport=PHONE, has_touch=True)
    page.get_by_role("button", name="Turns").click()
    stops = page.locator("button.stop")
    expect(stops.nth(8)).to_be_in_viewport()
    here = "e => e.getBoundingClientRect().top < innerHeight"
    said = f"all => all.filter({here}).map(e => e.querySelector('.said').innerText)"
    for _ in range(40):
        told = stops.evaluate_all(said)
        if len(told) > 8 and all("please" in one for one in told):
            break
        page.wait_for_timeout(50)
    assert all("please" in one for one in told), told


def test_keys_go_from_where_one_reads(visit: Open, fake: Fake) -> None:
    fake.put(data.huge_session(data.now(), calls=40, letters=2000))
    page = opened(visit("/ui/sessions/ses_huge"))
    page.locator("#main").evaluate("feed => (feed.scrollTop = feed.scrollHeight / 2)")
    current = page.locator("#rail [aria-current] .said b")
    expect(current).not_to_have_text("1")
    at = int(current.inner_text())
    page.keyboard.press("j")
    expect(current).to_have_text(str(at + 1))


def test_a_low_window_has_room_for_what_was_said(visit: Open, filled: Fake) -> None:
    """A phone on its side, or a page at 400 %."""
    for size in ({"width": 667, "height": 375}, {"width": 360, "height": 225}):
        page = opened(visit(HERE, viewport=size))
        assert page.locator("#main").evaluate("feed => feed.clientHeight") > 150
        page.locator("article").first.scroll_into_view_if_needed()
        expect(page.locator("article").first).to_be_in_viewport()


def test_what_is_printed_is_not_cut(visit: Open, filled: Fake) -> None:
    page = opened(visit(HERE))
    page.emulate_media(media="print")
    assert page.locator("#main").evaluate("feed => feed.scrollHeight <= feed.clientHeight")
    expect(page.locator("#rail")).to_be_hidden()


def test_what_did_not_come_is_asked_for_again(visit: Open, filled: Fake) -> None:
    visit.refusals.append("503")
    page = opened(visit(HERE))
    headers = re.compile(r"/headers$")
    page.route(headers, lambda route: route.fulfill(status=503, json={"error": {"message": "The store is away."}}))
    page.get_by_role("tab", name="Headers").click()
    panel = page.get_by_role("tabpanel")
    expect(panel.get_by_role("alert")).to_have_text("The store is away.")
    page.unroute(headers)
    button(page, "Try again").click()
    expect(panel).to_contain_text("Request")
    expect(panel.get_by_role("alert")).to_have_count(0)


def test_white_space_is_told(visit: Open, filled: Fake) -> None:
    said = filled.transcripts["ses_agent"]["calls"][0]["messages"][-1]
    said["pieces"] = [data.text(" \n\t ")]
    page = opened(visit(HERE))
    expect(page.locator("article").first).to_contain_text("(white space, 4 characters)")
