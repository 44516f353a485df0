"""What is kept and asked for again, lists, counts and the gateway's own errors: each body as it is published."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from anthropic.types import MessageTokensCount
from openai.types import Model
from openai.types.conversations import Conversation, ConversationDeletedResource, ConversationItem
from openai.types.responses import ResponseItem
from websockets.sync.client import connect

from tests.support import order
from tests.support.published import unlike, wrong, wrong_answer, wrong_error, wrong_in_stream
from tests.support.server import Answer, Server, running_server, wait_for

Wire = dict[str, Any]
MODEL = "gpt-4o"
PNG = "data:image/png;base64,iVBORw0KGgo="
FUNCTION = {"type": "function", "name": "get_weather", "parameters": {"type": "object", "properties": {}}}
GIVEN: list[Wire] = [
    {"role": "user", "content": "Well?"},
    {"role": "user", "content": [{"type": "input_text", "text": "See:"}, {"type": "input_image", "image_url": PNG}]},
    {"role": "assistant", "content": "Let me look."},
    {"type": "function_call", "call_id": "call_1", "name": "get_weather", "arguments": "{}"},
    {"type": "function_call_output", "call_id": "call_1", "output": "Sunny."},
]


def made(server: Server, **more: Any) -> Wire:
    answer = server.post("/v1/responses", {"model": MODEL, "input": "Well?", **more})
    assert answer.status == 200, answer.body
    body: Wire = answer.json
    assert wrong_answer("responses", body) == []
    return body


def listed(body: Wire, name: str, item: Any) -> list[Wire]:
    assert wrong("openai", name, body) == []
    assert [line for each in body["data"] for line in unlike(item, each)] == []
    found: list[Wire] = body["data"]
    return found


def test_a_response_is_told_again(demo_server: Server) -> None:
    for more in ({}, {"tools": [FUNCTION]}, {"input": GIVEN, "instructions": "Be brief."}):
        body = made(demo_server, **more)
        again = demo_server.get(f"/v1/responses/{body['id']}")
        assert again == body


def test_its_input(demo_server: Server) -> None:
    body = made(demo_server, input=GIVEN)
    found = listed(
        demo_server.get(f"/v1/responses/{body['id']}/input_items?order=asc"), "ResponseItemList", ResponseItem
    )
    assert [item["type"] for item in found] == [item.get("type", "message") for item in GIVEN]
    page = demo_server.get(f"/v1/responses/{body['id']}/input_items?limit=2&after={found[-1]['id']}")
    assert len(listed(page, "ResponseItemList", ResponseItem)) == 2
    past = demo_server.get(f"/v1/responses/{body['id']}/input_items?order=asc&after={found[-1]['id']}")
    assert listed(past, "ResponseItemList", ResponseItem) == []


def test_a_response_is_deleted(demo_server: Server) -> None:
    body = made(demo_server)
    gone = demo_server.request("DELETE", f"/v1/responses/{body['id']}")
    assert gone.json == {"id": body["id"], "object": "response", "deleted": True}
    for path in ("", "/input_items"):
        answer = demo_server.request("GET", f"/v1/responses/{body['id']}{path}")
        assert answer.status == 404
        assert wrong_error("responses", answer.json) == []


def test_in_the_background(demo_server: Server) -> None:
    body = made(demo_server, background=True)
    assert body["status"] == "queued"

    def ended() -> Wire | None:
        found: Wire = demo_server.get(f"/v1/responses/{body['id']}")
        assert wrong_answer("responses", found) == []
        return found if found["status"] == "completed" else None

    assert wait_for(ended) is not None


def test_a_stream_that_is_taken_up_again(demo_server: Server) -> None:
    answer = demo_server.post("/v1/responses", {"model": MODEL, "input": "Well?", "background": True, "stream": True})
    found, done = order.events_of(answer.body)
    assert done
    assert [line for _, event in found for line in wrong_in_stream("responses", event)] == []
    last = order.responses(found)
    again = demo_server.request("GET", f"/v1/responses/{last['id']}?stream=true&starting_after=3")
    rest, done = order.events_of(again.body)
    assert done
    assert rest == found[4:]


def test_cancelled(demo_server: Server) -> None:
    body = made(demo_server, background=True, input="Tell me a long story.")
    answer = demo_server.post(f"/v1/responses/{body['id']}/cancel", {})
    assert answer.status == 200
    assert answer.json["status"] in ("cancelled", "completed")
    assert wrong_answer("responses", answer.json) == []


def test_compacted(demo_server: Server) -> None:
    answer = demo_server.post("/v1/responses/compact", {"model": MODEL, "input": GIVEN})
    assert answer.status == 200, answer.body
    both = wrong("openai", "CompactResource", answer.json) + wrong("open_responses", "CompactResource", answer.json)
    assert both == []  # the library's type of it has no user's messages, which it says are there


def test_over_a_socket(demo_server: Server) -> None:
    headers = {"authorization": f"Bearer {demo_server.key}"}
    with connect(f"ws://127.0.0.1:{demo_server.port}/v1/responses", additional_headers=headers) as connection:
        connection.send(json.dumps({"type": "response.create", "model": MODEL, "input": GIVEN, "tools": [FUNCTION]}))
        events: list[Wire] = []
        while not events or events[-1]["type"] != "response.completed":
            events.append(json.loads(connection.recv(timeout=10)))
        assert [line for event in events for line in wrong_in_stream("responses", event)] == []
        order.responses([(event["type"], event) for event in events])
        for frame in (
            "{",
            '{"type": "response.cancel"}',
            json.dumps({"type": "response.create", "input": "x"}),
            json.dumps({"type": "response.create", "model": MODEL, "input": "x", "previous_response_id": "resp_0"}),
        ):
            connection.send(frame)
            assert wrong("open_responses", "WebSocketErrorEvent", json.loads(connection.recv(timeout=10))) == []


def test_conversations(demo_server: Server) -> None:
    conversation = demo_server.post("/v1/conversations", {"metadata": {"topic": "weather"}}).json
    path = f"/v1/conversations/{conversation['id']}"
    changed = demo_server.post(path, {"metadata": {"topic": "rain"}}).json
    for each in (conversation, changed, demo_server.get(path)):
        assert wrong("openai", "ConversationResource", each) + unlike(Conversation, each) == []
    added = demo_server.post(f"{path}/items", {"items": GIVEN}).json
    assert len(listed(added, "ConversationItemList", ConversationItem)) == len(GIVEN)
    said = made(demo_server, conversation=conversation["id"], tools=[FUNCTION])
    assert said["conversation"] == {"id": conversation["id"]}
    found = listed(demo_server.get(f"{path}/items?order=asc"), "ConversationItemList", ConversationItem)
    assert len(found) == len(GIVEN) + 2
    one = demo_server.get(f"{path}/items/{found[0]['id']}")
    assert one == found[0]
    left = demo_server.request("DELETE", f"{path}/items/{found[0]['id']}").json
    assert wrong("openai", "ConversationResource", left) + unlike(Conversation, left) == []
    gone = demo_server.request("DELETE", path).json
    assert wrong("openai", "DeletedConversationResource", gone) + unlike(ConversationDeletedResource, gone) == []
    answer = demo_server.request("GET", path)
    assert answer.status == 404
    assert wrong_error("responses", answer.json) == []


def test_counts(demo_server: Server) -> None:
    counted = demo_server.post("/v1/responses/input_tokens", {"model": MODEL, "input": GIVEN, "tools": [FUNCTION]})
    assert wrong("openai", "TokenCountsResource", counted.json) == []
    said = {"model": MODEL, "messages": [{"role": "user", "content": "Well?"}]}
    counted = demo_server.post("/v1/messages/count_tokens", said)
    assert unlike(MessageTokensCount, counted.json) == []


def test_the_older_endpoints(demo_server: Server) -> None:
    said = demo_server.post("/v1/completions", {"model": MODEL, "prompt": "Once"})
    assert wrong("openai", "CreateCompletionResponse", said.json) == []
    said = demo_server.post("/v1/completions", {"model": MODEL, "prompt": "Once", "stream": True})
    found, done = order.events_of(said.body)
    assert done
    for _, chunk in found:
        for choice in chunk["choices"]:  # null until the end, as in the document's own example; its schema forgot it
            choice["finish_reason"] = choice["finish_reason"] or "stop"
        assert wrong("openai", "CreateCompletionResponse", chunk) == []
    made = demo_server.post("/v1/embeddings", {"model": MODEL, "input": ["one", "two"]})
    assert wrong("openai", "CreateEmbeddingResponse", made.json) == []


@pytest.fixture(scope="module")
def two_models(tmp_path_factory: pytest.TempPathFactory, demo_server: Server) -> Iterator[Server]:
    base = f"base_url: {demo_server.base_url}/v1, api_key: {demo_server.key}"
    models = [f"  - {{name: {name}, model: openai-compatible/demo, {base}}}" for name in ("one", "two")]
    path: Path = tmp_path_factory.mktemp("models")
    with running_server(path, config="\n".join(["max_body: 100000", "models:", *models])) as server:
        yield server


def test_models(two_models: Server) -> None:
    assert len(listed(two_models.get("/v1/models"), "ListModelsResponse", Model)) == 2
    assert wrong("openai", "Model", two_models.get("/v1/models/one")) == []


BODIES: dict[str, tuple[str, Wire]] = {
    "chat": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Well?"}]}),
    "responses": ("/v1/responses", {"input": "Well?"}),
    "messages": ("/v1/messages", {"max_tokens": 99, "messages": [{"role": "user", "content": "Well?"}]}),
}
REFUSED: list[tuple[str, int, str, Any]] = [
    ("no JSON", 400, "POST", b"{"),
    ("no object", 400, "POST", b"[]"),
    ("no model", 400, "POST", {"model": None}),
    ("no such model", 404, "POST", {"model": "three"}),
    ("no such field", 400, "POST", {"model": "one", "unheard_of": 1}),
    ("too large", 413, "POST", {"model": "one", "padding": "x" * 100_000}),
    ("no such method", 405, "PUT", {"model": "one"}),
    ("no key", 401, "POST", {"model": "one"}),
]


@pytest.mark.parametrize("format", BODIES)
@pytest.mark.parametrize(("why", "status", "method", "given"), REFUSED, ids=[each[0] for each in REFUSED])
def test_refused(two_models: Server, format: str, why: str, status: int, method: str, given: Any) -> None:
    path, body = BODIES[format]
    sent = given if isinstance(given, bytes) else json.dumps({**body, **given}).encode()
    if why == "no such field" and format == "chat":  # the provider speaks chat: what it does not know is its own affair
        sent = json.dumps({**body, "model": "one", "messages": []}).encode()
    key = "sk-wrong" if why == "no key" else two_models.key
    answer: Answer = two_models.request(method, path, body=sent, key=key)
    assert answer.status == status, answer.body
    assert answer.headers["content-type"] == "application/json"
    assert wrong_error(format, answer.json) == []


def test_an_unknown_response_to_go_on_from(two_models: Server) -> None:
    given = {"model": "one", "input": "Well?", "previous_response_id": "resp_unknown"}
    for stream in (False, True):
        answer = two_models.post("/v1/responses", {**given, "stream": stream})
        assert answer.status == 404
        assert answer.json["error"]["code"] == "previous_response_not_found"
        assert wrong_error("responses", answer.json) == []
