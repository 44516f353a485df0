"""Calls, failures and cost over time, above a list."""

import re
from datetime import datetime

from playwright.sync_api import Page, expect

from tests.ui import data
from tests.ui.conftest import Open
from tests.ui.fake import Fake
from tests.ui.test_sessions_page import ready


def bounds(page: Page) -> tuple[datetime, datetime]:
    found = re.fullmatch(r"since:(\S+) until:(\S+)", page.locator("#q").input_value())
    assert found
    return datetime.fromisoformat(found[1]), datetime.fromisoformat(found[2])


def test_it_draws_what_was_found(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/"))
    caption = page.locator("#plot figcaption")
    expect(caption).to_contain_text("121 sessions")
    calls = sum(s["calls"] for s in filled.sessions.values())
    failed = sum(s["errors"] for s in filled.sessions.values())
    expect(caption).to_contain_text(f"{calls:,} calls")
    expect(caption).to_contain_text(f"{failed:,} failed")
    heights = page.locator(".bars rect.calls").evaluate_all("all => all.map(r => r.height.baseVal.value)")
    assert max(heights) == 64
    assert page.locator(".bars rect.failed").count() > 3
    assert page.locator(".bars polyline.cost").count() == 1
    assert page.locator(".times span").count() >= 4
    page.locator("#q").fill("status:ok")
    page.keyboard.press("Enter")
    expect(caption).to_contain_text("0 failed")
    expect(page.locator(".bars rect.failed")).to_have_count(0)


def test_it_comes_after_the_rows(visit: Open, filled: Fake) -> None:
    ready(visit("/ui/"))
    asked = filled.asked[filled.asked.index("GET /ui/") :]
    assert asked.index("GET /api/sessions") < asked.index("GET /api/summary")


def test_hover_tells_exact_numbers(visit: Open, fake: Fake) -> None:
    at = data.now()
    for n, (calls, errors, cost) in enumerate(((7, 2, 0.25), (3, 0, 0.5))):
        row = data.session(n, at, calls=calls, errors=errors, cost=cost, last_at=data.iso(at))
        fake.sessions[row["id"]] = row
    page = ready(visit("/ui/"))
    box = page.locator(".area").bounding_box()
    assert box
    page.mouse.move(box["x"] + 3, box["y"] + 30)
    tip = page.locator("#plot .tip")
    for text in ("10 calls", "2 failed", "$0.750"):
        expect(tip).to_contain_text(text)
    page.mouse.move(box["x"] + 3, box["y"] + 300)
    expect(tip).to_be_hidden()


def test_a_stretch_is_drawn_by_mouse(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/"))
    box = page.locator(".area").bounding_box()
    assert box
    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40, steps=4)
    expect(page.locator("#plot .tip")).to_contain_text("calls")
    page.wait_for_function("w => document.querySelector('.band').width.baseVal.value > w", arg=box["width"] * 0.2)
    page.mouse.up()
    expect(page.locator("#q")).to_have_value(re.compile("^since:.* until:"))
    since, until = bounds(page)
    assert 0.2 < (until - since).total_seconds() / (121 * 97) < 0.32
    expect(page.locator("#plot figcaption b")).not_to_have_text("121 sessions")
    page.go_back()
    expect(page.locator("#plot figcaption b")).to_have_text("121 sessions")
    expect(page.locator("#q")).to_have_value("")


def test_a_stretch_is_taken_by_keyboard(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/"))
    area = page.get_by_role("slider", name="Calls over time")
    area.focus()
    expect(area).to_have_attribute("aria-valuetext", re.compile(r"calls, \d+ failed, \$"))
    page.keyboard.press("End")
    last = area.get_attribute("aria-valuemax")
    expect(area).to_have_attribute("aria-valuenow", last or "")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowLeft")
    expect(area).to_have_attribute("aria-valuetext", re.compile(r" – .*calls"))
    page.keyboard.press("Escape")
    expect(page.locator("#plot .tip")).to_be_hidden()
    page.keyboard.press("Home")
    for _ in range(3):
        page.keyboard.press("Shift+ArrowRight")
    page.keyboard.press("Enter")
    expect(page.locator("#q")).to_have_value(re.compile("^since:.* until:"))
    since, until = bounds(page)
    assert 1 < (until - since).total_seconds() / (121 * 97) * int(last or 0) < 6


def test_without_a_summary_there_is_no_plot(visit: Open, filled: Fake) -> None:
    page = visit("/ui/")
    page.route("**/api/summary*", lambda route: route.fulfill(status=404, json={}))
    page.reload()
    expect(page.locator("#rows .pick").first).to_be_attached()
    expect(page.locator("#plot")).to_be_hidden()
    expect(page.locator(".facet").first).to_be_visible()


def test_it_fits_small_screens(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/", viewport={"width": 390, "height": 844}))
    page.get_by_role("slider").focus()
    page.keyboard.press("End")
    box = page.locator("#plot .tip").bounding_box()
    assert box
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 390
