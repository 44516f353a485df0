"""State for every provider: chains through upstreams of each format, over workers, kills and cut streams.

The upstream is a second gateway on its demo provider, which speaks all three formats over real HTTP and says which
turn of the conversation it sees.
"""

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.server import Server, running_server, wait_for

UPSTREAMS = ("by-chat", "by-responses", "by-messages")
CONFIG = """
models:
  - {{name: by-chat, model: openai-compatible/demo, base_url: {url}/v1, api_key: {key}, formats: [chat]}}
  - {{name: by-responses, model: openai/demo, base_url: {url}/v1, api_key: {key}, formats: [responses]}}
  - {{name: by-messages, model: anthropic/demo, base_url: {url}, api_key: {key}, formats: [messages]}}
"""


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, demo_server: Server) -> Iterator[Server]:
    config = CONFIG.format(url=demo_server.base_url, key=demo_server.key)
    path = tmp_path_factory.mktemp("state")
    with running_server(path, env={"SESSIONARY_WORKERS": "2"}, config=config) as server:
        yield server


def respond(server: Server, model: str, text: Any, previous: str | None = None, **more: Any) -> dict[str, Any]:
    body = {"model": model, "input": text, **more}
    if previous:
        body["previous_response_id"] = previous
    answer = server.post("/v1/responses", body)
    assert answer.status == 200, answer.body
    if not more.get("stream"):
        return dict(answer.json)
    events = [json.loads(line[6:]) for line in answer.body.decode().split("\n") if line.startswith("data: {")]
    assert [e["sequence_number"] for e in events] == list(range(len(events)))
    assert len({e["response"]["id"] for e in events if "response" in e}) == 1
    return dict(events[-1]["response"])


def text_of(response: dict[str, Any]) -> str:
    return "".join(p["text"] for i in response["output"] if i["type"] == "message" for p in i["content"])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("model", UPSTREAMS)
def test_ten_turns_over_two_workers_lose_nothing(gateway: Server, model: str, *, stream: bool) -> None:
    last: dict[str, Any] = {}
    for n in range(1, 11):
        last = respond(gateway, model, f"turn number {n}", last.get("id"), stream=stream)
        assert f"turn {n} of" in text_of(last), text_of(last)
        assert last["id"].startswith("resp_")
    call = f"call_{last['id'][5:]}"

    def recorded() -> list[dict[str, Any]]:
        return [c for c in gateway.get("/api/calls?limit=200")["data"] if c["id"] == call]

    session = wait_for(recorded, what="the last call")[0]["session"]
    found = gateway.session(session, calls=10)
    assert found["turns"] == 10


def test_a_conversation_changes_provider_and_format_between_turns(gateway: Server) -> None:
    one = respond(gateway, "by-messages", "first")
    two = respond(gateway, "by-chat", "second", one["id"])
    three = respond(gateway, "by-responses", "third", two["id"], stream=True)
    assert "turn 3 of" in text_of(three)
    history = [
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": text_of(one)},
        {"role": "user", "content": "second"},
        {"role": "assistant", "content": text_of(two)},
        {"role": "user", "content": "fourth, by chat"},
    ]
    chat = gateway.post("/v1/chat/completions", {"model": "by-messages", "messages": history}).json
    assert "turn 3 of" in chat["choices"][0]["message"]["content"]
    history += [{"role": "assistant", "content": chat["choices"][0]["message"]["content"]}]
    said = gateway.post(
        "/v1/messages",
        {"model": "by-responses", "max_tokens": 300, "messages": [*history, {"role": "user", "content": "fifth"}]},
    ).json
    assert "turn 4 of" in said["content"][0]["text"]


@pytest.mark.parametrize("caller", ["chat", "responses", "messages"])
@pytest.mark.parametrize("model", UPSTREAMS)
@pytest.mark.parametrize("stream", [False, True])
def test_every_format_reaches_every_upstream(gateway: Server, caller: str, model: str, *, stream: bool) -> None:
    bodies: dict[str, tuple[str, dict[str, Any]]] = {
        "chat": ("/v1/chat/completions", {"messages": [{"role": "user", "content": "Hello there"}]}),
        "responses": ("/v1/responses", {"input": "Hello there"}),
        "messages": ("/v1/messages", {"max_tokens": 300, "messages": [{"role": "user", "content": "Hello there"}]}),
    }
    path, body = bodies[caller]
    session = f"{caller}-{model}-{stream}"
    body |= {"metadata": {"litellm_session_id": session, "team": "search"}}
    answer = gateway.post(path, {"model": model, "stream": stream, **body})
    assert answer.status == 200, answer.body
    assert b"Hello there" in answer.body.replace(b'"}', b"") or stream
    found = gateway.session(session, calls=1)
    assert found["status"] == "ok"
    assert found["input_tokens"] > 0
    assert found["output_tokens"] > 0
    (call,) = gateway.transcript(session)["calls"]
    assert call["call"]["estimated"] is False  # also where the client did not ask for a stream's usage
    assert (b'"usage"' in answer.body) == (caller != "chat" or not stream)
    assert "Hello there" in call["output"]["pieces"][0]["text"]
    assert call["messages"][0]["pieces"][0]["text"] == "Hello there"


def test_an_id_works_after_kill_9(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        first = respond(server, "gpt-4o", "first")
        second = respond(server, "gpt-4o", "second", first["id"])
        server.kill9()
        server.restart()
        third = respond(server, "gpt-4o", "third", second["id"])
        assert "turn 3 of" in text_of(third)


def test_a_stream_that_was_cut_has_said_what_it_delivered(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        first = respond(server, "gpt-4o", "first")
        connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
        body = json.dumps({"model": "gpt-4o", "input": "second", "stream": True, "previous_response_id": first["id"]})
        headers = {"authorization": f"Bearer {server.key}", "content-type": "application/json"}
        connection.request("POST", "/v1/responses", body, headers)
        answer = connection.getresponse()
        seen = b""
        while seen.count(b"output_text.delta") < 6:
            seen += answer.read1(2000)
        connection.close()
        cut = json.loads(seen.split(b"data: ")[1].split(b"\n")[0])["response"]["id"]
        delivered = "".join(
            json.loads(line[6:])["delta"]
            for line in seen.decode().split("\n")
            if line.startswith('data: {"type":"response.output_text.delta"') and line.endswith("}")
        )
        third = respond(server, "gpt-4o", "third", cut)
        assert "turn 3 of" in text_of(third)
        again = server.get(f"/v1/responses/{cut}")
        assert text_of(again).startswith(delivered[:10])


def test_forks_see_their_own_path(gateway: Server) -> None:
    root = respond(gateway, "by-messages", "root")
    left = respond(gateway, "by-messages", "left", root["id"])
    right = respond(gateway, "by-messages", "right", root["id"])
    deeper = respond(gateway, "by-messages", "deeper", left["id"])
    assert "turn 2 of" in text_of(right)
    assert "turn 3 of" in text_of(deeper)
