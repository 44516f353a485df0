"""The OpenAI library's Responses API, on a provider that keeps no state."""

import base64
import json
from collections.abc import Iterator

import openai
import pytest

from tests.support.server import Server, wait_for

MODEL = "gpt-4o"


@pytest.fixture
def client(demo_server: Server) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(api_key=demo_server.key, base_url=demo_server.base_url) as client:
        yield client


def ask(client: openai.OpenAI, text: str, *, stream: bool, **more: object) -> openai.types.responses.Response:
    if not stream:
        return client.responses.create(model=MODEL, input=text, **more)  # type: ignore[call-overload, no-any-return]
    with client.responses.stream(model=MODEL, input=text, **more) as events:  # type: ignore[arg-type]
        for _ in events:
            pass
        return events.get_final_response()


def test_a_chain_knows_all_that_was_said(client: openai.OpenAI, demo_server: Server, *, stream: bool) -> None:
    first = ask(client, "My name is Ada.", stream=stream)
    assert first.id.startswith("resp_")
    assert first.status == "completed"
    second = ask(client, "And my city is Turin.", stream=stream, previous_response_id=first.id)
    third = ask(client, "Go on.", stream=stream, previous_response_id=second.id)
    assert "turn 3" in third.output_text
    assert third.previous_response_id == second.id
    fork = ask(client, "Something else.", stream=stream, previous_response_id=first.id)
    assert "turn 2" in fork.output_text
    calls = wait_for(
        lambda: [c for c in demo_server.get("/api/calls?limit=200")["data"] if c["id"][5:] == first.id[5:]]
    )
    session = demo_server.session(calls[0]["session_id"], calls=4)
    assert session["turns"] == 4
    added = demo_server.transcript(session["id"])["calls"]
    assert [len(c["messages"]) for c in added] == [1, 1, 1, 1]
    assert [c["call"]["source"] for c in added] == ["none", "response", "response", "response"]
    assert [c["call"]["parent_id"] for c in added] == [None, *(f"call_{r.id[5:]}" for r in (first, second, first))]
    assert added[2]["output"]["pieces"][0]["text"] == third.output_text


def test_an_answer_can_be_asked_for_again(client: openai.OpenAI) -> None:
    made = ask(client, "Hello", stream=False)
    again = client.responses.retrieve(made.id)
    assert again.output_text == made.output_text
    (item,) = client.responses.input_items.list(made.id).data
    assert item.type == "message"
    client.responses.delete(made.id)
    with pytest.raises(openai.NotFoundError):
        client.responses.retrieve(made.id)
    with pytest.raises(openai.NotFoundError) as refused:
        ask(client, "More", stream=False, previous_response_id=made.id)
    assert refused.value.code == "previous_response_not_found"


def test_unknown_deleted_and_foreign_ids_are_alike(client: openai.OpenAI, demo_server: Server) -> None:
    theirs = json.loads(demo_server.cli("keys", "create", "--project", "elsewhere", "--json"))["key"]
    made = ask(client, "Secret", stream=False)
    with openai.OpenAI(api_key=theirs, base_url=demo_server.base_url) as other:
        with pytest.raises(openai.NotFoundError) as foreign:
            ask(other, "More", stream=False, previous_response_id=made.id)
        unknown_id = "resp_" + "0" * len(made.id[5:])
        with pytest.raises(openai.NotFoundError) as unknown:
            ask(other, "More", stream=False, previous_response_id=unknown_id)

        def told(error: openai.NotFoundError, given: str) -> str:
            body = dict(error.body)  # type: ignore[call-overload]
            body.pop("request_id")
            return json.dumps(body).replace(given, "ID")

        assert told(foreign.value, made.id) == told(unknown.value, unknown_id)


def test_ids_wrapped_by_the_litellm_sdk_are_ours(client: openai.OpenAI) -> None:
    made = ask(client, "Hello", stream=False)
    text = f"litellm:custom_llm_provider:openai;model_id:None;response_id:{made.id}"
    wrapped = "resp_" + base64.b64encode(text.encode()).decode()
    assert "turn 2" in ask(client, "More", stream=False, previous_response_id=wrapped).output_text


def test_tools_and_their_results(client: openai.OpenAI) -> None:
    tool = {
        "type": "function",
        "name": "look_up",
        "description": "Looks a thing up.",
        "parameters": {"type": "object", "properties": {"what": {"type": "string"}}, "required": ["what"]},
    }
    made = client.responses.create(model=MODEL, input="Find cats", tools=[tool])  # type: ignore[list-item]
    (call,) = made.output
    assert call.type == "function_call"
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "42 cats"}
    done = client.responses.create(
        model=MODEL,
        input=[result],
        previous_response_id=made.id,
        tools=[tool],  # type: ignore[list-item]
    )
    assert "42 cats" in done.output_text


def test_an_explicit_session_wins_over_the_chain(client: openai.OpenAI, demo_server: Server) -> None:
    first = ask(client, "One", stream=False)
    client.responses.create(
        model=MODEL, input="Two", previous_response_id=first.id, extra_headers={"x-session-id": "mine-responses"}
    )
    assert demo_server.session("mine-responses", calls=1)["source"] == "id"


def test_what_is_not_to_be_stored_is_not(client: openai.OpenAI, demo_server: Server, *, stream: bool) -> None:
    secret = f"unkept-{stream}"
    made = ask(client, f"My secret is {secret}", stream=stream, store=False)
    assert secret in made.output_text
    with pytest.raises(openai.NotFoundError):
        ask(client, "More", stream=stream, previous_response_id=made.id)
    call = f"call_{made.id[5:]}"
    found = wait_for(
        lambda: [c for c in demo_server.get("/api/calls?limit=200")["data"] if c["id"] == call and c["status"] == "ok"]
    )
    assert found[0]["input_tokens"] == made.usage.input_tokens  # type: ignore[union-attr]
    assert secret not in json.dumps(demo_server.get(f"/api/calls/{call}/request"))
    assert secret not in json.dumps(demo_server.get(f"/api/calls/{call}/response"))
    stored = [p for p in demo_server.data_dir.rglob("*") if p.is_file()]
    assert not any(secret.encode() in p.read_bytes() for p in stored)
