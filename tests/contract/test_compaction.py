"""Conversations that are made short, by the OpenAI library: a summary where the provider has nothing of its own."""

import json
from collections.abc import Iterator

import openai
import pytest

from tests.support.server import Server, running_server, wait_for
from tests.support.upstream import FakeUpstream, Received, Reply, chat_json

CONFIG = """
models:
  - {{name: by-chat, model: openai-compatible/demo, base_url: {url}/v1, api_key: {key}, formats: [chat]}}
  - {{name: by-responses, model: openai/demo, base_url: {url}/v1, api_key: {key}, formats: [responses]}}
  - {{name: by-messages, model: anthropic/demo, base_url: {url}, api_key: {key}, formats: [messages]}}
  - {{name: scripted, model: openai-compatible/scripted, base_url: {scripted}, api_key: none}}
"""
MODELS = ("by-chat", "by-responses", "by-messages")


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, demo_server: Server, shared_upstream: FakeUpstream
) -> Iterator[Server]:
    config = CONFIG.format(url=demo_server.base_url, key=demo_server.key, scripted=shared_upstream.base_url)
    with running_server(tmp_path_factory.mktemp("compaction"), config=config) as server:
        yield server


@pytest.fixture
def client(gateway: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=gateway.key, base_url=f"{gateway.base_url}/v1", max_retries=0) as client:
        yield client


@pytest.mark.parametrize("model", MODELS)
def test_a_conversation_is_made_short_and_goes_on(client: openai.OpenAI, gateway: Server, model: str) -> None:
    first = client.responses.create(model=model, input="My name is Ada.")
    second = client.responses.create(model=model, input="My city is Turin.", previous_response_id=first.id)
    compacted = client.responses.compact(model=model, previous_response_id=second.id)
    assert compacted.object == "response.compaction"
    assert [item.type for item in compacted.output] == ["message", "message", "compaction"]
    assert compacted.usage.total_tokens > 0
    output = [item.to_dict(warnings=False) for item in compacted.output]
    for other in MODELS:  # the summary is understood by every provider
        more = client.responses.create(model=other, input=[*output, {"role": "user", "content": "Go on."}])  # type: ignore[list-item]
        assert more.status == "completed"
    with pytest.raises(openai.NotFoundError):
        client.responses.create(model=model, input="x", previous_response_id=compacted.id)
    call = wait_for(lambda: _call(gateway, first.id))
    session = gateway.session(call["session_id"], calls=6)  # what goes on from the summary is of it, too
    assert session["turns"] == 5


def _call(gateway: Server, id: str) -> dict[str, str] | None:
    answer = gateway.request("GET", f"/api/calls/call_{id[5:]}")
    return dict(answer.json) if answer.status == 200 else None


def test_the_model_is_told_everything_and_then_the_summary(client: openai.OpenAI, upstream: FakeUpstream) -> None:
    upstream.script(_summary)
    compacted = client.responses.compact(
        model="scripted",
        instructions="Be brief.",
        input=[
            {"role": "user", "content": "Where is the key?"},
            {"type": "function_call", "call_id": "c1", "name": "look", "arguments": '{"room": "hall"}'},
            {"type": "function_call_output", "call_id": "c1", "output": "under the mat"},
            {"role": "assistant", "content": "Under the mat."},
        ],
    )
    asked = upstream.requests[-1].json
    assert asked["model"] == "scripted"
    (message,) = asked["messages"]
    for told in ("Be brief.", "Where is the key?", "look", "hall", "under the mat", "Under the mat."):
        assert told in message["content"]
    output = [item.to_dict(warnings=False) for item in compacted.output]
    assert output[0]["content"][0]["text"] == "Where is the key?"
    client.responses.create(model="scripted", input=[*output, {"role": "user", "content": "And now?"}])  # type: ignore[list-item]
    told = json.dumps(upstream.requests[-1].json["messages"])
    assert "SUMMARY" in told
    assert [m["role"] for m in upstream.requests[-1].json["messages"]][-1] == "user"


def _summary(asked: Received) -> Reply:
    body = json.loads(chat_json(asked.json))
    body["choices"][0]["message"]["content"] = "SUMMARY: the key is under the mat"
    return Reply(json.dumps(body).encode())


def test_a_model_must_be_named(gateway: Server) -> None:
    answer = gateway.post("/v1/responses/compact", {"input": "x"})
    assert answer.status == 400
    assert answer.json["error"]["code"] == "missing_model"
