"""`completion` and `responses` over the OpenAI library: what reaches the wire, and how answers are read."""

import asyncio
import copy
import json
import pickle
from collections.abc import Iterator
from typing import Any

import openai
import pydantic
import pytest

import sessionary
import sessionary as litellm
from sessionary.client import arguments
from tests.support.capture import gateway_like, response_id, root, session_headers
from tests.support.upstream import FakeUpstream, Reply

MESSAGES = [{"role": "user", "content": "Hello"}]
HELLO = "You said: Hello"
VARIABLES = (*arguments.BASE_URLS, *arguments.API_KEYS)


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeUpstream]:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with gateway_like() as server:
        yield server


@pytest.fixture
def where(gateway: FakeUpstream) -> dict[str, Any]:
    return {"api_base": root(gateway), "api_key": "sk-mine"}


@pytest.mark.parametrize("model", ["gpt-4o", "openai/gpt-4o", "litellm_proxy/gpt-4o", "anthropic/claude-sonnet-4-5"])
def test_completion_as_people_write_it(gateway: FakeUpstream, where: dict[str, Any], model: str) -> None:
    metadata = {"litellm_session_id": "mine", "tags": ["a", "b"], "depth": {"n": 1}}
    answer = litellm.completion(model=model, messages=MESSAGES, metadata=metadata, temperature=0.5, **where)
    assert answer.choices[0].message.content == HELLO
    assert answer["choices"][0]["message"]["content"] == HELLO
    assert isinstance(answer, openai.types.chat.ChatCompletion)
    (request,) = gateway.requests
    assert request.path == "/chat/completions"
    assert request.headers["authorization"] == "Bearer sk-mine"
    assert request.json == {"model": model, "messages": MESSAGES, "metadata": metadata, "temperature": 0.5}


def test_answers_are_the_librarys_models_in_every_way(gateway: FakeUpstream, where: dict[str, Any]) -> None:
    answer = litellm.completion("gpt-4o", MESSAGES, **where)
    for same in (answer, copy.deepcopy(answer), pickle.loads(pickle.dumps(answer)), answer.model_copy()):
        assert same == answer
        assert same["choices"][0]["message"]["content"] == HELLO
        assert json.loads(same.model_dump_json()) == answer.model_dump(mode="json")
        assert "usage" in same
        assert same.get("no such field") is None
    litellm.completion("gpt-4o", [*MESSAGES, answer.choices[0].message, MESSAGES[0]], **where)
    assert [m["content"] for m in gateway.bodies[-1]["messages"]] == ["Hello", HELLO, "Hello"]
    made = litellm.responses("hi", "gpt-4o", **where)
    litellm.responses([*made.output, {"role": "user", "content": "and"}], "gpt-4o", **where)
    assert gateway.bodies[-1]["input"][0]["content"][0]["text"] == "hi"


def test_a_streamed_completion(gateway: FakeUpstream, where: dict[str, Any]) -> None:
    chunks = litellm.completion("gpt-4o", MESSAGES, stream=True, **where)
    texts = [(c.choices[0].delta.content or "", c["choices"][0]["delta"].get("content", "") or "") for c in chunks]
    assert "".join(a for a, _ in texts) == "".join(b for _, b in texts) == HELLO
    with litellm.completion("gpt-4o", MESSAGES, stream=True, **where) as cut:
        assert next(cut)
        assert cut.response.headers["x-call-id"]


async def test_asynchronous(gateway: FakeUpstream, where: dict[str, Any]) -> None:
    answer = await litellm.acompletion(model="gpt-4o", messages=MESSAGES, **where)
    assert answer["choices"][0].message["content"] == HELLO
    chunks = await litellm.acompletion(model="gpt-4o", messages=MESSAGES, stream=True, **where)
    assert "".join([c.choices[0].delta.content or "" async for c in chunks]) == HELLO
    async with await litellm.acompletion(model="gpt-4o", messages=MESSAGES, stream=True, **where) as cut:
        assert await anext(cut)
    first = await litellm.aresponses(model="gpt-4o", input="hi", **where)
    events = await litellm.aresponses(model="gpt-4o", input="and", previous_response_id=first.id, stream=True, **where)
    assert [e.type async for e in events][-1] == "response.completed"
    assert gateway.bodies[-1]["previous_response_id"] == first.id


def test_each_event_loop_has_its_own_client(gateway: FakeUpstream, where: dict[str, Any]) -> None:
    async def three() -> None:
        await asyncio.gather(*(litellm.acompletion("gpt-4o", MESSAGES, **where) for _ in range(3)))

    for _ in range(3):
        asyncio.run(three())
    assert len(gateway.requests) == 9


def test_responses(gateway: FakeUpstream, where: dict[str, Any]) -> None:
    first = litellm.responses(model="anthropic/claude-sonnet-4-5", input="hi", instructions="Be brief.", **where)
    assert (first.id, first["id"], first.output_text) == (response_id(0), response_id(0), "hi")
    second = litellm.responses("and", "gpt-4o", previous_response_id=first.id, store=False, **where)
    assert second.previous_response_id == first.id
    assert [r.path for r in gateway.requests] == ["/responses"] * 2
    assert gateway.bodies[0] == {"model": "anthropic/claude-sonnet-4-5", "input": "hi", "instructions": "Be brief."}
    assert gateway.bodies[1] == {
        "model": "gpt-4o", "input": "and", "previous_response_id": first.id, "store": False
    }  # fmt: skip
    *_, last = litellm.responses(model="gpt-4o", input=[{"role": "user", "content": "x"}], stream=True, **where)
    assert last["response"]["output"][0]["content"][0]["text"] == "hi"


def test_arguments_that_the_library_does_not_know_go_into_the_body(
    gateway: FakeUpstream, where: dict[str, Any]
) -> None:
    litellm.completion(
        model="claude", messages=MESSAGES, custom_llm_provider="anthropic", thinking={"type": "enabled"}, top_k=3,
        litellm_session_id="mine", extra_body={"top_k": 4}, extra_headers={"x-a": "1"}, headers={"x-b": "2"},
        drop_params=True, num_retries=0, timeout=30, seed=None, caching=True, **where,
    )  # fmt: skip
    (request,) = gateway.requests
    assert request.json == {
        "model": "anthropic/claude",
        "messages": MESSAGES,
        "thinking": {"type": "enabled"},
        "top_k": 4,
        "litellm_session_id": "mine",
    }
    assert (request.headers["x-a"], request.headers["x-b"]) == ("1", "2")


@pytest.mark.parametrize("name", arguments.REFUSED)
def test_arguments_that_would_change_the_answer_are_refused(where: dict[str, Any], name: str) -> None:
    with pytest.raises(TypeError, match=name):
        litellm.completion(model="gpt-4o", messages=MESSAGES, **{name: ["x"]}, **where)


def test_a_class_as_the_answers_schema(gateway: FakeUpstream, where: dict[str, Any]) -> None:
    class City(pydantic.BaseModel):
        name: str

    litellm.completion(model="gpt-4o", messages=MESSAGES, response_format=City, **where)
    litellm.responses(model="gpt-4o", input="hi", text_format=City, **where)
    chat, response = gateway.bodies
    schema = chat["response_format"]["json_schema"]
    assert (schema["name"], schema["strict"], list(schema["schema"]["properties"])) == ("City", True, ["name"])
    assert response["text"]["format"] == {"type": "json_schema", **schema}


def test_the_active_session_and_an_id_of_the_calls_own(gateway: FakeUpstream, where: dict[str, Any]) -> None:
    with sessionary.session("active", name="n"):
        litellm.completion("gpt-4o", MESSAGES, **where)
        litellm.completion("gpt-4o", MESSAGES, metadata={"litellm_session_id": "own"}, **where)
        litellm.completion("gpt-4o", MESSAGES, extra_headers={"X-Session-Id": "own"}, **where)
    assert [session_headers(r) for r in gateway.requests] == [
        {"x-session-id": "active", "x-session-name": "n"},
        {"x-session-id": "own"},
        {"x-session-id": "own"},
    ]


def test_where_the_gateway_is(gateway: FakeUpstream, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("OPENAI_API_KEY", "sk-openai")
    monkeypatch.setenv("SESSIONARY_BASE_URL", gateway.base_url)
    litellm.completion("gpt-4o", MESSAGES)
    monkeypatch.setenv("SESSIONARY_BASE_URL", "http://127.0.0.1:1")
    monkeypatch.setattr(sessionary, "api_base", root(gateway), raising=False)
    monkeypatch.setattr(sessionary, "api_key", "sk-set", raising=False)
    litellm.completion("gpt-4o", MESSAGES)
    litellm.completion("gpt-4o", MESSAGES, base_url=gateway.base_url, api_key="sk-given")
    assert [(r.path, r.headers["authorization"]) for r in gateway.requests] == [
        ("/v1/chat/completions", "Bearer sk-openai"),
        ("/chat/completions", "Bearer sk-set"),
        ("/v1/chat/completions", "Bearer sk-given"),
    ]


def test_without_any_word_it_is_this_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    call = arguments.prepare(openai.resources.chat.Completions.create, {"model": "m", "messages": []})
    assert call.where == ("http://127.0.0.1:4000", "none")


def test_errors_are_the_librarys_under_both_names(gateway: FakeUpstream, where: dict[str, Any]) -> None:
    gateway.script(Reply(b'{"error": {"message": "slow down", "code": "x"}}', status=429))
    with pytest.raises(litellm.RateLimitError) as caught:
        litellm.completion("gpt-4o", MESSAGES, num_retries=0, **where)
    assert caught.type is openai.RateLimitError
    assert vars(openai)["APITimeoutError"] is litellm.Timeout
    with pytest.raises(AttributeError):
        _ = litellm.NoSuchName
