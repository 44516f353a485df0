"""The list of sessions: rows, columns, orders, facets, views, news, selection, and what stands in place of rows."""

import re
from datetime import timedelta

import pytest
from playwright.sync_api import Locator, Page, Route, expect

from sessionary.errors import Forbidden, StoreUnavailable
from tests.ui import data
from tests.ui.conftest import Open
from tests.ui.early import before
from tests.ui.fake import Fake, listening
from tests.ui.support_chat import agent_session
from tests.ui.support_found import come_to
from tests.ui.test_look import fits

AGENT = "/ui/sessions/ses_agent"
FRAMES = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def ready(page: Page) -> Page:
    """Script has taken over: rows, and what comes after them."""
    expect(page.locator("#rows .pick").first).to_be_attached()
    expect(page.locator("#plot figcaption b")).to_be_attached()
    return page


def row(page: Page, href: str = AGENT) -> Locator:
    return page.locator("tr.row", has=page.locator(f"a[href='{href}']"))


def test_shows_what_a_session_was(visit: Open, filled: Fake) -> None:
    filled.sessions["ses_agent"] |= {"branches": 2, "agents": 1}
    shown = row(ready(visit("/ui/")))
    for text in [
        "claude-sonnet-4-5", "7 calls", "1 failed", "$0.232", "81% cached", "83.2k → 1.9k", "16m 00s", "49.0 s active",
        "support-bot", "id", "3 branches · 1 agent · 1 failed",
    ]:  # fmt: skip
        expect(shown).to_contain_text(text)
    expect(shown.locator(".dot")).to_have_attribute("aria-label", "errors")
    expect(shown.get_by_role("img", name="openai-python")).to_be_visible()


def test_first_screen_comes_from_the_server(visit: Open, filled: Fake) -> None:
    page = visit("/ui/", java_script_enabled=False)
    expect(page.locator("tr.row")).to_have_count(50)
    page.get_by_text("Show more").click()
    expect(page.locator("tr.row")).to_have_count(50)
    page.get_by_role("link", name="Cost").click()
    expect(page.locator("tr.row").first).to_contain_text("$14.20")
    page.get_by_role("link", name="errors").click()
    expect(page.locator("tr.row .dot:not(.errors)")).to_have_count(0)
    page.locator("#q").fill("duplicate")
    page.locator("#q").press("Enter")
    expect(page).to_have_url(re.compile(r"\?filter=duplicate"))
    assert "Refund" in page.locator("tr.row .what a").first.inner_text()


def test_more_is_shown_while_the_script_has_no_rows_yet(visit: Open, filled: Fake) -> None:
    page = visit("/ui/")
    page.route(re.compile(r"/api/sessions\?"), lambda route: None)
    page.reload()
    expect(page.get_by_role("button", name="Live")).to_be_visible()
    page.get_by_role("link", name="Show more").click()
    expect(page).to_have_url(re.compile("cursor="))


def test_script_draws_what_the_server_drew(visit: Open, filled: Fake) -> None:
    every = "cols=turns,cost,tokens,tree,time,errors,who,tags,source"
    filled.sessions["ses_agent"] |= {"tags": ["nightly", "release 2"], "users": ["ada"], "branches": 1}
    wide = {"width": 2200, "height": 900}
    read = "rows => rows.slice(0, 12).map(r => r.innerText)"
    served = visit(f"/ui/?{every}", java_script_enabled=False, viewport=wide).locator("tr.row").evaluate_all(read)
    page = ready(visit(f"/ui/?{every}", viewport=wide))
    assert page.locator("tr.row").evaluate_all(read) == served
    head = "all => all.map(th => [th.className, th.innerText, th.ariaSort])"
    there = page.locator("thead th").evaluate_all(head)
    page.locator("#choose").click()
    page.get_by_role("checkbox", name="Errors").uncheck()
    page.get_by_role("checkbox", name="Errors").check()
    assert page.locator("thead th").evaluate_all(head) == there


def test_thousands_of_rows_and_few_of_them_in_the_document(visit: Open, fake: Fake) -> None:
    fake.fill(5200)
    page = ready(visit("/ui/"))
    most = page.evaluate(
        """async () => {
          let most = 0;
          const seen = new Set();
          while (!document.querySelector(".more").hidden) {
            scrollTo(0, document.documentElement.scrollHeight);
            await new Promise(requestAnimationFrame);
            const rows = document.querySelectorAll("#rows tr");
            most = Math.max(most, rows.length);
            for (const a of document.querySelectorAll("#rows .what a")) seen.add(a.href);
          }
          return [most, seen.size];
        }"""
    )
    assert most[0] <= 400
    assert most[1] > 1000
    links = "all => all.map(a => a.getAttribute('href'))"
    last = f"/ui/sessions/ses_{5209:026d}"
    page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
    expect(page.locator(f"a[href='{last}']").first).to_be_in_viewport()
    seen: set[str] = set()
    page.evaluate("scrollTo(0, 150_000)")
    for _ in range(12):
        page.wait_for_function("() => document.querySelectorAll('#rows tr.row').length > 10")
        shown = page.locator("#rows .what a").evaluate_all(links)
        assert len(shown) <= 60
        seen.update(shown)
        page.mouse.wheel(0, 600)
        page.evaluate(FRAMES)
    numbers = sorted(int(href[-26:]) for href in seen)
    assert numbers == list(range(numbers[0], numbers[-1] + 1)), "no row is left out"


def test_coming_back_is_to_where_one_was(visit: Open, fake: Fake) -> None:
    fake.fill(400)
    page = ready(visit("/ui/?filter=since:7d"))
    page.wait_for_function("() => (scrollTo(0, 20000), scrollY > 19900)")
    place = "[...document.querySelectorAll('tr.row a')].find(a => a.getBoundingClientRect().top > 200)"
    page.wait_for_function(f"() => {place} !== undefined")
    href, top = page.evaluate(f"(a => [a.href, a.getBoundingClientRect().top])({place})")
    page.goto(fake.base_url + "/ui/health")
    page.go_back()
    page.wait_for_function(f"() => {place}?.href === '{href}'")
    assert page.evaluate(f"{place}.getBoundingClientRect().top") == pytest.approx(top, abs=2)
    page.get_by_role("link", name="Sessions").click()
    ready(page)
    assert page.evaluate("scrollY") == 0


def test_the_filter_is_the_address(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/?filter=status:cut"))
    expect(page.locator("#q")).to_have_value("status:cut")
    expect(page.locator("tr.row .dot:not(.cut)")).to_have_count(0)
    page.locator("#q").fill("robot")
    expect(page).to_have_url(re.compile(r"\?filter=robot$"))
    page.locator("#q").fill("nowhere-to-be-found")
    page.locator("#q").press("Enter")
    expect(page.get_by_role("heading", name="No session matches")).to_be_visible()
    page.get_by_role("button", name="Clear the filter").click()
    expect(page).to_have_url(re.compile(r"/ui/$"))
    expect(page.locator("#q")).to_have_value("")
    page.go_back()
    expect(page.locator("#q")).to_have_value("nowhere-to-be-found")


def test_old_addresses_lead_to_the_same(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/?status=errors&sort=-cost"))
    expect(page).to_have_url(re.compile(r"/ui/\?filter=status%3Aerrors&sort=-cost$"))
    expect(page.locator("tr.row .dot:not(.errors)")).to_have_count(0)
    expect(page.locator("th.cost")).to_have_attribute("aria-sort", "descending")


def test_facets_add_and_take_away(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/?filter=robot"))
    facet = page.locator(".facet")
    ok = facet.filter(has_text="ok").first
    expect(ok.locator("b")).to_have_text(re.compile(r"\d+"))
    ok.click()
    expect(page).to_have_url(re.compile(r"filter=robot%20status:ok$"))
    expect(ok).to_have_attribute("aria-pressed", "true")
    expect(page.locator("tr.row .dot:not(.ok)")).to_have_count(0)
    page.locator("#q").fill("status:ok")
    page.locator("#q").press("Enter")
    page.locator(".facet[data-field=source][data-value=id]").click()
    page.locator(".facet[data-field=source][data-value=id]").focus()
    expect(page.locator("#q")).to_have_value("status:ok source:id")
    expect(page.locator("tr.row .source .tag:not(.id)")).to_have_count(0)
    page.keyboard.press("Enter")
    expect(page.locator("#q")).to_have_value("status:ok")
    expect(page.locator(".facet[data-field=source][data-value=id]")).to_be_focused()
    ok.click()
    expect(page).to_have_url(re.compile(r"/ui/$"))


def test_several_values_of_a_field_are_any_of_them(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/?filter=status:ok,errors,cut"))
    pressed = page.locator(".facet[data-field=status][aria-pressed=true]")
    expect(pressed).to_have_count(3)
    page.locator(".facet[data-field=status][data-value=ok]").click()
    expect(page.locator("#q")).to_have_value("status:errors,cut")
    expect(page.locator("tr.row .dot.ok")).to_have_count(0)
    expect(page.locator("tr.row .dot.cut").first).to_be_visible()


def test_the_others_of_a_field_are_counted_too(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/?filter=status:ok model:gpt-4o*"))
    status = page.locator(".facet[data-field=status]")
    expect(status.locator("span")).to_have_text(["ok", "errors", "cut"])
    errors = [s for s in filled.sessions.values() if s["status"] == "errors" and "gpt-4o" in " ".join(s["models"])]
    expect(status.nth(1).locator("b")).to_have_text(str(len(errors)))
    expect(page.locator(".facet[data-field=model]")).to_have_count(7)
    status.nth(1).click()
    expect(page.locator("#q")).to_have_value("status:ok,errors model:gpt-4o*")


def test_saved_views(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/?filter=cost>1&sort=-cost"))
    page.get_by_role("button", name="Save this view").click()
    page.get_by_label("Name of the view").fill("refuse")
    page.keyboard.press("Enter")
    expect(page.locator("#saved [role=alert]")).to_have_text("This name is refused.")
    page.get_by_label("Name of the view").fill("Costly ones")
    page.keyboard.press("Enter")
    saved = page.get_by_role("link", name="Costly ones")
    expect(saved).to_have_attribute("aria-current", "true")
    assert filled.views == [
        {"id": "view_0", "name": "Costly ones", "page": "sessions", "query": "filter=cost%3E1&sort=-cost"}
    ]
    page.goto(filled.base_url + "/ui/")
    ready(page)
    expect(saved).not_to_have_attribute("aria-current", "true")
    saved.click()
    expect(page.locator("#q")).to_have_value("cost>1")
    expect(page.locator("tr.row .cost").first).to_contain_text("$14.20")
    page.route(
        "**/api/views/*", lambda route: route.fulfill(status=404, json={"error": {"message": "It is not there."}})
    )
    page.get_by_role("button", name="Delete the view Costly ones").press("Enter")
    expect(page.locator("#saved [role=alert]")).to_have_text("It is not there.")
    expect(page.locator("#saved [role=alert]")).to_be_visible()
    page.unroute("**/api/views/*")
    page.get_by_role("button", name="Delete the view Costly ones").press("Enter")
    expect(saved).to_have_count(0)
    expect(page.locator("#saved [role=alert]")).to_be_hidden()
    assert filled.views == []


def test_columns_are_chosen_and_remembered(visit: Open, filled: Fake) -> None:
    filled.sessions["ses_agent"]["tags"] = ["nightly"]
    page = ready(visit("/ui/", viewport={"width": 1900, "height": 900}))
    expect(page.locator("th.tags")).to_have_count(0)
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("checkbox", name="Tags", exact=True).check()
    page.get_by_role("checkbox", name="Source").uncheck()
    page.keyboard.press("Escape")
    expect(page.locator("#columns")).to_be_hidden()
    expect(row(page).locator("td.tags")).to_have_text("nightly")
    expect(page.locator("th.source")).to_have_count(0)
    expect(page).to_have_url(re.compile(r"\?cols=turns,cost,tokens,time,who,tags,last$"))
    page.goto(filled.base_url + "/ui/")
    served = page.content()
    assert 'class="tags"' in served
    assert 'class="source"' not in served
    ready(page)
    expect(page.locator("th.tags")).to_be_visible()
    page.get_by_role("button", name="Columns").click()
    page.get_by_role("button", name="Usual ones").click()
    expect(page.locator("th.source")).to_be_visible()
    page.reload()
    expect(page.locator("th.tags")).to_have_count(0)


def test_columns_chosen_before_the_script_is_there(visit: Open, filled: Fake) -> None:
    filled.sessions["ses_agent"]["tags"] = ["nightly"]
    page = visit("/ui/", viewport={"width": 1900, "height": 900})
    with before(page, "columns.js"):
        page.get_by_role("button", name="Columns").click()
        page.get_by_role("checkbox", name="Tags", exact=True).check()
    expect(row(page).locator("td.tags")).to_have_text("nightly")
    expect(page.get_by_role("checkbox", name="Tags", exact=True)).to_be_checked()
    expect(page).to_have_url(re.compile(r"\?cols=turns,cost,tokens,time,who,tags,last,source$"))


def test_what_was_chosen_is_not_hidden(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/", viewport={"width": 1100, "height": 900}))
    expect(page.locator("th.who")).to_be_hidden()
    for script in (False, True):
        page = visit("/ui/?cols=cost,who,tree", viewport={"width": 1100, "height": 900}, java_script_enabled=script)
        expect(page.locator("#rows .pick").first).to_be_attached(attached=script)
        expect(page.locator("th.who")).to_be_visible()
        expect(page.locator("th.tree")).to_be_visible()


def test_a_click_on_a_header_orders(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/"))
    expect(page.locator("th.last")).to_have_attribute("aria-sort", "descending")
    page.get_by_role("link", name="Cost").click()
    expect(page).to_have_url(re.compile(r"\?sort=-cost$"))
    expect(page.locator("tr.row .cost").first).to_contain_text("$14.20")
    page.get_by_role("link", name="Cost").press("Enter")
    expect(page).to_have_url(re.compile(r"\?sort=cost$"))
    expect(page.locator("th.cost")).to_have_attribute("aria-sort", "ascending")
    expect(page.locator("tr.row .cost").first).not_to_contain_text("$14.20")
    page.get_by_role("link", name="Last", exact=True).click()
    expect(page).to_have_url(re.compile(r"/ui/$"))
    assert page.get_by_role("link", name="Source").count() == 0


def test_search_shows_where_and_opens_there(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/"))
    page.keyboard.press("/")
    page.keyboard.type("captures")
    expect(page.locator(".snippet mark")).to_have_text("captures")
    page.locator("tr.row .what a").click()
    expect(page).to_have_url(re.compile(r"/ui/sessions/ses_agent\?q=captures#call_0*1000/answer$"))
    expect(page.get_by_label("Find in this session")).to_have_value("captures")
    expect(page.locator(".finder [role=status]")).to_have_text(re.compile("^1 of "))
    assert come_to(page) == "captures"


def test_a_hit_opens_where_the_words_are_also_beside_another_call(visit: Open, filled: Fake) -> None:
    """What a tool gave is sent by the call after, and read beside the tool's own."""
    page = ready(visit("/ui/"))
    page.keyboard.press("/")
    page.keyboard.type("ch_72")
    expect(page.locator(".snippet mark")).to_have_text("ch_72")
    page.locator("tr.row .what a").click()
    expect(page).to_have_url(re.compile(r"\?q=ch_72#call_0*1000/answer$"))
    assert come_to(page) == "ch_72"
    expect(page.locator("article.selected .result", has_text="2026-11-20T09:14:06Z")).to_be_in_viewport()


def test_a_call_in_the_log_opens_where_the_words_are(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/calls?filter=captures"))
    expect(page.locator(".snippet mark").first).to_have_text("captures")
    page.locator("tr.row .what a").first.click()
    assert come_to(page) == "captures"


def test_a_new_session_arrives_by_itself(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/"))
    expect(page.locator("#plot figcaption b")).to_have_text("121 sessions")
    listening(page, filled)
    filled.put({"session": data.session(900, data.now() + timedelta(seconds=5), title="Brand new"), "calls": []})
    expect(page.locator("tr.row .what a").first).to_have_text("Brand new")
    expect(page.locator("#plot figcaption b")).to_have_text("122 sessions")


def test_news_do_not_move_what_is_read(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/"))
    page.evaluate(f"scrollTo(0, 900), {FRAMES}")
    top = "[...document.querySelectorAll('tr.row')].find(r => r.getBoundingClientRect().top > 120)"
    read = f"(r => [r.querySelector('.what').innerText, r.getBoundingClientRect().top])({top})"
    there = page.evaluate(read)
    listening(page, filled)
    filled.put({"session": data.session(901, data.now() + timedelta(seconds=5), title="Brand new"), "calls": []})
    expect(page.locator("#news")).to_have_text("1 new session ↑")
    assert page.evaluate(read) == there
    page.locator("#news").click()
    expect(page.locator("tr.row .what a").first).to_have_text("Brand new")


def test_a_row_changes_in_place_and_not_while_live_is_off(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/"))
    listening(page, filled)
    row(page).hover()
    filled.sessions["ses_agent"]["calls"] = 8
    filled.tell(filled.sessions["ses_agent"])
    expect(row(page)).to_contain_text("8 calls")
    page.get_by_role("button", name="Live").click()
    filled.sessions["ses_agent"]["calls"] = 9
    filled.tell(filled.sessions["ses_agent"])
    page.wait_for_timeout(300)
    expect(row(page)).to_contain_text("8 calls")
    page.get_by_role("button", name="Live").click()
    expect(row(page)).to_contain_text("9 calls")


def test_the_address_keeps_that_live_is_off(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/"))
    live = page.get_by_role("button", name="Live")
    live.click()
    expect(page).to_have_url(re.compile(r"/ui/\?live=off$"))
    page.get_by_role("link", name="Cost").click()
    expect(page).to_have_url(re.compile(r"\?sort=-cost&live=off$"))
    page.reload()
    expect(ready(page).get_by_role("button", name="Live")).to_have_attribute("aria-pressed", "false")
    live.click()
    expect(live).to_have_attribute("aria-pressed", "true")
    expect(page).to_have_url(re.compile(r"\?sort=-cost$"))


def changed(page: Page, fake: Fake) -> None:
    """The agent's session changes, and another; the page knows both."""
    listening(page, fake)
    other = next(id for id in fake.sessions if id != "ses_agent")
    for id in ("ses_agent", other):
        fake.sessions[id]["calls"] = 77
        fake.tell(fake.sessions[id])
    expect(row(page, f"/ui/sessions/{other}")).to_contain_text("77 calls")


def test_a_click_counts_though_its_row_changes_meanwhile(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/"))
    row(page).locator(".what a").hover()
    page.mouse.down()
    changed(page, filled)
    expect(row(page)).to_contain_text("7 calls")
    page.mouse.up()
    expect(page).to_have_url(re.compile(f"{AGENT}$"))


def test_what_was_pressed_changes_when_it_is_let_go(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/"))
    row(page).locator(".what a").hover()
    page.mouse.down()
    changed(page, filled)
    page.mouse.move(2, 2)
    page.mouse.up()
    expect(row(page)).to_contain_text("77 calls")
    expect(page).to_have_url(re.compile("/ui/$"))


def test_the_keyboard_s_row_stays_it_though_it_changes(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/"))
    row(page).locator(".what a").focus()
    changed(page, filled)
    expect(row(page)).to_contain_text("77 calls")
    expect(row(page).locator(".what a")).to_be_focused()
    page.keyboard.press("x")
    expect(page.locator("#picked")).to_contain_text("1 selected")
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(f"{AGENT}$"))


def test_going_through_by_keyboard(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/"))
    for key in "jjk":
        page.keyboard.press(key)
    expect(page.locator("tr.row .what a").first).to_be_focused()
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()
    page.keyboard.press("Escape")
    for _ in range(70):
        page.keyboard.press("j")
    expect(page.locator("tr.row a:focus")).to_be_in_viewport()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/ui/sessions/"))


def test_keys_are_told_and_can_be_turned_off(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/"))
    page.keyboard.press("?")
    told = page.locator("#help")
    expect(told.locator("kbd")).to_have_text(["/", "j", "k", "Enter", "x", "a", "Esc", "?"])
    told.get_by_label("These keys act").uncheck()
    page.keyboard.press("Escape")
    expect(told).to_be_hidden()
    page.reload()
    ready(page)
    page.keyboard.press("j")
    page.keyboard.press("?")
    expect(told).to_be_hidden()
    expect(page.locator("tr.row a:focus")).to_have_count(0)
    page.get_by_role("button", name="Keyboard shortcuts").click()
    told.get_by_label("These keys act").check()
    told.get_by_role("button", name="Close").click()
    page.keyboard.press("j")
    expect(page.locator("tr.row .what a").first).to_be_focused()


def test_what_is_selected_is_acted_on_by_keyboard(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/"))
    for key in "jxjxa":
        page.keyboard.press(key)
    expect(page.locator("#picked a", has_text="Compare")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile("/ui/compare"))


def test_two_are_compared(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/"))
    first, second = page.locator("tr.row .what a").evaluate_all(
        "all => all.slice(0, 2).map(a => a.pathname.split('/').pop())"
    )
    for key in "jxj":
        page.keyboard.press(key)
    expect(page.locator("#picked")).to_contain_text("1 selected")
    expect(page.get_by_role("link", name="Compare", exact=True).last).not_to_have_class(re.compile("go"))
    page.keyboard.press("x")
    compare = page.locator("#picked").get_by_role("link", name="Compare")
    expect(compare).to_have_attribute("href", f"/ui/compare?a={first}&b={second}")
    page.keyboard.press("x")
    expect(page.locator("#picked")).to_contain_text("1 selected")
    page.keyboard.press("Escape")
    expect(page.locator("#picked")).to_be_hidden()
    expect(page.locator(".pick input:checked")).to_have_count(0)


@pytest.mark.parametrize("away", [False, True])
def test_one_comes_back_to_as_many_rows(visit: Open, fake: Fake, away: bool) -> None:
    """Also where a page is no screenful, so that scrolling asks for the next one too; or where no other page comes."""
    visit.refusals.append("503")
    fake.fill(400)
    page = ready(visit("/ui/", viewport={"width": 1440, "height": 4000}))
    while page.locator("#more").is_visible():
        page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        page.wait_for_timeout(50)
    asked: list[str] = []

    def answer(route: Route) -> None:
        asked.append(route.request.url)
        if away:
            route.fulfill(status=503, json={})
        else:
            route.continue_()

    page.route(re.compile(r"/api/sessions\?.*cursor="), answer)
    page.reload()
    ready(page)
    assert page.evaluate("new Promise((done) => setTimeout(done, 700, 'alive'))") == "alive"
    if away:
        assert len(asked) <= 3
        expect(page.locator("tr.row").first).to_be_visible()
    else:
        expect(page.locator("#more")).to_be_hidden()


def test_many_are_tagged(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/?cols=tags"))
    first = str(page.locator("tr.row .what a").first.get_attribute("href")).rpartition("/")[2]
    boxes = page.locator(".pick input")
    boxes.nth(0).click()
    boxes.nth(3).click(modifiers=["Shift"])
    expect(page.locator("#picked")).to_contain_text("4 selected")
    page.get_by_role("button", name="Tag").click()
    field = page.get_by_role("dialog").get_by_label("Tag")
    field.fill(" , ")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_contain_text("A tag has at least one letter.")
    filled.sessions[first]["tags"] = ["meanwhile"]
    field.fill(" #nightly, eu ")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.locator("tr.row .tags .tag")).to_have_text(["meanwhile", *["nightly", "eu"] * 4])
    expect(page.locator("#picked")).to_be_hidden()
    assert sum(s["tags"][-2:] == ["nightly", "eu"] for s in filled.sessions.values()) == 4


def test_some_are_merged_and_deleted(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/"))
    for key in "jxjxjx":
        page.keyboard.press(key)
    page.get_by_role("button", name="Merge").click()
    expect(page.get_by_role("dialog")).to_contain_text("All calls go into the oldest")
    page.get_by_role("dialog").get_by_role("button", name="Merge").click()
    expect(page.locator("#plot figcaption b")).to_have_text("119 sessions")
    assert len(filled.sessions) == 119
    page.locator(".pick input").first.click()
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("button", name="Cancel").click()
    assert len(filled.sessions) == 119
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.locator("#plot figcaption b")).to_have_text("118 sessions")


def test_a_term_is_taken_away_where_nothing_matches(visit: Open, filled: Fake) -> None:
    page = visit("/ui/?filter=status:cut model:nothing")
    page.get_by_role("button", name="model:nothing").click()
    expect(page.locator("#q")).to_have_value("status:cut")
    expect(page.locator("tr.row .dot.cut").first).to_be_visible()


@pytest.mark.parametrize("script", [True, False])
def test_a_mistake_is_shown_at_its_place(visit: Open, filled: Fake, script: bool) -> None:
    page = visit("/ui/?filter=cost>1 statsu:ok", java_script_enabled=script)
    expect(page.get_by_role("alert")).to_contain_text("there is no field 'statsu': did you mean 'status'?")
    expect(page.get_by_role("heading", name="This filter cannot be read")).to_be_visible()
    expect(page.locator("#q")).to_have_value("cost>1 statsu:ok")
    if script:
        expect(page.locator("#q")).to_have_attribute("aria-invalid", "true")
        expect(page.locator(".paint .wrong")).to_have_text("statsu:ok")
        page.get_by_role("button", name="Use status").click()
        expect(page.locator("#q")).to_have_value("cost>1 status:ok")
        expect(page.locator("tr.row").first).to_be_visible()
        expect(page.locator("#mistake")).to_be_hidden()


def test_a_store_that_is_away_comes_back(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/"))
    filled.refusal = StoreUnavailable("It cannot be read now.")
    page.locator("#q").fill("status:cut")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="The store is away")).to_be_visible()
    page.reload()
    expect(page.get_by_role("heading", name="The store is away")).to_be_visible()
    expect(page.get_by_role("button", name="Try again")).to_be_visible()
    filled.refusal = None
    page.get_by_role("button", name="Try again").click()
    # The row, not its dot: under the mouse a row shows its box instead.
    expect(page.locator("tr.row", has=page.locator(".dot.cut")).first).to_be_visible()
    assert all("503" in trouble for trouble in visit.trouble)
    assert visit.trouble
    visit.trouble.clear()


def test_no_right_is_said(visit: Open, filled: Fake) -> None:
    filled.refusal = Forbidden("This key sees its own project only.")
    page = visit("/ui/?project=other")
    expect(page.get_by_role("heading", name="This key may not see that")).to_be_visible()
    expect(page.locator("#state")).to_contain_text("This key sees its own project only.")
    expect(page.get_by_role("button", name="Try again")).to_be_visible()  # script has asked, too
    assert all("403" in trouble for trouble in visit.trouble)
    visit.trouble.clear()


def test_empty_tells_how_to_begin(visit: Open, fake: Fake) -> None:
    page = visit("/ui/")
    python, curl = page.locator("pre").all_inner_texts()
    assert f'OpenAI(base_url="{fake.base_url}"' in python
    assert curl.startswith(f"curl {fake.base_url}/v1/chat/completions")
    assert len(python.splitlines()) == len(curl.splitlines()) == 3
    compile(python, "snippet", "exec")
    expect(page.get_by_role("button", name="Copy")).to_have_count(2)
    page.get_by_role("button", name="Fill with demo sessions").click()
    expect(page.locator("tr.row")).to_have_count(1)
    expect(page).to_have_url(re.compile("/ui/$"))


def test_empty_becomes_the_list(visit: Open, fake: Fake) -> None:
    page = visit("/ui/")
    listening(page, fake)
    fake.put(agent_session(data.now()))
    expect(page.locator("tr.row")).to_have_count(1)


def test_empty_becomes_the_list_though_the_first_came_before_it_listened(visit: Open, fake: Fake) -> None:
    page = visit("/ui/")
    with before(page, "api/events"):
        expect(page.get_by_role("button", name="Copy").first).to_be_visible()
        page.wait_for_function("() => performance.now() > 2500")
        fake.put(agent_session(data.now()))
    expect(page.locator("tr.row")).to_have_count(1)


def test_demo_banner(visit: Open, fake: Fake) -> None:
    expect(visit("/ui/").locator(".notice")).to_contain_text("demo provider")
    fake.demo = False
    expect(visit("/ui/").locator(".notice")).to_have_count(0)


@pytest.mark.parametrize(("width", "height"), [(390, 844), (2560, 1440)])
def test_small_and_large(visit: Open, filled: Fake, width: int, height: int) -> None:
    filled.put(data.hostile_session(data.now()))
    page = ready(visit("/ui/", viewport={"width": width, "height": height}))
    fits(page, width)
    if width < 800:
        page.get_by_role("button", name="Filters").click()
        page.locator(".facet[data-field=status][data-value=cut]").click()
        page.get_by_role("button", name="Filters").click()
        expect(page.locator("tr.row .dot:not(.cut)")).to_have_count(0)
        page.get_by_role("button", name="Range of time").click()
        page.get_by_role("button", name="Last hour", exact=True).click()
        expect(page.locator("#q")).to_have_value("status:cut since:1h")
        fits(page, width)
    else:
        expect(page.locator("th.source")).to_be_visible()
        expect(page.locator("tr.row").nth(18)).to_be_in_viewport()


def test_filters_give_way_on_a_phone(visit: Open, filled: Fake) -> None:
    page = ready(visit("/ui/", viewport={"width": 390, "height": 844}, has_touch=True))
    button = page.locator("#show-filters")
    button.click()
    expect(button).to_have_attribute("aria-expanded", "true")
    page.locator("#facets button.facet").first.click()
    expect(page.locator("#facets")).to_be_hidden()
    expect(button).to_have_attribute("aria-expanded", "false")
    expect(page).to_have_url(re.compile("filter="))
    expect(page.locator("tr.row").first).to_be_in_viewport()
    button.click()
    expect(page.locator("#facets")).to_be_visible()
