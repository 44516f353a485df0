"""The pages on the real gateway: from the printed link to a session, with calls that arrive while one looks."""

import re
from pathlib import Path

from playwright.sync_api import Browser, expect

from tests.support.server import Server, running_server
from tests.ui.conftest import Open


def test_from_the_link_to_a_session_and_back(browser: Browser, demo_server: Server) -> None:
    visit = Open(browser, demo_server.base_url)
    link = demo_server.cli("login").strip()
    page = visit(link[link.index("/ui/") :], cookie=None)
    expect(page.get_by_role("heading", name="No sessions yet")).to_be_visible()
    page.get_by_role("button", name="Send a demo session").click()
    page.wait_for_url(re.compile(r"/ui/sessions/ses_"))
    expect(page.locator("#title")).to_contain_text("weather")
    expect(page.get_by_text("look_up_weather").first).to_be_visible()
    page.get_by_role("link", name="Sessions").first.click()
    row = page.get_by_role("link", name=re.compile("weather"))
    expect(row).to_be_visible()
    demo_server.chat("A brand new question", session_id="arrives-live")
    expect(page.get_by_text("A brand new question").first).to_be_visible()
    page.get_by_text("A brand new question").first.click()
    expect(page.locator("#feed, main").first).to_contain_text("A brand new question")
    demo_server.chat("And a second one", session_id="arrives-live")
    expect(page.locator("#feed, main").first).to_contain_text("And a second one")
    assert visit.trouble == []
    visit.contexts[0].close()


def test_a_chain_and_a_message_in_one_session(browser: Browser, tmp_path: Path) -> None:
    """Three formats through the gateway: what each call added, and the prompt that they share."""
    with running_server(tmp_path) as server:
        _three_formats(browser, server)


def _three_formats(browser: Browser, server: Server) -> None:
    tool = {
        "type": "function",
        "name": "look_up",
        "parameters": {"type": "object", "properties": {"q": {"type": "string"}}},
    }
    prompt, named = "You look things up.", {"x-session-id": "three formats"}
    body = {"model": "gpt-4o", "instructions": prompt, "input": "Which zebrafish?", "tools": [tool]}
    first = server.post("/v1/responses", body, named).json
    (asked,) = (item for item in first["output"] if item["type"] == "function_call")
    found = {"type": "function_call_output", "call_id": asked["call_id"], "output": '{"fish": "striped"}'}
    follow = {"model": "gpt-4o", "instructions": prompt, "input": [found], "previous_response_id": first["id"]}
    answered = server.post("/v1/responses", follow)
    assert (answered.status, answered.headers["x-session-id"]) == (200, "three formats")
    message = {"model": "gpt-4o", "max_tokens": 300, "messages": [{"role": "user", "content": "And a quokka?"}]}
    server.post("/v1/messages", message | {"system": prompt}, named)
    server.session("three formats", calls=3)
    one, two, three = server.transcript("three formats")["calls"]
    assert [len(added["system"]) for added in (one, two, three)] == [1, 0, 0]
    assert (two["resent"], two["recalled"], two["call"]["turn"]) == (0, 2, 1)
    visit = Open(browser, server.base_url)
    link = server.login_link()
    page = visit(link[link.index("/ui/") :], cookie=None)
    page.get_by_role("link", name="Which zebrafish?").click()
    expect(page.locator(".tool .result")).to_contain_text("striped")
    expect(page.get_by_text("2 earlier messages recalled by the gateway")).to_be_visible()
    expect(page.locator("summary", has_text="system prompt")).to_have_count(1)
    expect(page.get_by_text("/messages", exact=False).first).to_be_visible()
    page.goto(f"{server.base_url}/ui/?q=striped")
    expect(page.locator("mark").first).to_have_text("striped")
    assert visit.trouble == []
    visit.contexts[0].close()
