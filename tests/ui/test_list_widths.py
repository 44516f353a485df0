"""What a row of a list is about has the room, on every screen: sessions can be told apart on a laptop."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect

from tests.ui import data
from tests.ui.conftest import Open
from tests.ui.fake import Fake
from tests.ui.support_chat import agent_session
from tests.ui.test_sessions_page import ready

LAPTOPS = [820, 1000, 1024, 1100, 1200, 1280, 1366, 1440, 1536, 1600, 1680, 1920, 2560]
TITLE = "Refund the duplicate charge on order 88213, then tell the customer what was done about it"
PART = """() => document.querySelector("th.what").offsetWidth / document.querySelector("table.rows").offsetWidth"""
CUT = """() => [...document.querySelectorAll("#rows tr.row")].flatMap((row) =>
  [...row.querySelectorAll("td:not(.what, .who, .session, .key), td:not(.what, .session) .sub")]
    .filter((node) => node.offsetWidth && node.scrollWidth > node.clientWidth)
    .map((node) => `${node.className} ${node.innerText}`))"""
HEADS = """() => [...document.querySelectorAll("thead th")]
  .filter((th) => th.offsetWidth > 1 && th.scrollWidth > th.offsetWidth).map((th) => th.innerText)"""


def wide(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 900})
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


def test_a_session_s_title_has_two_fifths_of_its_row(visit: Open, filled: Fake) -> None:
    filled.sessions["ses_agent"] |= {"title": TITLE, "calls": 1180, "input_tokens": 184_000, "output_tokens": 13_000}
    page = ready(visit("/ui/"))
    parts = {}
    for width in LAPTOPS:
        wide(page, width)
        parts[width] = page.evaluate(PART)
        assert page.evaluate(CUT) == [], width
        assert page.evaluate(HEADS) == [], width
    assert {width: part for width, part in parts.items() if part < 0.4} == {}
    for width in (1024, 1200, 1366, 1440):
        wide(page, width)
        shown = page.locator("tr.row .what a", has_text=TITLE)
        assert shown.evaluate("a => a.clientWidth / a.scrollWidth") > 0.5, width


@pytest.mark.parametrize("script", [False, True])
def test_a_title_that_is_cut_is_whole_in_its_tip(visit: Open, filled: Fake, script: bool) -> None:
    filled.sessions["ses_agent"]["title"] = TITLE
    page = visit("/ui/", viewport={"width": 1024, "height": 800}, java_script_enabled=script)
    expect(page.locator("#rows .pick").first).to_be_attached(attached=script)
    expect(page.get_by_title(TITLE, exact=True)).to_have_text(TITLE)


def test_a_phone_shows_two_lines_of_a_title(visit: Open, filled: Fake) -> None:
    filled.sessions["ses_agent"]["title"] = TITLE
    page = ready(visit("/ui/", viewport={"width": 390, "height": 844}))
    height = "a => a.offsetHeight / parseFloat(getComputedStyle(a).lineHeight)"
    assert page.get_by_title(TITLE, exact=True).evaluate(height) == pytest.approx(2, abs=0.1)


def test_a_call_s_model_can_be_read(visit: Open, fake: Fake) -> None:
    session = agent_session(data.now())
    for call in session["calls"]:
        call["model"] = "claude-sonnet-4-5-20250929"
    fake.put(session)
    page = ready(visit("/ui/calls"))
    for width in LAPTOPS:
        wide(page, width)
        model = page.locator("tr.row .what a").first
        assert model.evaluate("a => a.scrollWidth <= a.clientWidth"), width
        assert page.evaluate(CUT) == [], width
        assert page.evaluate(HEADS) == [], width


def test_between_phone_and_laptop_the_filters_fold(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/", viewport={"width": 900, "height": 800}))
    expect(page.locator("#side")).to_be_hidden()
    page.get_by_role("button", name="Filters").click()
    expect(page.locator("#side")).to_be_visible()
    page.locator(".facets").get_by_text("errors", exact=True).click()
    expect(page.locator("tr.row .dot.ok")).to_have_count(0)


def test_filters_lead_back_to_what_they_found(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/", viewport={"width": 390, "height": 844}, has_touch=True))
    page.get_by_role("button", name="Filters").click()
    back = page.get_by_role("button", name=re.compile(r"^Show \d+ sessions$"))
    expect(back).to_be_in_viewport(ratio=1)
    back.click()
    expect(page.locator("#facets")).to_be_hidden()
    expect(page.locator("tr.row").first).to_be_in_viewport()


def test_every_column_leaves_room_for_the_title(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/", viewport={"width": 1024, "height": 800}))
    boxes = page.locator("#columns input:not([disabled])").evaluate_all("all => all.map(one => one.value).join()")
    page.goto(f"{page.url}?cols={boxes}")
    title = ready(page).locator("th.what")
    for width in (1024, 1440):
        page.set_viewport_size({"width": width, "height": 800})
        page.wait_for_function("document.querySelector('th.what').offsetWidth >= 259")
    page.locator("#choose").click()
    page.get_by_role("button", name="Usual ones").click()
    assert title.evaluate("th => th.closest('table').style.minWidth") == ""


@pytest.mark.parametrize("script", [False, True])
def test_a_session_of_refused_calls_says_so(visit: Open, fake: Fake, script: bool) -> None:
    """Without a model, a title, or an id that the client gave."""
    fake.put({"session": data.session(1, data.now()) | {
        "id": "ses_x", "session_id": "ses_x", "title": "", "models": [], "clients": ["curl 8.1"],
        "calls": 1, "turns": 1, "errors": 1, "status": "errors",
    }, "calls": []})  # fmt: skip
    page = visit("/ui/", java_script_enabled=script)
    expect(page.locator("#rows .pick").first).to_be_attached(attached=script)
    shown = page.locator("tr.row .what")
    expect(shown.locator("a")).to_have_text("A call that failed")
    expect(shown.locator("a")).to_have_attribute("title", "ses_x")
    said = shown.locator(".sub").evaluate(
        "s => [...s.childNodes].filter(n => n.nodeName !== 'svg').map(n => n.textContent).join('').trim()"
    )
    assert said == "1 failed"
    page.goto(page.url.partition("/ui/")[0] + "/ui/sessions/ses_x")
    expect(page.locator("#title")).to_have_text("A call that failed")


@pytest.mark.parametrize("path", ["/ui/?cols=first,last", "/ui/calls"])
def test_times_are_whole(visit: Open, fake: Fake, path: str) -> None:
    """With script and without it."""
    for number, days in enumerate((0, 0.5, 3, 30, 400)):
        start = data.now() - timedelta(days=days)
        row = data.call(f"s{number}", number, 1, start, session=f"ses_{number}")
        session = data.session(number, start) | {"id": f"ses_{number}", "status": "ok"}
        fake.put({"session": session, "calls": [data.added(row, [], data.said("assistant", data.text("x")))]})
    for width, script in ((1024, False), (1366, False), (1366, True)):
        page = visit(path, java_script_enabled=script, viewport={"width": width, "height": 800})
        expect(page.locator("#rows .pick").first).to_be_attached(attached=script)
        times = page.locator("#rows time")
        expect(times).to_have_count(10 if "cols" in path else 5)
        assert times.evaluate_all("all => all.every(t => t.closest('td').scrollWidth <= t.closest('td').clientWidth)")
        expect(times.last).to_have_attribute("title", re.compile(r"^20\d\d-\d\d-\d\d \d\d:\d\d"))
