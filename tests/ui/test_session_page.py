"""One session."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Page, Route, expect

from tests.ui import data
from tests.ui.conftest import Open
from tests.ui.early import before
from tests.ui.fake import Fake, listening
from tests.ui.support_chat import agent_session

HERE = "/ui/sessions/ses_agent"


def call_id(number: int) -> str:
    return f"call_{number:026d}"


def opened(page: Page) -> Page:
    expect(page.locator("#share")).to_be_visible()
    return page


def do(page: Page, what: str) -> None:
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name=what).click()


def test_head_and_rail(visit: Open, filled: Fake) -> None:
    page = opened(visit(HERE))
    pills = page.locator("#pills")
    for text in ["turns4", "calls7", "83.2k → 1.9k", "81% cached", "$0.232", "p50", "p95", "1failed", "support-bot"]:
        expect(pills).to_contain_text(text)
    stops = page.locator("button.stop")
    expect(stops).to_have_count(4)
    expect(stops.nth(2)).to_contain_text("1 failed")
    expect(page.locator(".idle")).to_have_text("12m 41s idle")


def test_long_names_give_way_and_other_pills_are_whole(visit: Open, filled: Fake) -> None:
    transcript = filled.transcripts["ses_agent"]
    long = "a-model-of-very-long-name-" * 8
    transcript["session"] |= {"session_id": "0a1b2c3d" * 8, "models": [long, "gpt-4o"], "branches": 2, "tags": ["demo"]}
    transcript["calls"][3]["call"] |= {"model": long, "upstream_model": long}
    page = opened(visit(f"{HERE}#{call_id(1003)}"))
    pill = page.locator("#pills .pill:visible")
    tops = pill.evaluate_all("all => all.map(e => Math.round(e.getBoundingClientRect().top))")
    assert len(set(tops)) <= 2
    whole = "all => all.filter(e => e.scrollWidth > e.clientWidth).map(e => e.textContent)"
    assert page.locator("#pills .pill:not(.models, .id)").evaluate_all(whole) == []
    expect(page.locator("#pills")).to_contain_text("branches3")
    cut = "e => e.scrollWidth > e.clientWidth && getComputedStyle(e).textOverflow"
    assert page.locator("#pills .models > span").evaluate(cut) == "ellipsis"
    assert page.locator("#pills .id > b").evaluate(cut) == "ellipsis"
    expect(page.locator("#pills .id button")).to_be_in_viewport(ratio=1)
    for width in (1440, 390):
        page.set_viewport_size({"width": width, "height": 844})
        link = page.locator(f"#{call_id(1003)} .sep a")
        assert link.evaluate("e => e.getClientRects().length === 1 && e.offsetHeight < 24")
    page.set_viewport_size({"width": 900, "height": 844})
    assert page.locator("#pills .id > b").evaluate("e => getComputedStyle(e).textOverflow") == "ellipsis"


def test_what_was_said_is_deleted(visit: Open, fake: Fake) -> None:
    """By retention: the calls and their numbers stay, and the page says so, before and with its script."""
    transcript = agent_session(data.now())
    transcript["session"] |= {"emptied_at": "2026-10-01T12:00:00.000Z", "title": ""}
    for added in transcript["calls"][:-1]:
        added |= {"emptied": True, "system": [], "messages": [], "output": None, "broke": None}
    fake.put(transcript)
    plain = visit(HERE, java_script_enabled=False)
    expect(plain.locator("#pills .emptied")).to_have_text("what was said was deleted on 2026-10-01")
    expect(plain.locator("article .emptied").first).to_have_text("what was said here was deleted")
    page = opened(visit(HERE))
    expect(page.locator("#pills .emptied")).to_have_text("what was said was deleted on2026-10-01")
    expect(page.locator("#pills")).to_contain_text("83.2k → 1.9k")
    expect(page.locator("article .emptied").first).to_have_text("what was said here was deleted")
    expect(page.locator(f"#{transcript['calls'][-1]['call']['id']} .emptied")).to_have_count(0)


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


def test_after_a_fallback_the_one_who_answered_speaks(visit: Open, filled: Fake) -> None:
    filled.transcripts["ses_agent"]["calls"][3]["call"] |= {"model": "gpt-4o", "upstream_model": "mistral-large-latest"}
    plain = visit(HERE, java_script_enabled=False)
    expect(plain.locator(f"#{call_id(1003)} .sep")).to_contain_text("mistral-large-latest (asked: gpt-4o)")
    expect(plain.locator(f"#{call_id(1003)} .msg.assistant h3")).to_contain_text("mistral-large-latest")
    page = opened(visit(f"{HERE}#{call_id(1003)}"))
    call = page.locator(f"#{call_id(1003)}")
    expect(call.locator(".sep")).to_contain_text(" · mistral-large-latest (asked: gpt-4o)")
    expect(call.locator(".msg.assistant h3 b").first).to_have_text("mistral-large-latest (asked: gpt-4o)")
    expect(page.locator(f"#{call_id(1002)} .msg.assistant h3 b").first).to_have_text("claude-sonnet-4-5")


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
    page.get_by_role("button", name="Changes").click()
    expect(page).to_have_url(re.compile(r"\?tab=changes#"))
    expect(panel.locator("summary", has_text="messages as before")).to_be_visible()
    page.get_by_role("tab", name="As sent").focus()
    page.keyboard.press("ArrowRight")
    expect(page.get_by_role("tab", name="Response")).to_be_focused()
    expect(panel).to_contain_text("chatcmpl-1003")
    page.get_by_role("button", name="Raw events").click()
    expect(panel.locator("pre")).to_contain_text("[DONE]")
    page.locator(f"#{call_id(1003)} .resent").click()
    expect(page.get_by_role("tab", name="As sent")).to_have_attribute("aria-selected", "true")


def test_the_first_token_is_told_where_it_came_before_the_rest(visit: Open, filled: Fake) -> None:
    filled.transcripts["ses_agent"]["calls"][1]["call"]["stream"] = False
    page = opened(visit(f"{HERE}#{call_id(1001)}"))
    panel = page.get_by_role("tabpanel")
    expect(panel).to_contain_text("not streamed")
    expect(panel.locator("dt", has_text="First token")).to_have_count(0)
    page.locator("button.stop", has_text="Yes, go ahead").click()
    expect(panel.locator("dt", has_text="First token")).to_be_visible()


def test_what_costs_nothing_is_told_alike_wherever_costs_are(visit: Open, filled: Fake) -> None:
    transcript = filled.transcripts["ses_agent"]
    transcript["session"] |= {"cost": 0, "unpriced": 0}
    for added in transcript["calls"]:
        added["call"] |= {"cost": 0, "provider": "demo"}
    page = opened(visit(HERE))
    expect(page.locator("#pills")).to_contain_text("cost$0")
    expect(page.get_by_role("tabpanel").locator("dt", has_text="Cost").locator("+ dd")).to_have_text("$0")
    expect(page.locator("button.stop .sub [title=cost]")).to_have_text(["$0"] * 4)
    expect(page.locator(".bar-call title").first).to_have_text(re.compile(r"\$0$"))
    plain = visit(HERE, java_script_enabled=False)
    expect(plain.locator("#pills")).to_contain_text("cost $0")
    expect(plain.locator("a.stop .sub").first).to_contain_text("$0")
    for options in ({}, {"java_script_enabled": False}):
        calls = visit("/ui/calls?filter=provider:demo", **options)
        expect(calls.locator("tr.row .cost").first).to_have_text("$0")


def test_why_a_cost_is_not_known(visit: Open, filled: Fake) -> None:
    transcript = filled.transcripts["ses_agent"]
    transcript["session"] |= {"cost": 0.5, "unpriced": 1}
    calls = [added["call"] for added in transcript["calls"][:2]]
    for call in calls:
        call |= {"cost": None, "provider": "ollama"}
    page = opened(visit(HERE))
    expect(page.locator("#pills")).to_contain_text("cost$0.500 +")
    expect(page.locator("button.stop .sub [title=cost]").first).to_have_text("–")
    cost = page.get_by_role("tabpanel").locator("dt", has_text="Cost").locator("+ dd")
    expect(cost).to_have_text("– price not known")
    calls[0] |= dict.fromkeys(("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens"))
    page.reload()
    expect(cost).to_have_text("– no tokens were counted")


def test_a_turn_that_a_pause_cuts_goes_on(visit: Open, filled: Fake) -> None:
    calls = filled.transcripts["ses_agent"]["calls"]
    for added in calls[4:]:
        added["call"]["turn"] = 2
    page = opened(visit(HERE))
    said = page.locator("button.stop .said").all_inner_texts()
    assert [" ".join(text.split())[:11] for text in said] == ["1 Refund th", "2 Yes, go a", "2 goes on ·"]


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
    expect(page.get_by_label("Find in this session")).to_be_focused()


def test_keys_that_come_before_the_page_is_drawn_count(visit: Open, filled: Fake) -> None:
    page = opened(visit(HERE))
    with before(page, "ses_agent/outline"):
        expect(page.locator("#help-button")).to_be_visible()
        for key in "jji":
            page.keyboard.press(key)
    expect(page.locator("button.stop[aria-current]")).to_contain_text("Send it")
    expect(page.locator("#inspector")).to_be_hidden()
    with before(page, "ses_agent/outline"):
        expect(page.locator("#help-button")).to_be_visible()
        page.keyboard.press("/")
        page.keyboard.type("refund")
        page.wait_for_timeout(600)
    expect(page.locator(".finder [role=status]")).to_have_text(re.compile(r"^1 of \d+$"))
    expect(page.get_by_label("Find in this session")).to_have_value("refund")


def test_brackets_go_to_the_sessions_beside(visit: Open, filled: Fake) -> None:
    rows = sorted(filled.sessions.values(), key=lambda s: (s["last_at"], s["id"]), reverse=True)
    at = [row["id"] for row in rows].index("ses_agent")
    following = rows[at + 1]["id"]
    filled.transcripts[following] = {"session": filled.sessions[following], "calls": []}
    page = opened(visit(HERE))
    page.keyboard.press("]")
    expect(page).to_have_url(re.compile(f"/ui/sessions/{following}$"))
    expect(page.locator("#share")).to_be_visible()
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
    do(page, "Rename")
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
    do(page, "Delete")
    page.get_by_role("button", name="Cancel").click()
    assert "ses_agent" in filled.sessions
    do(page, "Delete")
    page.locator("dialog .danger").click()
    expect(page).to_have_url(re.compile(r"/ui/$"))
    assert "ses_agent" not in filled.sessions


def test_grows_while_it_is_watched(visit: Open, filled: Fake) -> None:
    page = opened(visit(HERE))
    transcript = filled.transcripts["ses_agent"]
    live = data.call("support-88213", 1007, 5, data.now(), status="live", duration_ms=None, http_status=None)
    listening(page, filled)
    transcript["calls"].append(data.added(live, [data.said("user", data.text("One more thing"))], None, resent=14))
    transcript["session"]["calls"] = 8
    filled.tell(transcript["session"])
    expect(page.locator("#pills")).to_contain_text("calls8")
    page.keyboard.press("j")
    page.locator("button.stop", has_text="One more thing").click()
    expect(page.locator(f"#{call_id(1007)} .waiting")).to_be_visible()
    live |= {"status": "ok", "duration_ms": 900}
    transcript["session"]["output_tokens"] += 312
    transcript["calls"][-1]["output"] = data.said("assistant", data.text("Here it is."))
    filled.tell(transcript["session"])
    expect(page.locator(f"#{call_id(1007)}")).to_contain_text("Here it is.")
    expect(page.locator(f"#{call_id(1007)} .waiting")).to_have_count(0)


def test_an_answer_is_read_while_it_streams(visit: Open, filled: Fake) -> None:
    transcript = filled.transcripts["ses_agent"]
    live = data.call("support-88213", 1007, 5, data.now(), status="live", duration_ms=None, http_status=None)
    transcript["calls"].append(data.added(live, [data.said("user", data.text("One more thing"))], None, resent=14))
    page = opened(visit(f"{HERE}#{call_id(1007)}"))
    article = page.locator(f"#{call_id(1007)}")
    expect(article.locator(".waiting")).to_have_text("waiting for the answer")
    listening(page, filled)
    for start, text in [(0, "Here"), (4, " it **is"), (0, "Here it **is**, and ")]:
        filled.grow(call_id(1007), [{"index": 0, "type": "text", "from": start, "text": text}])
    expect(article.locator(".msg.assistant strong")).to_have_text("is")
    expect(article.locator(".waiting")).to_have_text("answering")
    transcript["calls"][-1]["output"] = data.said("assistant", data.text("Here it is, and that is all."))
    live |= {"status": "ok", "duration_ms": 900}
    filled.tell(transcript["session"])
    expect(article).to_contain_text("and that is all.")
    expect(article.locator(".waiting")).to_have_count(0)


def test_what_changed_before_it_listened_is_told(visit: Open, filled: Fake) -> None:
    page = visit(HERE)
    session = filled.transcripts["ses_agent"]["session"]
    with before(page, "api/events"):
        opened(page)
        page.wait_for_function("() => performance.now() > 2500")
        session["title"] = "Renamed meanwhile"
    expect(page.locator("#title")).to_have_text("Renamed meanwhile")


SEEN = """(hidden) => {
  Object.defineProperty(document, "hidden", { value: hidden, configurable: true });
  document.dispatchEvent(new Event("visibilitychange"));
}"""


def test_a_page_that_nobody_looks_at_listens_to_nothing(visit: Open, filled: Fake) -> None:
    page = visit("/ui/sessions/none")
    page.clock.install()
    page.goto(f"{filled.base_url}{HERE}")
    opened(page)
    listening(page, filled)
    page.evaluate(SEEN, True)
    page.clock.fast_forward(21_000)
    while filled.listened:
        page.wait_for_timeout(20)
    transcript = filled.transcripts["ses_agent"]
    transcript["session"]["title"] = "Renamed meanwhile"
    filled.tell(transcript["session"])
    page.evaluate(SEEN, False)
    listening(page, filled)
    page.clock.fast_forward(1000)
    expect(page.locator("#title")).to_have_text("Renamed meanwhile")


def test_find_walks_through_what_was_found(visit: Open, filled: Fake) -> None:
    page = opened(visit(HERE))
    page.keyboard.press("/")
    field = page.get_by_label("Find in this session")
    field.fill("refund")
    state = page.locator(".finder [role=status]")
    expect(state).to_have_text(re.compile(r"^1 of \d+$"))
    expect(page).to_have_url(re.compile(r"\?q=refund#call_"))
    first = re.compile(re.escape(page.url) + "$")
    marked = "CSS.highlights.get('found')?.size ?? 0"
    page.wait_for_function(f"({marked}) > 0")
    page.keyboard.press("Enter")
    expect(state).to_have_text(re.compile(r"^2 of"))
    expect(page).not_to_have_url(first)
    page.keyboard.press("Escape")
    expect(page.locator(".finder")).to_be_hidden()
    assert page.evaluate(marked) == 0
    expect(page).not_to_have_url(re.compile("q="))

    page.goto(f"{filled.base_url}{HERE}?q=nothing+like+it")
    expect(state).to_have_text("nothing found")


def test_what_changed_in_the_request(visit: Open, filled: Fake) -> None:
    added = filled.transcripts["ses_agent"]["calls"][3]
    added["broke"] = {"what": "tools", "at": 0}
    page = opened(visit(f"{HERE}#{call_id(1003)}"))
    line = page.locator(f"#{call_id(1003)} .resent")
    expect(line.locator(".broke")).to_have_text("cache prefix broken: the tools changed")
    line.click()
    panel = page.get_by_role("tabpanel")
    expect(page).to_have_url(re.compile(r"\?tab=changes#"))
    expect(panel.locator(".kept", has_text="messages as before")).to_be_visible()
    expect(panel.locator(".message-line.new").first).to_be_visible()
    expect(panel.locator(".cache-end")).to_have_count(0)
    page.get_by_role("button", name="Body").click()
    expect(panel.locator(".tree").first).to_contain_text("messages")


def test_headers_are_told(visit: Open, filled: Fake) -> None:
    page = opened(visit(f"{HERE}?tab=headers#{call_id(1003)}"))
    panel = page.get_by_role("tabpanel")
    expect(panel.locator("dt")).to_have_text("user-agent")
    expect(panel.locator("dd")).to_have_text("OpenAI/Python 2.1.0")
    expect(panel).to_contain_text("none were kept")


def test_links_to_a_turn_and_to_what_is_looked_at(visit: Open, filled: Fake) -> None:
    page = opened(visit(f"{HERE}#turn-3", permissions=["clipboard-read", "clipboard-write"]))
    expect(page.locator("article.selected")).to_have_id(call_id(1005))
    page.get_by_role("button", name="Share").click()
    expect(page.get_by_role("button", name="Link copied")).to_be_visible()
    copied = page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{filled.base_url}{HERE}#{call_id(1005)}"


def test_export_and_tags(visit: Open, filled: Fake) -> None:
    page = opened(visit(HERE))
    page.get_by_role("button", name="Export").click()
    links = page.get_by_role("menuitem").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    formats = ["markdown", "json", "jsonl", "openai"]
    assert links == [f"/api/sessions/ses_agent/export?format={name}" for name in formats]
    page.keyboard.press("ArrowDown")
    expect(page.get_by_role("menuitem").nth(1)).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.get_by_role("button", name="Export")).to_be_focused()
    expect(page.get_by_role("menu")).to_have_count(0)
    do(page, "Tags")
    page.get_by_label("Tags, with commas between").fill("refunds, #urgent")
    page.keyboard.press("Enter")
    expect(page.locator("#pills")).to_contain_text("#urgent")
    assert filled.sessions["ses_agent"]["tags"] == ["refunds", "urgent"]


def test_only_what_is_looked_at_is_fetched(visit: Open, fake: Fake) -> None:
    fake.put(data.huge_session(data.now() - timedelta(hours=1), calls=600))
    fake.fetched.clear()
    page = opened(visit("/ui/sessions/ses_huge"))
    expect(page.locator(f"#{call_id(100_000)} .msg").first).to_be_visible()
    expect(page.locator("button.stop").first).to_contain_text("Step 0, please")
    assert 0 < len(fake.fetched) < 60
    page.evaluate("location.hash = 'call_' + String(100_400).padStart(26, '0')")
    expect(page.locator(f"#{call_id(100_400)} .msg").first).to_be_visible()
    assert len(fake.fetched) < 150


def test_what_cannot_be_had_is_said_in_its_place(visit: Open, fake: Fake) -> None:
    fake.put(data.huge_session(data.now() - timedelta(hours=1), calls=60))
    page = opened(visit("/ui/sessions/ses_huge"))
    page.route("**/transcript?calls=*", lambda route: route.fulfill(status=404, json={"error": {"message": "Gone."}}))
    page.evaluate("location.hash = 'call_' + String(100_050).padStart(26, '0')")
    expect(page.locator(f"#{call_id(100_050)} .waiting")).to_have_text("Gone.")


def test_a_session_whose_numbers_do_not_come_says_so_and_asks_again(visit: Open, filled: Fake) -> None:
    away: list[int] = [503, 404]
    visit.refusals.append("503")

    def answer(route: Route) -> None:
        if not away:
            return route.continue_()
        route.fulfill(status=away.pop(0), json={"error": {"message": "It is away."}})

    page = visit("/ui/", java_script_enabled=True)
    page.route("**/outline", answer)
    page.goto(filled.base_url + HERE)
    problem = page.locator(".trouble")
    expect(problem).to_contain_text("It is away. What is shown may be old. Try again It is also tried every 5 seconds.")
    expect(page.locator(f"#{call_id(1000)}")).to_contain_text("find_charges")
    problem.get_by_role("button").click()
    expect(problem).not_to_contain_text("seconds")
    problem.get_by_role("button").click()
    opened(page)
    expect(problem).to_be_hidden()
    page.keyboard.press("j")
    expect(page.locator("button.stop").nth(1)).to_have_attribute("aria-current", "true")


def test_an_address_that_nobody_escaped(visit: Open, filled: Fake) -> None:
    page = opened(visit(f"{HERE}#100%"))
    expect(page.locator("article.selected")).to_have_count(1)


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
    expect(page.locator("#pills")).to_contain_text("5,000")
    expect(page.locator("#share")).to_be_visible(timeout=20_000)
    rows = "document.querySelectorAll('article, .stop, .bar-call').length"
    assert page.evaluate(rows) <= 400
    page.evaluate("document.querySelector('#main').scrollTop = 1e9")
    expect(page.locator(f"#{call_id(104_999)}")).to_be_in_viewport()
    expect(page.locator("button.stop[aria-current]")).to_contain_text("2500")
    assert page.evaluate(rows) <= 400
    page.evaluate("location.hash = 'call_' + String(102500).padStart(26, '0')")
    expect(page.locator(f"#{call_id(102_500)} .sep")).to_be_in_viewport()


@pytest.mark.parametrize(("path", "what"), [("sessions/nobody%27s", "session"), ("nothing", "page")])
def test_missing(visit: Open, filled: Fake, path: str, what: str) -> None:
    page = visit(f"/ui/{path}")
    expect(page.get_by_role("heading")).to_have_text(f"There is no such {what}")
    page.get_by_role("link", name="All sessions").click()
    expect(page.locator("#main")).to_contain_text("sessions")


def test_the_keyboard_stays_where_more_was_asked_for(visit: Open, filled: Fake) -> None:
    added = filled.transcripts["ses_agent"]["calls"][0]
    added["messages"] = [data.said("user", data.text(f"message {n}")) for n in range(60)]
    page = opened(visit(f"{HERE}?tab=sent#{added['call']['id']}"))
    before = page.locator(f"#{added['call']['id']} button.before")
    before.focus()
    page.keyboard.press("Enter")
    expect(before).to_have_count(0)
    assert page.evaluate("document.activeElement.innerText").endswith("message 0")
    assert page.evaluate("document.activeElement.tabIndex") == -1
