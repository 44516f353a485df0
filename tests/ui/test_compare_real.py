"""A comparison on the real gateway: what the store's ids say is in common, branches, and other projects' sessions."""

import re
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, expect

from tests.support.server import Server, running_server
from tests.ui.conftest import Open

FIRST = "Tell me of whales"


def ask(server: Server, session: str, said: list[dict[str, Any]], words: str, key: str) -> str:
    """The call's id; `said` grows."""
    said.append({"role": "user", "content": words})
    body = {"model": "gpt-4o", "messages": said, "temperature": 0.5 if session == "right" else 0.2}
    answer = server.post("/v1/chat/completions", body, {"x-session-id": session}, key=key)
    said.append(answer.json["choices"][0]["message"])
    server.call(answer.headers["x-call-id"])
    return answer.headers["x-call-id"]


def test_on_the_real_gateway(browser: Browser, tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        mine = server.post("/api/keys", {"name": "mine", "project": "sea"}).json["key"]
        other = server.post("/api/keys", {"name": "other", "project": "land"}).json["key"]
        _sessions(browser, server, mine, other)


def _sessions(browser: Browser, server: Server, mine: str, other: str) -> None:
    system = {"role": "system", "content": "You know the sea."}
    left: list[dict[str, Any]] = [dict(system)]
    ask(server, "left", left, FIRST, mine)
    right = [dict(message) for message in left[:1]]
    ask(server, "right", right, FIRST, mine)
    assert left == right, "the demo provider answers the same to the same"
    before = [dict(message) for message in left]
    one = ask(server, "left", left, "How deep do they dive?", mine)
    two = ask(server, "right", right, "How deep can they dive, and how long?", mine)
    ask(server, "left", before, "How old do they grow?", mine)
    row = server.session("left", calls=3)
    assert row["branches"] == 1

    visit = Open(browser, server.base_url)
    page = visit("/ui/login", cookie=None)
    page.get_by_label(re.compile("key", re.IGNORECASE)).fill(mine)
    page.keyboard.press("Enter")
    page.wait_for_url("**/ui/")
    page.goto(f"{server.base_url}/ui/compare?a=left~{one}&b=right")
    expect(page.locator("#compare.ready")).to_be_attached()
    expect(page.locator(".shared")).to_contain_text("1 turn in common")
    expect(page.locator("#turn-2 .msg.user del").first).to_have_text("do")
    page.get_by_label("Branch of A").select_option(label="branch 2, newest · 1 request")
    expect(page.locator("#turn-3 .msg.user")).to_contain_text("How old do they grow?")
    expect(page.locator(".shared")).to_contain_text("1 turn in common")
    page.goto(f"{server.base_url}/ui/compare?a={one}&b={two}")
    expect(page.locator("#settings")).to_contain_text("0.2 → 0.5")
    expect(page.locator("#messages summary")).to_have_text("2 messages in common")
    page.locator("summary", has_text="Change").first.click()
    page.get_by_role("combobox").fill("whales")
    expect(page.get_by_role("option")).to_have_count(2)

    page = visit("/ui/login", cookie=None)
    page.get_by_label(re.compile("key", re.IGNORECASE)).fill(other)
    page.keyboard.press("Enter")
    page.wait_for_url("**/ui/")
    right_id = server.sessions("right", key=mine)[0]["id"]
    for a, b in ((row["id"], right_id), (one, two), (f"{row['id']}~{one}", "right")):
        page.goto(f"{server.base_url}/ui/compare?a={a}&b={b}")
        expect(page.get_by_role("alert")).to_have_count(2)
        expect(page.get_by_role("alert").first).to_contain_text("no session and no call")
        expect(page.locator("body")).not_to_contain_text("whales")
        expect(page.get_by_text("There are no sessions yet.")).to_be_visible()
    assert visit.trouble == []
    for context in visit.contexts:
        context.close()
