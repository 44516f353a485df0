"""The field for filters: coloured, completed, by keyboard alone; and the range of time beside it."""

import re
from datetime import UTC, datetime, timedelta

from playwright.sync_api import Page, expect

from tests.ui import data
from tests.ui.conftest import Open
from tests.ui.early import before
from tests.ui.fake import Fake
from tests.ui.test_sessions_page import ready


def typed(page: Page, text: str) -> None:
    page.keyboard.press("/")
    page.keyboard.type(text)


def test_what_is_typed_is_coloured(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/"))
    typed(page, 'model:claude* cost>0.05 -client:curl nofield:x refund text:"two words"')
    paint = page.locator(".paint")
    expect(paint).to_have_text('model:claude* cost>0.05 -client:curl nofield:x refund text:"two words"')
    expect(paint.locator(".field:not(.unknown)")).to_have_text(["model", "cost", "client", "text"])
    expect(paint.locator(".unknown")).to_have_text("nofield")
    expect(paint.locator(".op")).to_have_text([":", ">", ":", ":", ":"])
    expect(paint.locator(".not")).to_have_text("-")
    expect(paint.locator(".word")).to_have_text("refund")
    shown = "getComputedStyle(document.querySelector('#q')).color"
    assert page.evaluate(shown) == "rgba(0, 0, 0, 0)", "the painted text is the one that is seen"
    for css in ("font", "paddingLeft", "letterSpacing"):
        of = "selector => getComputedStyle(document.querySelector(selector))"
        assert page.evaluate(f"({of})('#q').{css} === ({of})('.paint').{css}"), "so that the caret is where the text is"


def test_long_filters_scroll_together(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/", viewport={"width": 390, "height": 844}))
    typed(page, "model:gpt-4o,claude-sonnet-4-5,mistral-large,gemini-2.5-pro status:ok,errors")
    page.keyboard.press("Escape")
    page.wait_for_function(
        "() => document.querySelector('#q').scrollLeft > 50 && "
        "document.querySelector('.paint').scrollLeft === document.querySelector('#q').scrollLeft"
    )


def test_fields_operators_and_values_by_keyboard(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/"))
    field, options = page.get_by_role("combobox", name="Filter"), page.get_by_role("option")
    page.keyboard.press("/")
    expect(field).to_be_focused()
    expect(field).to_have_attribute("aria-expanded", "false")
    page.keyboard.press("ArrowDown")
    expect(field).to_have_attribute("aria-expanded", "true")
    page.keyboard.type("mod")
    expect(options).to_have_count(1)
    page.keyboard.press("Tab")
    expect(field).to_have_value("model:")
    page.keyboard.type("cl")
    expect(options).to_have_text(["claude-sonnet-4-5"])
    page.keyboard.press("ArrowDown")
    expect(field).to_have_attribute("aria-activedescendant", "option-0")
    expect(options.first).to_have_attribute("aria-selected", "true")
    page.keyboard.press("Enter")
    expect(field).to_have_value("model:claude-sonnet-4-5 ")
    expect(page).to_have_url(re.compile(r"filter=model:claude-sonnet-4-5$"))
    page.keyboard.type("status:")
    expect(options).to_have_text(["live", "ok", "errors", "cut"])
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Enter")
    expect(field).to_have_value("model:claude-sonnet-4-5 status:errors ")
    page.keyboard.type("cost")
    expect(options.locator("b")).to_have_text(["cost>", "cost<", "cost:"])
    page.keyboard.press("Escape")
    expect(options).to_have_count(0)
    page.keyboard.type(">0.1")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"filter=model:claude-sonnet-4-5%20status:errors%20cost%3E0\.1$"))
    expect(page.locator("tr.row .dot:not(.errors)")).to_have_count(0)
    page.keyboard.press("Tab")
    expect(field).not_to_be_focused()


def test_an_option_is_taken_by_mouse(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/"))
    page.locator("#q").click()
    page.get_by_role("option", name=re.compile("^status")).click()
    expect(page.locator("#q")).to_be_focused()
    page.get_by_role("option", name="cut").click()
    expect(page.locator("#q")).to_have_value("status:cut ")
    expect(page.locator("tr.row .dot:not(.cut)")).to_have_count(0)


def test_values_are_asked_for_once(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/"))
    filled.asked.clear()
    typed(page, "key:s")
    expect(page.get_by_role("option")).to_have_text(["support-bot"])
    page.keyboard.press("Backspace")
    expect(page.get_by_role("option")).to_have_count(5)
    page.keyboard.type("s")
    expect(page.get_by_role("option")).to_have_count(1)
    assert filled.asked.count("GET /api/suggest") <= 3
    assert filled.asked.count("GET /api/sessions") == 0, "half a term is not asked for"


def test_more_is_typed_than_what_was_offered_is_for(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/"))
    field, options = page.get_by_role("combobox", name="Filter"), page.get_by_role("option")
    filled.asked.clear()
    typed(page, "mo")
    expect(options.locator("b")).to_have_text(["model:"])
    page.keyboard.type("d")
    page.keyboard.press("Tab")
    expect(field).to_have_value("model:")
    page.keyboard.type("c")
    expect(options).to_have_text(["claude-sonnet-4-5"])
    page.keyboard.type("l")
    page.keyboard.press("ArrowDown")
    while filled.asked.count("GET /api/suggest") < 3:  # of "", "c" and "cl"
        page.wait_for_timeout(10)
    expect(field).to_have_attribute("aria-activedescendant", "option-0")
    page.keyboard.press("Enter")
    expect(field).to_have_value("model:claude-sonnet-4-5 ")


def test_what_was_typed_before_the_script_is_there(visit: Open, filled: Fake) -> None:
    page = visit("/ui/")
    with before(page, "filter-field.js"):
        page.locator("#q").fill("robot")
    expect(page).to_have_url(re.compile(r"\?filter=robot$"))
    expect(page.locator(".paint .word")).to_have_text("robot")
    expect(page.locator("#q")).to_have_value("robot")


def test_a_value_with_spaces_is_quoted(visit: Open, filled: Fake) -> None:
    filled.sessions["ses_agent"]["clients"] = ['Claude "Code", 2.1']
    page = ready(visit("/ui/"))
    typed(page, "client:cla")
    page.get_by_role("option", name='Claude "Code", 2.1').click()
    expect(page.locator("#q")).to_have_value('client:"Claude \\"Code\\", 2.1" ')
    expect(page.locator("tr.row")).to_have_count(1)


def test_a_mistake_while_typing_keeps_what_was_found(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/?filter=status:cut"))
    typed(page, "cost>abc status:cut")
    page.keyboard.press("Enter")
    expect(page.locator("#mistake")).to_contain_text("'cost' takes an amount such as 0.5 or $2")
    expect(page.locator(".paint .wrong")).to_have_text("cost>abc")
    expect(page.locator("#q")).to_have_attribute("aria-describedby", "mistake")
    expect(page.locator("tr.row .dot.cut").first).to_be_visible()
    page.locator("#q").fill("status:ok")
    page.keyboard.press("Enter")
    expect(page.locator("#mistake")).to_be_hidden()
    expect(page.locator("#q")).not_to_have_attribute("aria-invalid", "true")


def test_hostile_filters_are_text(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/"))
    for text in ("<img src=x onerror=window.hacked=1>", 'model:"<script>window.hacked=1</script>"', "'; -- \\ %00 &#"):
        page.locator("#q").fill(text)
        page.keyboard.press("Enter")
        expect(page.locator(".paint")).to_have_text(text)
        expect(page.locator("#q")).to_have_value(text)
        page.reload()
        expect(page.locator("#q")).to_have_value(text)
    assert page.evaluate("window.hacked") is None


def test_a_range_of_time(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/"))
    button = page.locator("#range")
    expect(button).to_have_text("Any time")
    button.press("Enter")
    page.get_by_role("button", name="Last hour", exact=True).press("Enter")
    expect(page.locator("#ranges")).to_be_hidden()
    expect(page.locator("#q")).to_have_value("since:1h")
    expect(button).to_have_text("Last hour")
    expect(page.locator("#plot figcaption b")).to_have_text(re.compile(r"^\d\d sessions"))
    button.click()
    expect(page.get_by_role("button", name="Last hour", exact=True)).to_have_attribute("aria-pressed", "true")
    since = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)
    local = page.evaluate(f"new Date('{since.isoformat()}').toLocaleString('sv-SE').replace(' ', 'T')")
    page.get_by_label("From").fill(local)
    page.get_by_role("button", name="Apply").click()
    expect(page.locator("#q")).to_have_value(f"since:{data.iso(since).replace('.000Z', 'Z')}")
    expect(button).to_have_text(re.compile("^Since "))
    page.go_back()
    expect(page.locator("#q")).to_have_value("since:1h")
    button.click()
    page.get_by_role("button", name="Any time", exact=True).click()
    expect(page).to_have_url(re.compile(r"/ui/$"))
