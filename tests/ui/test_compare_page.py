"""Two sessions, branches or calls beside each other."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.ui import data, support_compare
from tests.ui.conftest import Open
from tests.ui.fake import Fake
from tests.ui.support_compare import BRANCHED, LEFT, RIGHT
from tests.ui.test_hostile import inert
from tests.ui.test_look import CONTRAST, fits

PAIR = f"/ui/compare?a={LEFT}&b={RIGHT}"
CALLS = f"/ui/compare?a=call_{20_004:026d}&b=call_{30_004:026d}"
ROOT = f"call_{40_000:026d}"
SECOND = f"call_{40_002:026d}"
NARROW = {"width": 390, "height": 844}
DOCS = Path(__file__).parents[2] / "docs" / "images"


def tool(name: str, description: str) -> data.Json:
    return {"type": "function", "function": {"name": name, "description": description}}


@pytest.fixture
def two(fake: Fake) -> Fake:
    """Two sessions of which two calls have bodies of their own, and one with branches."""
    fake.demo = False
    left, right = support_compare.pair(data.now())
    prompt = support_compare.SYSTEM
    asked = [{"role": "user", "content": support_compare.ASKED}, {"role": "assistant", "content": "I will look."}]
    for transcript, fields in (
        (left, {"model": "claude-sonnet-4-5", "temperature": 0.2, "tools": [tool("explain", "It explains.")]}),
        (right, {"model": "gpt-4o-mini", "seed": 7, "temperature": 0.7,
                 "tools": [tool("explain", "It explains a query."), tool("page", "It pages someone.")]}),
    ):  # fmt: skip
        added = transcript["calls"][4]
        said = transcript["calls"][3]["messages"][0]["pieces"][0]["text"]
        system = prompt if transcript is left else prompt + "Be brief.\n"
        messages = [{"role": "system", "content": system}, *asked, {"role": "user", "content": said}]
        support_compare.request(added, messages=messages, **fields)
        answer = added["output"]["pieces"][0]["text"]
        added["response"] = {"choices": [{"message": {"role": "assistant", "content": answer}}]}
    for transcript in (left, right, support_compare.branched(data.now())):
        fake.put(transcript)
    return fake


def drawn(page: Page) -> Page:
    expect(page.locator("#compare.ready")).to_be_attached()
    return page


def total(page: Page, name: str) -> Locator:
    return page.locator(".sum").filter(has=page.locator("dt", has_text=re.compile(f"^{name}$")))


def test_turn_by_turn(visit: Open, two: Fake) -> None:
    page = drawn(visit(PAIR))
    expect(page.get_by_role("navigation").get_by_role("link", name="Compare")).to_have_attribute("aria-current", "page")
    expect(total(page, "cost")).to_contain_text(re.compile(r"A\$0\.155B\$0\.064−\$0\.091 · −58% · cheaper"))
    expect(total(page, "cost").locator(".delta")).to_have_class(re.compile("better"))
    expect(total(page, "turns").locator(".delta")).to_have_text("−1 · −17% · fewer")
    common = page.locator(".shared button")
    expect(common).to_contain_text("2 turns in common")
    expect(page.locator(".match")).to_have_count(5)
    third = page.locator("#turn-3")
    expect(third.locator(".msg.user del")).to_have_text(", but do not lock the table")
    expect(third.locator(".msg.tool h3")).to_contain_text("run_sql")
    expect(third.locator(".diff-json li.add")).to_have_text("forcetrue")
    expect(third.locator(".diff-json li.change del")).to_have_text("CONCURRENTLY ")
    expect(third.locator(".facts .better").first).to_contain_text("cheaper")
    expect(third.locator("a.end").first).to_contain_text("claude-sonnet-4-5")
    expect(third.locator("a.end").last).to_contain_text("gpt-4o-mini")
    fourth = page.locator("#turn-4")
    expect(fourth.locator(".end.none")).to_have_text("Bno such turn")
    expect(page.locator("#turn-5 .end")).to_have_text(["Aturn 5claude-sonnet-4-5", "Bturn 4gpt-4o-mini"])
    expect(page.locator("#turn-6")).to_contain_text("says the same")
    common.click()
    expect(page.locator("#turn-1")).to_contain_text("in common")
    page.locator("#turn-1 button").click()
    expect(page.locator("#turn-1")).to_contain_text("The export reads every order ever made")
    page.locator("#turn-1 button").press("Enter")
    expect(page.locator("#turn-1 .msg")).to_have_count(0)
    third.locator("summary", has_text="other result").click()
    expect(third.locator(".diff-lines ins")).to_have_text("118")
    third.locator("a.end").last.click()
    page.wait_for_url(f"**/ui/sessions/{RIGHT}#call_{30_003:026d}")


def test_from_difference_to_difference(visit: Open, two: Fake) -> None:
    page = drawn(visit(PAIR + "#turn-5", viewport={"width": 1440, "height": 500}))
    expect(page.locator("#turn-5")).to_have_class(re.compile("selected"))
    expect(page.locator("#turn-5 .sep")).to_be_in_viewport()
    page.keyboard.press("p")
    expect(page.locator("#turn-4")).to_have_class(re.compile("selected"))
    page.keyboard.press("p")
    page.wait_for_url("**#turn-3")
    page.keyboard.press("p")
    expect(page.get_by_role("status")).to_have_text("No difference before this one.")
    for turn in (4, 5):
        page.keyboard.press("n")
        page.wait_for_url(f"**#turn-{turn}")
    page.get_by_role("button", name="Next difference").click()
    expect(page.get_by_role("status")).to_have_text("No difference after this one.")
    page.keyboard.press("v")
    expect(page.locator("#turn-3 .msg.user .diff-words")).to_have_count(1)
    expect(page).to_have_url(re.compile("view=words"))
    page.reload()
    expect(page.get_by_role("button", name="In one text")).to_have_attribute("aria-pressed", "true")
    drawn(page).keyboard.press("s")
    page.wait_for_url(f"**/ui/compare?a={RIGHT}&b={LEFT}")
    expect(total(drawn(page), "cost").locator(".delta")).to_have_text("+$0.091 · +141% · dearer")
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()


def test_branches(visit: Open, two: Fake) -> None:
    page = drawn(visit(f"/ui/compare?a={BRANCHED}~{ROOT}&b={BRANCHED}"))
    expect(page.locator(".shared")).to_contain_text("1 turn in common")
    expect(page.locator("#turn-2 .msg.user .diff-words").first).to_have_text("By train")
    expect(page.locator("#turn-2 .msg.user .diff-words").last).to_have_text("By plane")
    expect(page.locator("#turn-3 .msg.user")).to_contain_text("the same")
    expect(total(page, "turns")).to_contain_text("A3B3")
    page.get_by_label("Branch of A").select_option(SECOND)
    page.wait_for_url(f"**?a={BRANCHED}~{SECOND}&b={BRANCHED}")
    expect(drawn(page).locator(".shared")).to_contain_text("3 turns in common")


def test_what_a_session_goes_on_from(visit: Open, two: Fake) -> None:
    """Another id for the same conversation: its own calls follow those that it goes on from."""
    before = f"call_{20_002:026d}"
    step = (1, {}, [data.said("user", data.text("Drop it"))], [data.text("No.")], {})
    after = support_compare.made("ses_after", "after", "Drop it", data.now(), 60_000, [step])
    after["session"]["continues"] = {"session": LEFT, "session_id": "export-monday", "call_id": before}
    two.put(after)
    page = drawn(visit(f"/ui/compare?a={LEFT}&b=ses_after"))
    expect(page.locator(".shared")).to_contain_text("2 turns in common")
    expect(page.locator("#branch-b")).to_contain_text("with the 2 turns of A that it goes on from")
    expect(page.locator("#turn-3 .msg.user .diff-words").last).to_have_text("Drop it")


def test_two_calls(visit: Open, two: Fake) -> None:
    page = drawn(visit(CALLS))
    expect(total(page, "time")).to_contain_text("faster")
    settings = page.locator("#settings li")
    expect(settings).to_have_text(["seed7", "modelclaude-sonnet-4-5 → gpt-4o-mini", "temperature0.2 → 0.7"])
    expect(page.locator("#system .add .right")).to_contain_text("Be brief.")
    expect(page.locator("#tools .msg.come")).to_contain_text("page")
    expect(page.locator("#tools .diff-json")).to_contain_text("function.descriptionIt explains a query.")
    expect(page.locator("#messages summary")).to_have_text("2 messages in common")
    expect(page.locator("#messages del")).to_have_text(", but do not lock the table")
    expect(page.locator("#answer ins").last).to_have_text(re.compile(r"The table was locked meanwhile"))
    page.keyboard.press("v")
    expect(page.locator("#answer .diff-words")).to_have_count(1)


def test_choosing(visit: Open, two: Fake) -> None:
    page = visit("/ui/compare")
    expect(page.locator(".recent li")).to_have_count(3)
    page.keyboard.press("/")
    field = page.get_by_role("combobox", name="First session, or call")
    expect(field).to_be_focused()
    expect(page.get_by_role("option")).to_have_count(3)
    field.fill("nightly")
    expect(page.get_by_role("option")).to_have_count(2)
    field.press("ArrowDown")
    field.press("ArrowDown")
    expect(page.get_by_role("option", selected=True)).to_contain_text("export-monday ·")
    field.press("Enter")
    page.wait_for_url(f"**/ui/compare?a={LEFT}")
    page.get_by_label("Second session, or call").fill(f"http://127.0.0.1/ui/sessions/{RIGHT}?tab=why#call_1")
    page.get_by_role("button", name="Compare").click()
    page.wait_for_url(f"**?a={LEFT}&b={RIGHT}")
    drawn(page).locator("summary", has_text="Change").first.click()
    page.get_by_role("combobox").fill("Lisbon")
    expect(page.get_by_role("option")).to_have_count(1)
    page.get_by_role("option").click()
    page.wait_for_url(f"**?a={BRANCHED}&b={RIGHT}")


def test_unknown_and_unlike(visit: Open, two: Fake) -> None:
    page = visit(f"/ui/compare?a=ses_none&b={RIGHT}")
    expect(page.get_by_role("alert")).to_have_text("There is no session and no call ses_none that this key sees.")
    expect(page.get_by_label("First session, or call")).to_be_visible()
    page.locator(".recent a", has_text="Lisbon").click()
    page.wait_for_url(f"**?a={BRANCHED}&b={RIGHT}")
    page.goto(f"{two.base_url}/ui/compare?a=call_{20_000:026d}&b={RIGHT}")
    expect(page.get_by_role("alert")).to_contain_text("choose two of a kind")


def test_readable_without_script(visit: Open, two: Fake) -> None:
    page = visit(PAIR, java_script_enabled=False)
    first = page.locator(".sum").all_inner_texts()
    expect(page.locator(".shared")).to_have_text("2 turns in common")
    expect(page.locator(".match").nth(1)).to_contain_text("Yes, add the index, but do not lock the table.")
    expect(page.locator(".match").nth(1)).to_contain_text("The table was locked meanwhile.")
    page.locator("summary", has_text="Change").last.click()
    other = page.get_by_role("region", name="B")
    other.get_by_label("Another session, or call").fill(BRANCHED)
    other.get_by_role("button").click()
    page.wait_for_url(f"**?a={LEFT}&b={BRANCHED}")
    both = drawn(visit(PAIR)).locator(".sum").all_inner_texts()
    assert both[: len(first)] == first
    branches = f"/ui/compare?a={BRANCHED}~{ROOT}&b={BRANCHED}"
    first = visit(branches, java_script_enabled=False).locator(".sum").all_inner_texts()
    assert drawn(visit(branches)).locator(".sum").all_inner_texts()[: len(first)] == first
    calls = visit(CALLS, java_script_enabled=False)
    told = calls.locator(".sum").all_inner_texts()
    expect(calls.locator(".match")).to_contain_text("without locking the table")
    assert drawn(visit(CALLS)).locator(".sum").all_inner_texts() == told


@pytest.mark.parametrize(
    ("path", "scheme"), [(PAIR, "light"), (PAIR + "&view=words", "dark"), (CALLS, "dark"), ("/ui/compare?a=x", "light")]
)
def test_contrast(visit: Open, two: Fake, path: str, scheme: str) -> None:
    page = visit(path, color_scheme=scheme)
    if "b=" in path:
        drawn(page)
    assert page.evaluate(CONTRAST) == []


def test_every_width(visit: Open, two: Fake) -> None:
    for transcript in support_compare.hostile(data.now()):
        two.put(transcript)
    for path in (PAIR, CALLS, "/ui/compare", "/ui/compare?a=ses_bad1&b=ses_bad2"):
        page = visit(path)
        for width in (2560, 320):
            page.set_viewport_size({"width": width, "height": 844})
            if "a=" in path:
                drawn(page)
            fits(page, width)
            if path == PAIR:
                page.wait_for_function(
                    "least => document.querySelector('#turn-3 .msg').getBoundingClientRect().width > least",
                    arg=0.88 * width,
                )


def test_one_column_with_a_switch(visit: Open, two: Fake) -> None:
    page = drawn(visit(PAIR, viewport=NARROW, has_touch=True))
    texts = page.locator("#turn-3 .msg.user .diff-words")
    expect(texts).to_have_text("Yes, add the index, but do not lock the table.")
    ways = page.get_by_role("group", name="How texts are shown")
    ways.get_by_role("button", name="B", exact=True).click()
    expect(texts).to_have_text("Yes, add the index.")
    ways.get_by_role("button", name="A", exact=True).click()
    expect(texts).to_have_text("Yes, add the index, but do not lock the table.")
    expect(page).to_have_url(re.compile("view=a"))


def test_hostile(visit: Open, fake: Fake) -> None:
    for transcript in support_compare.hostile(data.now()):
        fake.put(transcript)
    page = drawn(visit("/ui/compare?a=ses_bad1&b=ses_bad2"))
    for _ in range(20):
        page.mouse.wheel(0, 4000)
    inert(page)
    page.goto(f"{fake.base_url}/ui/compare?a=call_{50_003:026d}&b=call_{51_003:026d}")
    inert(drawn(page))
    page.goto(f"{fake.base_url}/ui/compare?a=%3Cscript%3Ewindow.hacked=1%3C/script%3E")
    inert(page)


def test_very_long_sessions(visit: Open, fake: Fake) -> None:
    """What is fetched, and what is in the document, does not grow with the sessions."""
    for id in ("ses_long1", "ses_long2"):
        fake.put(support_compare.long(id, data.now(), turns=1000, part=30))
    fake.fetched.clear()
    page = visit("/ui/compare?a=ses_long1&b=ses_long2")
    expect(page.locator("#compare.ready")).to_be_attached(timeout=20_000)
    expect(page.locator(".shared")).to_contain_text("30 turns in common")
    expect(page.locator("#turn-31 .msg")).to_have_count(3)
    matched = page.get_by_text("From turn 400 on, turns are matched by their order.")
    expect(matched).to_be_visible(timeout=20_000)
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    last = page.locator("#turn-1000")
    expect(last.locator(".msg")).to_have_count(3)
    assert page.locator(".match").count() < 60
    assert page.locator("#compare *").count() < 4000
    assert len(fake.fetched) < 2000
    page.evaluate("location.hash = 'turn-700'")
    expect(page.locator("#turn-700 .sep")).to_be_in_viewport()


@pytest.mark.parametrize(("name", "width", "scheme"), [("compare", 1440, "light"), ("compare-narrow", 390, "dark")])
def test_pictures(visit: Open, two: Fake, tmp_path: Path, name: str, width: int, scheme: str) -> None:
    page = drawn(visit(PAIR, viewport={"width": width, "height": 900}, color_scheme=scheme))
    picture = Path(os.environ.get("SESSIONARY_PICTURES") or tmp_path) / f"{name}.png"
    page.screenshot(path=picture, animations="disabled")
    assert picture.stat().st_size > 20_000
    assert "images/compare.png" in (DOCS.parent / "how-to" / "compare.md").read_text()
