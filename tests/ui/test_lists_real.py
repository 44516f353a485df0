"""The lists on the real gateway: its fields and suggestions, counts, views, corrections, and a call's own address."""

import csv
import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.server import Server, running_server
from tests.ui.conftest import Open
from tests.ui.support_found import come_to
from tests.ui.test_sessions_page import ready

AGENT = {"user-agent": "OpenAI/Python 2.54.0"}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Twelve sessions of two models and two clients; one call of each."""
    with running_server(tmp_path_factory.mktemp("lists")) as server:
        for n in range(12):
            model = "gpt-4o" if n % 3 else "claude-sonnet-4-5"
            body = {"model": model, "messages": [{"role": "user", "content": f"Tell me of the zebrafish, part {n}"}]}
            server.post("/v1/chat/completions", body, {"x-session-id": f"fish {n}", **(AGENT if n % 2 else {})})
        for n in range(12):
            server.session(f"fish {n}", calls=1)
        yield server


@pytest.fixture(scope="module")
def opened(browser: Browser, server: Server) -> Iterator[tuple[Open, Page]]:
    """Someone who came by a link."""
    visit = Open(browser, server.base_url)
    link = server.login_link()
    yield visit, visit(link[link.index("/ui/") :], cookie=None)
    for context in visit.contexts:
        context.close()


@pytest.fixture
def page(opened: tuple[Open, Page], server: Server) -> Iterator[Page]:
    """The list of sessions."""
    visit, page = opened
    page.goto(server.base_url + "/ui/")
    yield ready(page)
    assert visit.trouble == []


def test_typing_a_filter(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type("model:cl")
    expect(page.get_by_role("option")).to_have_text(["claude-sonnet-4-5"])
    page.keyboard.press("Tab")
    expect(page.locator("#plot figcaption b")).to_have_text("4 sessions")
    expect(page.locator("tr.row")).to_have_count(4)
    page.keyboard.type("calls>1")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="No session matches")).to_be_visible()
    page.get_by_role("button", name="calls>1").click()
    expect(page.locator("tr.row")).to_have_count(4)
    page.locator("#q").fill("modle:x")
    page.keyboard.press("Enter")
    expect(page.locator("#mistake")).to_contain_text("did you mean 'model'?")
    expect(page.locator(".paint .wrong")).to_have_text("modle:x")


def test_facets_and_the_range_of_time(page: Page) -> None:
    gpt = page.locator(".facet[data-field=model][data-value='gpt-4o']")
    expect(gpt.locator("b")).to_have_text("8")
    gpt.click()
    expect(page.locator("tr.row")).to_have_count(8)
    claude = page.locator(".facet[data-field=model][data-value='claude-sonnet-4-5']")
    expect(claude.locator("b")).to_have_text("4")
    claude.click()
    expect(page.locator("tr.row")).to_have_count(12)
    expect(page.locator("#q")).to_have_value("model:gpt-4o,claude-sonnet-4-5")
    page.locator(".facet[data-field=client][data-value='OpenAI Python']").click()
    expect(page.locator("tr.row")).to_have_count(6)
    page.locator("#range").click()
    page.get_by_role("button", name="Last hour", exact=True).click()
    expect(page.locator("#q")).to_have_value(re.compile("since:1h$"))
    expect(page.locator("tr.row")).to_have_count(6)
    area = page.get_by_role("slider")
    area.focus()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    expect(page.locator("#q")).to_have_value(re.compile("since:.*Z until:.*Z$"))
    expect(page.locator("#mistake")).to_be_hidden()


def test_orders_and_pages(page: Page, server: Server) -> None:
    page.goto(f"{server.base_url}/ui/?filter=id:fish*")
    ready(page)
    for column in ("Turns", "Cost", "Tokens in → out", "Time", "Last"):
        page.get_by_role("link", name=column, exact=True).click()
        expect(page.locator("thead [aria-sort]")).to_contain_text(column)
        expect(page.locator("table.rows.busy")).to_have_count(0)
        expect(page.locator("tr.row")).to_have_count(12)
    for path in ("/ui/?sort=evil", "/ui/?cursor=evil"):
        page.goto(server.base_url + path)
        expect(page.locator("#state h2, tr.row").first).to_be_attached()


def test_words_are_found_and_lead_to_the_call(page: Page) -> None:
    page.keyboard.press("/")
    page.keyboard.type('zebrafish "part 7"')
    page.keyboard.press("Enter")
    expect(page.locator("tr.row")).to_have_count(1)
    expect(page.locator(".snippet mark").first).to_have_text(re.compile("zebrafish|part"))
    page.locator("tr.row .what a").click()
    expect(page).to_have_url(re.compile(r"/ui/sessions/ses_[^#]*\?q=[^#]*#call_[^/]*/m1$"))
    assert come_to(page) == "part 7"
    expect(page.get_by_label("Find in this session")).to_have_value('zebrafish "part 7"')


def test_a_view_is_saved_and_deleted(page: Page, server: Server) -> None:
    page.locator("#q").fill("model:claude*")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Save this view").click()
    page.get_by_label("Name of the view").fill("Claude’s")
    page.keyboard.press("Enter")
    expect(page.get_by_role("link", name="Claude’s")).to_be_visible()
    page.goto(server.base_url + "/ui/")
    page.get_by_role("link", name="Claude’s").click()
    expect(page.locator("#q")).to_have_value("model:claude*")
    page.get_by_role("button", name="Delete the view Claude’s").press("Enter")
    expect(page.get_by_role("link", name="Claude’s")).to_have_count(0)


def test_calls_and_a_call_s_own_address(page: Page, server: Server) -> None:
    page.goto(f"{server.base_url}/ui/calls?filter=model:gpt-4o,claude-sonnet-4-5")
    expect(page.locator("#plot figcaption b")).to_have_text("12 calls")
    for column in ("Cost", "Duration", "Time"):
        page.get_by_role("link", name=column, exact=True).click()
        expect(page.locator("tr.row")).to_have_count(12)
    page.locator("#q").fill("model:claude* status:ok duration<1h endpoint:chat*")
    page.keyboard.press("Enter")
    expect(page.locator("tr.row")).to_have_count(4)
    href = page.locator("tr.row .what a").first.get_attribute("href") or ""
    page.goto(f"{server.base_url}/ui/calls/{href.partition('#')[2]}")
    expect(page).to_have_url(re.compile(re.escape(href)))


def test_a_new_call_arrives_in_both_lists(page: Page, server: Server) -> None:
    server.chat("A brand new question", "mistral-large", session_id="new")
    expect(page.get_by_role("link", name="A brand new question")).to_be_visible()
    page.get_by_role("link", name="Calls").click()
    ready(page)
    before = page.locator("tr.row").count()
    server.chat("And another", "mistral-large", session_id="new")
    expect(page.locator("tr.row")).to_have_count(before + 1)
    page.goto(server.base_url + "/ui/?filter=id:new")
    ready(page)
    page.keyboard.press("j")
    page.keyboard.press("x")
    page.get_by_role("button", name="Delete").click()
    page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    expect(page.get_by_role("heading", name="No session matches")).to_be_visible()


def test_tags_and_merging(page: Page, server: Server) -> None:
    for n in (1, 2):
        server.chat(f"Something of trains, {n}", "mistral-large", session_id=f"train {n}")
        server.session(f"train {n}", calls=1)
    page.goto(server.base_url + "/ui/?filter=id:train*&cols=tags")
    ready(page)
    for key in "jxjx":
        page.keyboard.press(key)
    page.get_by_role("button", name="Tag").click()
    page.get_by_role("dialog").get_by_label("Tag").fill("of two")
    page.keyboard.press("Enter")
    expect(page.locator("td.tags .tag")).to_have_text(["of two", "of two"])
    page.locator("#q").fill('tag:"of two"')
    page.keyboard.press("Enter")
    expect(page.locator("tr.row")).to_have_count(2)
    page.keyboard.press("Tab")
    page.locator(".pick input").nth(0).click()
    page.locator(".pick input").nth(1).click()
    page.get_by_role("button", name="Merge").click()
    page.get_by_role("dialog").get_by_role("button", name="Merge").click()
    expect(page.locator("tr.row")).to_have_count(1)


def test_the_whole_list_is_a_file(page: Page, server: Server) -> None:
    page.goto(server.base_url + "/ui/?filter=model:gpt-4o&sort=first_at")
    ready(page)
    with page.expect_download() as begun:
        page.get_by_role("link", name="CSV").click()
    assert begun.value.suggested_filename == "sessions.csv"
    rows = list(csv.DictReader(begun.value.path().read_text().splitlines()))
    assert [row["session_id"] for row in rows] == [f"fish {n}" for n in range(12) if n % 3]
