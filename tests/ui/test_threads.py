"""What belongs to a request is folded under it, and why a call is in its session is told."""

import os
import re
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Page, expect

from tests.ui import data
from tests.ui.conftest import Open
from tests.ui.fake import Fake, listening
from tests.ui.support_chat import said, text
from tests.ui.support_threads import ID, call_id, threads_session
from tests.ui.test_hostile import inert
from tests.ui.test_look import fits, has_contrast, settled

HERE = f"/ui/sessions/{ID}"


def opened(visit: Open, fake: Fake, query: str = "", **options: object) -> Page:
    fake.put(threads_session(data.now()))
    page = visit(HERE + query, **options)
    expect(page.locator("#share")).to_be_visible()
    return page


def article(page: Page, nth: int):  # type: ignore[no-untyped-def]
    return page.locator(f"#{call_id(nth)}")


def test_agents_are_folded_under_the_call_that_started_them(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake)
    explore = page.get_by_role("button", name="agent · Explore").first
    expect(explore).to_have_attribute("aria-expanded", "false")
    expect(explore).to_contain_text("3 calls · 42.5k tokens · $0.151")
    expect(explore).to_contain_text("“Find every call of tax()” → Eleven calls of tax()")
    expect(article(page, 2)).to_have_count(0)
    explore.click()
    expect(article(page, 2).locator(".sep")).to_contain_text("Explore · call 1")
    expect(article(page, 5).locator(".sep")).to_contain_text("Explore · call 2")
    expect(article(page, 4)).to_have_count(0)  # of the agent that it started
    order = page.locator("#main article").evaluate_all("all => all.map(e => e.id)")
    assert order[:4] == [call_id(n) for n in (0, 2, 5, 6)]
    page.get_by_role("button", name="agent · Explore").nth(1).click()
    expect(article(page, 4)).to_contain_text("Two calls in legacy/.")
    explore.click()
    expect(article(page, 5)).to_have_count(0)


def test_folds_work_by_keyboard(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake)
    fold = page.get_by_role("button", name="1 side call")
    fold.focus()
    expect(fold).to_be_focused()
    page.keyboard.press("Enter")
    expect(article(page, 1)).to_be_visible()
    expect(fold).to_be_focused()
    page.keyboard.press("Enter")
    expect(article(page, 1)).to_have_count(0)
    expect(fold).to_be_focused()


def test_hostile_names_are_text(visit: Open, fake: Fake) -> None:
    transcript = threads_session(data.now())
    for n, added in enumerate(transcript["calls"]):
        call, payload = added["call"], data.XSS[n]
        call |= {"agent_name": payload if call["agent"] else "", "rule": payload}
        if "candidates" in call:
            call["candidates"].append([payload, payload, 2])
    transcript["session"]["continues"] = dict.fromkeys(("session", "session_id", "call_id"), data.XSS[3])
    fake.put(transcript)
    page = visit(f"{HERE}?tab=why#{call_id(8)}")
    expect(page.locator(".candidates li")).to_have_count(3)
    expect(page.locator("a.continues bdi")).to_have_text(data.XSS[3])
    inert(page)
    for fold in page.locator(".fold-line").all():
        fold.click()
    expect(page.get_by_role("button", name=f"agent · {data.XSS[2]}")).to_be_visible()
    page.evaluate(f"location.hash = '{call_id(4)}'")
    expect(article(page, 4)).to_be_in_viewport()
    inert(page)


def test_a_link_into_an_agent_opens_it(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake, f"#{call_id(4)}")
    expect(article(page, 4)).to_be_in_viewport()
    expect(article(page, 4)).to_have_class(re.compile("selected"))
    expect(page.locator("button.stop[aria-current]")).to_contain_text("agent: Explore")
    page.locator(".bar-call").nth(3).click()
    expect(article(page, 3)).to_be_in_viewport()


def test_the_rail_nests_agents_and_marks_branches(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake)
    stops = page.locator("button.stop")
    expect(stops).to_have_count(8)
    told = [" ".join(s.inner_text().split()) for s in stops.all()]
    assert [t.split(" ")[0] for t in told] == ["1", "agent:", "agent:", "agent:", "2", "3", "4", "5"]
    expect(page.locator("button.stop.branch")).to_have_count(1)
    expect(page.locator("button.stop.branch")).to_contain_text("No, first show me the plan")
    stops.nth(3).click()
    expect(article(page, 3)).to_be_in_viewport()
    page.keyboard.press("j")
    expect(page.locator("button.stop[aria-current]")).to_contain_text("Yes, but keep the old one")


WHOLE = """() => [...document.querySelectorAll("button.stop .sub")].map((line) => {
  const { left, right, top, bottom } = line.getBoundingClientRect();
  return [...line.children].map((part) => {
    const box = part.getBoundingClientRect();
    if (box.top >= bottom - 1) return "";
    const whole = box.left >= left && box.right <= right + 0.1 && box.top >= top && box.bottom <= bottom + 1;
    return whole ? part.title || "time" : "cut";
  });
})"""
"""Of each line of numbers in the rail what is seen of its parts."""


def test_numbers_in_the_rail_are_whole_or_not_there(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake)
    for width in (1440, 1180, 1000, 2000):
        page.set_viewport_size({"width": width, "height": 900})
        page.wait_for_timeout(100)
        lines = page.evaluate(WHOLE)
        assert len(lines) == 8
        for line in lines:
            assert "cut" not in line
            assert len([part for part in line if part]) >= (2 if width == 1000 else 3)
        assert all("cost" in line for line in lines) or width == 1000
    page.set_viewport_size({"width": 1000, "height": 900})
    agents = page.locator("button.stop.agent")
    assert re.match(r"\d\d:\d\d", agents.first.locator(".sub").inner_text())
    expect(agents.first.locator(".answer")).to_contain_text("3 calls · ")


def test_without_script_the_rail_has_turns_only_and_their_numbers(visit: Open, fake: Fake) -> None:
    fake.put(threads_session(data.now()))
    page = visit(HERE, java_script_enabled=False)
    assert [stop.inner_text() for stop in page.locator("a.stop .said b").all()] == ["1", "2", "3", "4", "5"]
    first = page.locator("a.stop .sub").first
    numbers = first.locator("span").all_inner_texts()
    assert re.fullmatch(r"\d\d:\d\d", numbers[0])
    assert re.fullmatch(r"[\d.]+ s", numbers[1])
    assert re.fullmatch(r"\$[\d.]+", numbers[2])
    assert re.fullmatch(r"[\d.]+k", numbers[3])
    page = opened(visit, fake)
    assert page.locator("button.stop .sub").first.locator("span").all_inner_texts()[1:] == numbers[1:]


def test_attempts_are_folded_under_the_one_that_counts(visit: Open, fake: Fake) -> None:
    transcript = threads_session(data.now())
    transcript["calls"][7]["system"] = [said("system", text("Be brief."))]  # the second attempt's is no other one
    fake.put(transcript)
    page = visit(HERE)
    expect(article(page, 8).locator(".system summary")).to_have_text("system prompt · 9 characters")
    fold = page.get_by_role("button", name="1 other attempt")
    expect(fold).to_contain_text("upstream error 529 after 900 ms")
    expect(article(page, 7)).to_have_count(0)
    expect(article(page, 8).locator(".sep")).to_contain_text("turn 2")
    fold.click()
    expect(article(page, 7)).to_contain_text("Overloaded.")
    expect(article(page, 7).locator(".sep")).to_contain_text("attempt 1 of 2")


def test_side_calls_are_no_turns(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake)
    fold = page.get_by_role("button", name="1 side call")
    expect(fold).to_contain_text("Checkout on the new tax service")
    fold.click()
    expect(article(page, 1).locator(".sep")).to_contain_text("side call")


def test_branches_and_compactions_say_where_they_come_from(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake, f"#{call_id(9)}")
    article(page, 9).get_by_role("button", name="branch of turn 1").click()
    expect(article(page, 6)).to_be_in_viewport()
    expect(page).to_have_url(re.compile(f"#{call_id(6)}$"))
    page.locator("button.stop").last.click()
    band = article(page, 11).locator(".band")
    expect(band).to_have_text("compacted from turn 4")
    band.get_by_role("button").click()
    expect(article(page, 10)).to_be_in_viewport()


def test_the_head_says_what_it_continues(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake)
    link = page.get_by_role("link", name="continues checkout-0")
    expect(link).to_have_attribute("href", "/ui/sessions/ses_before#call_before")
    expect(page.locator("#pills")).to_contain_text("branches2agents3")


def test_why_here(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake, f"?tab=why#{call_id(8)}")
    panel = page.get_by_role("tabpanel")
    expect(panel.locator(".note .tag")).to_have_text("ambiguous")
    expect(panel.locator(".note p")).to_contain_text("It names no session; 2 of its 3 messages")
    expect(panel.locator("dl")).to_contain_text("2 of 3 messages were there before")
    candidates = panel.locator(".candidates li")
    expect(candidates).to_have_count(2)
    expect(candidates.first).to_contain_text("taken")
    expect(candidates.first.locator("a")).to_have_attribute("href", f"#{call_id(6)}")
    candidates.first.locator("a").click()
    expect(article(page, 6)).to_be_in_viewport()
    page.evaluate(f"location.hash = '{call_id(2)}'")
    expect(panel.locator("dl")).to_contain_text("Started by")
    expect(panel.locator("dl a")).to_have_attribute("href", f"#{call_id(0)}")


def test_a_correction_that_is_refused_says_so_in_place(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake, f"?tab=why#{call_id(6)}")
    panel = page.get_by_role("tabpanel")
    panel.get_by_label("Id of the session to move to").fill("nobody’s")
    panel.get_by_role("button", name="Move").click()
    expect(panel.get_by_role("alert")).to_have_text("There is nothing here.")
    expect(panel.get_by_role("button", name="Split here")).to_be_enabled()
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Merge").click()
    page.get_by_label("The other session’s id").fill("nobody’s")
    page.keyboard.press("Enter")
    expect(page.locator("dialog").get_by_role("alert")).to_have_text("There is nothing here.")


def test_a_fold_stays_open_while_the_session_grows(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake)
    page.get_by_role("button", name="agent · Explore").first.click()
    transcript = fake.transcripts[ID]
    more = data.call("x", 7900, 6, data.now(), status="live", duration_ms=None, parent_id=call_id(11))
    transcript["calls"].append(data.added(more, [data.said("user", data.text("One more"))], None))
    grown = page.locator("button.stop", has_text="One more")
    listening(page, fake)
    fake.tell(transcript["session"])
    expect(grown).to_be_attached()
    expect(article(page, 5)).to_be_attached()


def test_readable_without_script(visit: Open, fake: Fake) -> None:
    fake.put(threads_session(data.now()))
    page = visit(HERE, java_script_enabled=False)
    expect(page.locator("article.call")).to_have_count(12)
    expect(article(page, 2).locator(".sep")).to_contain_text("agent Explore")
    expect(article(page, 1).locator(".sep")).to_contain_text("side call")
    expect(page.get_by_role("link", name="continues")).to_be_visible()


def test_a_thousand_agents(visit: Open, fake: Fake) -> None:
    at = data.now() - timedelta(hours=1)
    calls = [data.added(data.call("x", 9_000_000, 1, at, parent_id=None), [data.said("user", data.text("go"))], None)]
    for n in range(1, 2001):
        origin = {"kind": "spawn", "call_id": f"call_{9_000_000:026d}", "tool_call_id": f"t{n % 1000}"}
        made = data.call(
            "x", 9_000_000 + n, 1, at + timedelta(seconds=n), parent_id=None, origin=origin, agent=f"t{n % 1000}"
        )
        calls.append(
            data.added(made, [data.said("user", data.text(f"look {n}"))], data.said("assistant", data.text("found")))
        )
    row = data.session(6, data.now(), id="ses_many", calls=2001, agents=1000, status="ok", errors=0)
    fake.put({"session": row, "calls": calls})
    page = visit(f"/ui/sessions/ses_many#call_{9_001_500:026d}")
    expect(page.locator(f"#call_{9_001_500:026d}")).to_be_in_viewport()
    assert page.evaluate("document.querySelectorAll('article, .stop, .fold-line').length") <= 200


def test_contrast(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake, f"?tab=why#{call_id(8)}")
    for fold in ("agent · Explore", "1 side call", "1 other attempt"):
        page.get_by_role("button", name=fold).first.click()
    expect(page.locator(".candidates")).to_be_visible()
    has_contrast(page)


def test_no_sideways_scroll(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake, f"#{call_id(4)}")
    for width in (320, 390, 820, 2560):
        page.set_viewport_size({"width": width, "height": 844})
        fits(page, width)
        page.wait_for_function("() => window.main.scrollWidth <= window.main.clientWidth")


def photographed(page: Page, tmp_path: Path, name: str) -> int:
    picture = Path(os.environ.get("SESSIONARY_PICTURES") or tmp_path) / f"{name}.png"
    page.screenshot(path=picture, animations="disabled")
    return picture.stat().st_size


def test_pictures(visit: Open, fake: Fake, tmp_path: Path) -> None:
    fake.demo = False
    page = settled(opened(visit, fake, f"?tab=why#{call_id(8)}"))
    expect(page.locator(".candidates")).to_be_visible()
    page.locator("#main").evaluate("e => e.scrollBy(0, -330)")
    page.wait_for_timeout(200)
    assert photographed(page, tmp_path, "threads") > 20_000


def test_an_agent_on_a_small_dark_screen(visit: Open, fake: Fake, tmp_path: Path) -> None:
    size = {"width": 390, "height": 844}
    page = settled(opened(visit, fake, f"#{call_id(2)}", viewport=size, color_scheme="dark"))
    assert photographed(page, tmp_path, "threads-narrow") > 20_000
