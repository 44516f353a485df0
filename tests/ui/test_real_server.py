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
    demo_server.chat("What is a lighthouse?", session_id="first")
    page.get_by_role("link", name="What is a lighthouse?").click()
    page.wait_for_url(re.compile(r"/ui/sessions/ses_"))
    expect(page.locator("#title")).to_contain_text("lighthouse")
    page.get_by_role("link", name="Sessions").first.click()
    row = page.get_by_role("link", name=re.compile("lighthouse"))
    expect(row).to_be_visible()
    demo_server.chat("A brand new question", session_id="arrives-live")
    expect(page.get_by_text("A brand new question").first).to_be_visible()
    page.get_by_text("A brand new question").first.click()
    expect(page.locator("#feed, main").first).to_contain_text("A brand new question")
    demo_server.chat("And a second one", session_id="arrives-live")
    expect(page.locator("#feed, main").first).to_contain_text("And a second one")
    assert visit.trouble == []
    visit.contexts[0].close()


def test_the_demo_provider_is_free_before_a_replay_too(browser: Browser, tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        server.chat("What is a lighthouse?", session_id="free")
        visit = Open(browser, server.base_url)
        link = server.login_link()
        page = visit(link[link.index("/ui/") :], cookie=None)
        page.goto(f"{server.base_url}/ui/sessions/{server.session('free', calls=1)['id']}")
        expect(page.locator("#pills")).to_contain_text("cost$0")
        page.get_by_role("button", name="More").click()
        page.get_by_role("menuitem", name="Replay").click()
        page.get_by_label("Model").fill("gpt-5")
        expect(page.locator("dialog .plan")).to_contain_text("The demo provider answers, and is free.")
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


def test_corrections(browser: Browser, tmp_path: Path) -> None:
    """Two conversations without any id: a call is split off, moved, and the sessions are merged, by a person."""
    with running_server(tmp_path) as server:
        _corrections(browser, server)


def _ask(server: Server, said: list[dict[str, str]], words: str) -> str:
    """The call's id; `said` grows."""
    said.append({"role": "user", "content": words})
    answer = server.post("/v1/chat/completions", {"model": "gpt-4o", "messages": said})
    said.append(answer.json["choices"][0]["message"])
    return answer.headers["x-call-id"]


def _corrections(browser: Browser, server: Server) -> None:
    whales: list[dict[str, str]] = []
    first, second, third = (_ask(server, whales, w) for w in ("Tell me of whales", "How deep?", "How old?"))
    other = _ask(server, [], "Tell me of trains")
    calls = {name: server.call(id) for name, id in (("first", first), ("second", second), ("third", third))}
    assert {call["session"] for call in calls.values()} == {calls["first"]["session"]}
    elsewhere = server.call(other)["session"]
    visit = Open(browser, server.base_url)
    link = server.login_link()
    page = visit(link[link.index("/ui/") :], cookie=None)
    page.goto(f"{server.base_url}/ui/sessions/{calls['first']['session']}?tab=why#{second}")
    panel = page.get_by_role("tabpanel")
    expect(panel.locator(".note p")).to_contain_text("2 of its 3 messages are what was said up to the answer in turn 1")
    expect(panel.locator("dl a")).to_have_text(first)
    panel.get_by_role("button", name="Split here").click()
    page.wait_for_url(re.compile(f"/ui/sessions/(?!{calls['first']['session']}).*#{second}$"))
    expect(page.locator(f"#{third}")).to_be_attached()
    expect(page.get_by_role("link", name="continues")).to_have_attribute("href", re.compile(f"#{first}$"))
    assert server.call(third)["session"] == server.call(second)["session"] != calls["first"]["session"]

    page.get_by_role("tab", name="Why here").click()
    panel.get_by_role("button", name="Split here").click()
    expect(panel.get_by_role("alert")).to_contain_text("nothing to split off")
    panel.get_by_label("Id of the session to move to").fill("no such session")
    page.keyboard.press("Enter")
    expect(panel.get_by_role("alert")).to_have_text("There is no such session.")
    panel.get_by_label("Id of the session to move to").fill(f"{server.base_url}/ui/sessions/{elsewhere}?tab=why")
    panel.get_by_role("button", name="Move").click()
    page.wait_for_url(f"**/ui/sessions/{elsewhere}#{second}")
    expect(page.locator("button.stop")).to_have_count(3)

    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Merge").click()
    page.get_by_label("The other session’s id").fill(calls["first"]["session"])
    page.locator("dialog").get_by_role("button", name="Merge").click()
    page.wait_for_url(f"**/ui/sessions/{calls['first']['session']}")
    expect(page.locator("button.stop")).to_have_count(4)
    page.goto(f"{server.base_url}/ui/sessions/{elsewhere}")
    expect(page.locator("#title")).to_have_text("Tell me of whales")
    _ask(server, whales, "What later calls say follows")
    expect(page.locator("button.stop").last).to_contain_text("What later calls say follows")

    page.get_by_role("link", name="Health").click()
    expect(page.locator(".rules tr", has_text="content").first).to_contain_text("3")
    expect(page.get_by_text("Every call that was begun")).to_be_visible()
    expect(page.get_by_text("begun 5")).to_be_visible()
    told = server.request("GET", "/metrics").body.decode()
    assert 'sessionary_calls_threaded_total{ambiguous="false",rule="content"} 3.0' in told
    assert 'sessionary_calls_threaded_total{ambiguous="false",rule="new"} 2.0' in told
    assert [t for t in visit.trouble if "404" not in t] == []
    visit.contexts[0].close()


def test_an_agent_is_nested_under_the_tool_call_that_started_it(browser: Browser, tmp_path: Path) -> None:
    """Nobody says so: what the agent is told is what the tool call was given."""
    with running_server(tmp_path) as server:
        _agents(browser, server)


def _agents(browser: Browser, server: Server) -> None:
    parameters = {"type": "object", "properties": {"prompt": {"type": "string"}, "subagent_type": {"type": "string"}}}
    task = {"type": "function", "function": {"name": "Task", "parameters": parameters}}
    prompt = "Find every place that computes the tax of an order, and list the files."
    asked = f'call Task {{"prompt": "{prompt}", "subagent_type": "Explore"}}'
    said: list[dict[str, object]] = [{"role": "user", "content": asked}]

    def ask(messages: list[dict[str, object]]) -> tuple[str, dict[str, object]]:
        answer = server.post("/v1/chat/completions", {"model": "gpt-4o", "messages": messages, "tools": [task]})
        return answer.headers["x-call-id"], answer.json["choices"][0]["message"]

    first, started = ask(said)
    server.call(first)
    (tool_call,) = started["tool_calls"]  # type: ignore[misc]
    agent, found = ask([{"role": "user", "content": prompt}])
    server.call(agent)
    said += [started, {"role": "tool", "tool_call_id": tool_call["id"], "content": found["content"]}]  # type: ignore[has-type]
    last, _ = ask(said)
    assert server.call(agent)["session"] == server.call(last)["session"] == server.call(first)["session"]
    visit = Open(browser, server.base_url)
    link = server.login_link()
    page = visit(link[link.index("/ui/") :], cookie=None)
    page.get_by_role("link", name=re.compile("call Task")).click()
    expect(page.locator("#pills")).to_contain_text("agents1")
    fold = page.get_by_role("button", name="agent · Explore")
    expect(fold).to_contain_text("1 call")
    expect(page.locator(f"#{agent}")).to_have_count(0)
    order = page.locator("#main article, #main .fold-line").evaluate_all("all => all.map(e => e.id)")
    assert order == [first, "", last]
    fold.click()
    expect(page.locator(f"#{agent}")).to_contain_text(prompt)
    page.locator(f"#{agent} .sep a").click()
    page.get_by_role("tab", name="Why here").click()
    panel = page.get_by_role("tabpanel")
    expect(panel.locator(".note p")).to_contain_text("what a tool call in turn 1 told an agent to do")
    expect(panel.locator("dl")).to_contain_text("Started by")
    panel.locator("dl a").first.click()
    expect(page.locator(f"#{first}")).to_have_class(re.compile("selected"))
    assert visit.trouble == []
    visit.contexts[0].close()
