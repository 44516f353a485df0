"""Replaying a session at its page: what it will cost, how far it is, how it is stopped, and what came out."""

import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.support.server import Server, running_server, wait_for
from tests.support.upstream import FakeUpstream, Received, Reply, chat_json, default_reply
from tests.ui.conftest import Open

DOCS = Path(__file__).parents[2] / "docs"
CONFIG = """
models:
  - name: large
    model: openai/gpt-4o
    base_url: {base}
    api_key: sk-up
    price: {{input: 1000, output: 10000}}
  - name: small
    model: openai/gpt-4o-mini
    base_url: {base}
    api_key: sk-up
    price: {{input: 100, output: 1000}}
  - name: long-*
    model: openai/gpt-4o-mini
    base_url: {base}
    api_key: sk-up
"""


@pytest.fixture(scope="module")
def provider() -> Iterator[FakeUpstream]:
    with FakeUpstream() as started:
        yield started


@pytest.fixture(scope="module")
def gateway(provider: FakeUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(
        tmp_path_factory.mktemp("replay"), config=CONFIG.format(base=provider.base_url), args=["--workers", "2"]
    ) as server:
        yield server


@pytest.fixture
def visit(browser: Browser, gateway: Server, provider: FakeUpstream) -> Iterator[Open]:
    provider.reset()
    provider.default = default_reply
    opened = Open(browser, gateway.base_url)
    yield opened
    provider.default = default_reply
    assert opened.trouble == []
    for context in opened.contexts:
        context.close()


def shorter(request: Received) -> Reply:
    """As a small model would."""
    body = request.json
    return Reply(chat_json({**body, "messages": [{"role": "user", "content": f"{len(body['messages'])} things"}]}))


def asked(gateway: Server, name: str, turns: int) -> None:
    said = []
    for n in range(turns):
        said.append({"role": "user", "content": f"Question {n} of {name}"})
        body = {"model": "large", "messages": said, "metadata": {"session_id": name}}
        said.append(gateway.post("/v1/chat/completions", body).json["choices"][0]["message"])
    gateway.session(name, calls=turns)


def begin(visit: Open, gateway: Server, name: str) -> tuple[Page, Locator]:
    """The session's page, and its box."""
    link = gateway.login_link()
    page = visit(link[link.index("/ui/") :], cookie=None)
    page.goto(f"{gateway.base_url}/ui/sessions/{name}")
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Replay").click()
    return page, page.get_by_role("dialog", name="Replay this session")


def test_a_session_on_another_model_and_what_came_out(visit: Open, gateway: Server, provider: FakeUpstream) -> None:
    asked(gateway, "compared", 3)
    provider.default = shorter
    page, box = begin(visit, gateway, "compared")
    start = box.get_by_role("button", name="Replay")
    expect(start).to_be_disabled()
    for name in ("large", "small"):
        expect(box.locator(f"option[value={name}]")).to_have_count(1)
    box.get_by_label("Model").fill("smal")
    expect(box.get_by_role("alert")).to_contain_text("smal")
    expect(start).to_be_disabled()
    box.get_by_label("Model").fill("small")
    expect(box.locator(".plan")).to_contain_text("3 calls")
    plan = gateway.get("/api/sessions/compared/replay?model=small")
    assert plan["estimate"] == pytest.approx(plan["cost"] / 10)
    costs = re.compile(r"They cost \$0\.\d+\. With this model the same tokens cost about \$0\.\d+\.")
    expect(box.locator(".plan")).to_contain_text(costs)
    page.keyboard.press("Enter")
    expect(box.get_by_text("3 of 3 calls answered")).to_be_visible()
    box.get_by_role("link", name="Compare").click()
    page.wait_for_url(re.compile(r"/ui/compare\?a=ses_.*&b=ses_"))
    expect(page.get_by_text("You said: 5 things")).to_be_visible()
    expect(page.get_by_text("cheaper").first).to_be_visible()
    page.get_by_role("link", name=re.compile("· small")).first.click()
    expect(page.locator("#title")).to_have_text("Question 0 of compared · small")
    expect(page.get_by_role("link", name="replay of compared")).to_have_attribute("href", re.compile(r"ses_.*#call_"))
    page.get_by_role("link", name="compare", exact=True).click()
    page.wait_for_url(re.compile(r"/ui/compare"))


def test_failures_are_told(visit: Open, gateway: Server, provider: FakeUpstream) -> None:
    asked(gateway, "failing", 3)
    refusal = {"error": {"message": "<b>no</b> tools here", "type": "invalid_request_error"}}
    provider.default = Reply(json.dumps(refusal).encode(), status=400)
    _, box = begin(visit, gateway, "failing")
    box.get_by_label("Model").fill("small")
    box.get_by_role("button", name="Replay").click()
    expect(box.get_by_text("3 of 3 calls answered, 3 of them failed")).to_be_visible()
    expect(box.locator(".failures")).to_have_text("3 × <b>no</b> tools here")
    expect(box.get_by_role("link", name="Compare")).to_be_visible()


def test_it_can_be_stopped(visit: Open, gateway: Server, provider: FakeUpstream) -> None:
    asked(gateway, "stopped", 6)
    provider.requests.clear()
    provider.default = Reply(silent=True)
    page, box = begin(visit, gateway, "stopped")
    box.get_by_label("Model").fill("small")
    box.get_by_role("button", name="Replay").click()
    wait_for(lambda: len(provider.requests) == 4, what="as many calls as are asked at once")
    page.keyboard.press("Escape")  # by mistake
    box.get_by_role("button", name="Stop").click()
    expect(box.get_by_text("Stopped: 0 of 6 calls answered")).to_be_visible()
    expect(box.get_by_role("link", name="Open it")).to_be_visible()
    assert len(provider.requests) == 4
    box.get_by_role("button", name="Close").click()
    expect(box).not_to_be_attached()


def test_a_box_that_is_closed_all_the_same_asks_nothing_more(
    visit: Open, gateway: Server, provider: FakeUpstream
) -> None:
    asked(gateway, "closed", 6)
    provider.requests.clear()
    provider.default = Reply(silent=True)
    page, box = begin(visit, gateway, "closed")
    box.get_by_label("Model").fill("small")
    expect(box.locator(".plan")).to_contain_text("6 calls")
    page.keyboard.down("Enter")
    page.keyboard.down("Enter")  # held: as often as the keyboard says so
    wait_for(lambda: len(provider.requests) == 4, what="as many calls as are asked at once")
    page.keyboard.up("Enter")
    expect(box.get_by_role("button", name="Stop")).to_be_visible()
    for _ in range(4):
        page.keyboard.press("Escape")
    expect(box).not_to_be_attached()
    wait_for(lambda: gateway.get("/api/sessions?filter=live:yes")["data"] == [], what="the end of all calls")
    assert len(provider.requests) == 4


def test_only_what_was_planned_is_asked(visit: Open, gateway: Server, provider: FakeUpstream) -> None:
    asked(gateway, "meanwhile", 2)
    page, box = begin(visit, gateway, "meanwhile")
    box.get_by_label("Model").fill("small")
    expect(box.locator(".plan")).to_contain_text("2 calls")
    said = [{"role": "user", "content": "Question 0 of meanwhile"}]
    for n in (1, 2):
        said += [
            {"role": "assistant", "content": f"You said: Question {n - 1} of meanwhile"},
            {"role": "user", "content": f"Question {n} of meanwhile"},
        ]
    gateway.post("/v1/chat/completions", {"model": "large", "messages": said, "metadata": {"session_id": "meanwhile"}})
    gateway.session("meanwhile", calls=3)
    page.keyboard.press("Enter")
    expect(box.get_by_text("2 of 2 calls answered")).to_be_visible()


def test_long_words_stay_in_the_box(visit: Open, gateway: Server, provider: FakeUpstream) -> None:
    asked(gateway, "wide", 1)
    refusal = {"error": {"message": "x" * 480, "type": "invalid_request_error"}}
    provider.default = Reply(json.dumps(refusal).encode(), status=400)
    page, box = begin(visit, gateway, "wide")
    page.set_viewport_size({"width": 390, "height": 800})
    box.get_by_label("Model").fill("long-" + "m" * 200)
    box.get_by_role("button", name="Replay").click()
    expect(box.locator(".failures")).to_contain_text("xxx")
    assert box.evaluate("box => box.scrollWidth") <= 390


def test_a_branch_is_replayed_where_one_is_selected(visit: Open, gateway: Server, provider: FakeUpstream) -> None:
    asked(gateway, "branched", 3)
    body = {"model": "large", "messages": [{"role": "user", "content": "Another beginning"}]}
    gateway.post("/v1/chat/completions", {**body, "metadata": {"session_id": "branched"}})
    gateway.session("branched", calls=4)
    page, box = begin(visit, gateway, "branched")
    expect(box).to_contain_text("The calls on the branch that is selected are asked")
    box.get_by_label("Model").fill("small")
    expect(box.locator(".plan")).to_contain_text("3 calls,")
    box.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Another beginning").first.click()
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Replay").click()
    box.get_by_label("Model").fill("small")
    expect(box.locator(".plan")).to_contain_text("1 call,")


TRIP = {
    "Plan a weekend in Lisbon for two. We like food and old trams.": (
        "**Saturday:** Alfama early, tram 28 before the crowds, lunch at the market, sunset at Graça.\n\n"
        "**Sunday:** Belém, the monastery, and pastéis while they are warm.",
        "Saturday: Alfama and tram 28. Sunday: Belém.",
    ),
    "What will that cost, without the flights?": (
        "About 640 euros for two: hotel 280, food 260, museums 60, trams and trains 40.",
        "Roughly 500 euros.",
    ),
    "And if it rains?": (
        "Then the tile museum, the aquarium, and a very long lunch.",
        "Then the tile museum and the aquarium.",
    ),
}


def guide(request: Received) -> Reply:
    body = request.json
    large, small = TRIP[body["messages"][-1]["content"]]
    said = small if body["model"].endswith("mini") else large
    message = {"role": "assistant", "content": said}
    usage = {"prompt_tokens": len(request.body) // 4, "completion_tokens": len(said) // 4}
    answer = {"id": "c", "object": "chat.completion", "model": body["model"], "usage": usage}
    answer["choices"] = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return Reply(json.dumps(answer).encode(), delay=0.2 if said == small else 0.6)


@pytest.mark.parametrize(("name", "width", "scheme"), [("replay", 1440, "light"), ("replay-narrow", 390, "dark")])
def test_pictures(
    browser: Browser, gateway: Server, provider: FakeUpstream, tmp_path: Path, name: str, width: int, scheme: str
) -> None:
    provider.default = guide
    said: list[dict[str, str]] = []
    for question in TRIP:
        said.append({"role": "user", "content": question})
        body = {"model": "large", "messages": said, "metadata": {"session_id": name}}
        said.append(gateway.post("/v1/chat/completions", body).json["choices"][0]["message"])
    gateway.session(name, calls=len(TRIP))
    opened = Open(browser, gateway.base_url)
    link = gateway.login_link()
    page = opened(
        link[link.index("/ui/") :], cookie=None, viewport={"width": width, "height": 900}, color_scheme=scheme
    )
    page.goto(f"{gateway.base_url}/ui/sessions/{name}")
    page.get_by_role("button", name="More").click()
    page.get_by_role("menuitem", name="Replay").click()
    page.get_by_label("Model").fill("small")
    page.get_by_role("dialog").get_by_text("3 calls").wait_for()
    picture = Path(os.environ.get("SESSIONARY_PICTURES") or tmp_path) / f"{name}.png"
    page.screenshot(path=picture, animations="disabled")
    assert picture.stat().st_size > 20_000
    assert "images/replay.png" in (DOCS / "how-to" / "replay.md").read_text()
    page.keyboard.press("Enter")
    page.get_by_role("dialog").get_by_role("link", name="Compare").click()
    page.locator("#compare.ready").wait_for()
    for context in opened.contexts:
        context.close()
    assert opened.trouble == []
