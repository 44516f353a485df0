"""The Python side on a real gateway: `import sessionary as litellm`, and sessions that other clients carry."""

import asyncio
from collections.abc import Iterator
from typing import Any

import anthropic
import litellm as sdk
import openai
import pytest

import sessionary
import sessionary as litellm
import sessionary.integrations.litellm as integration
from tests.support.sdk_loop import sdk_loop
from tests.support.server import Server, wait_for

MODEL = "gpt-4o"
TOOL = {
    "type": "function",
    "name": "look_up",
    "description": "Looks a thing up.",
    "parameters": {"type": "object", "properties": {"what": {"type": "string"}}, "required": ["what"]},
}


@pytest.fixture
def where(demo_server: Server) -> dict[str, Any]:
    return {"api_base": demo_server.base_url, "api_key": demo_server.key}


def test_completions_with_metadata(
    demo_server: Server, where: dict[str, Any], session_id: str, *, stream: bool
) -> None:
    messages = [{"role": "user", "content": "Hello"}]
    for _ in range(2):
        answer: Any = litellm.completion(
            model="openai/gpt-4o",
            messages=messages,
            stream=stream,
            metadata={"litellm_session_id": session_id},
            **where,
        )
        parts = [chunk["choices"][0]["delta"].get("content") or "" for chunk in answer] if stream else []
        text = "".join(parts) or answer.choices[0].message.content
        messages += [{"role": "assistant", "content": text}, {"role": "user", "content": "And?"}]
    session = demo_server.session(session_id, calls=2)
    assert (session["source"], session["turns"], session["title"]) == ("id", 2, "Hello")


@pytest.mark.parametrize("model", ["gpt-4o", "anthropic/claude-sonnet-4-5"])
def test_responses_go_on(where: dict[str, Any], model: str) -> None:
    async def talk() -> str:
        first = litellm.responses(model=model, input="My name is Ada.", **where)
        second = await litellm.aresponses(model=model, input="More", previous_response_id=first.id, **where)
        events = await litellm.aresponses(
            model=model, input="Go on", previous_response_id=second["id"], stream=True, **where
        )
        *_, last = [event async for event in events]
        text: str = last["response"]["output"][0]["content"][0]["text"]
        return text

    assert "turn 3" in asyncio.run(talk())


def test_one_session_for_two_libraries(demo_server: Server, session_id: str) -> None:
    claude = anthropic.Anthropic(api_key=demo_server.key, base_url=demo_server.base_url)
    gpt = openai.OpenAI(api_key=demo_server.key, base_url=demo_server.base_url)

    @sessionary.session(name="checker")
    def check() -> None:
        claude.messages.create(
            model="claude-demo", max_tokens=100, messages=[{"role": "user", "content": "Is it true?"}]
        )

    with claude, gpt, sessionary.session(session_id, name="Two libraries", tags=["test"]):
        gpt.chat.completions.create(model=MODEL, messages=[{"role": "user", "content": "Hello"}])
        gpt.responses.create(model=MODEL, input="Hello")
        check()
    session = demo_server.session(session_id, calls=3)
    assert (session["source"], session["title"], session["tags"]) == ("id", "Two libraries", ["test"])
    calls = [c["call"] for c in demo_server.transcript(session_id)["calls"]]
    assert [c["agent"] for c in calls] == ["", "", "checker"]
    assert [c["endpoint"] for c in calls] == ["chat.completions", "responses", "messages"]


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    integration.install()
    with sdk_loop() as loop:
        yield loop
    integration.uninstall()


@pytest.fixture(params=["sync", "async"])
def respond(request: pytest.FixtureRequest, where: dict[str, Any], loop: asyncio.AbstractEventLoop) -> Any:
    """The LiteLLM SDK's `responses`, in either way: the whole response, and the id it had from the start."""

    def sync(**arguments: Any) -> tuple[Any, str]:
        answer: Any = sdk.responses(**where, **arguments)
        if not arguments["stream"]:
            return answer, answer.id
        events = list(answer)
        return events[-1].response, events[0].response.id

    async def asynchronous(**arguments: Any) -> tuple[Any, str]:
        answer: Any = await sdk.aresponses(**where, **arguments)
        if not arguments["stream"]:
            return answer, answer.id
        events = [event async for event in answer]
        return events[-1].response, events[0].response.id

    if request.param == "sync":
        return sync
    return lambda **arguments: loop.run_until_complete(asynchronous(**arguments))


@pytest.mark.filterwarnings("ignore:Accessing the 'model_")  # the SDK's own, in its streams
@pytest.mark.parametrize("model", ["anthropic/claude-sonnet-4-5", "litellm_proxy/gpt-4o", "openai/gpt-4o"])
def test_the_litellm_sdk_chains(respond: Any, demo_server: Server, model: str, *, stream: bool) -> None:
    """Three turns without any session id: each knows what was said, and they are one session."""
    first, given = respond(model=model, input="My name is Ada.", stream=stream)
    calls = [integration.inner_id(given)]
    for turn in (2, 3):
        answer, given = respond(model=model, input="Go on", previous_response_id=given, stream=stream)
        assert f"turn {turn}" in answer.output[0].content[0].text
        calls.append(integration.inner_id(given))
    recorded = [demo_server.call(call.replace("resp_", "call_")) for call in calls]
    assert [c["source"] for c in recorded] == ["none", "response", "response"]
    assert {c["session_id"] for c in recorded} == {recorded[0]["session_id"]}
    assert [c["parent_id"] for c in recorded] == [None, *(c["id"] for c in recorded[:-1])]
    assert first.status == "completed"


def test_a_tool_result_alone_after_a_call_of_the_sdk(respond: Any, *, stream: bool) -> None:
    model = "anthropic/claude-sonnet-4-5"
    asked, given = respond(model=model, input="Find cats", tools=[TOOL], stream=stream)
    (call,) = [item for item in asked.output if item.type == "function_call"]
    result = {"type": "function_call_output", "call_id": call.call_id, "output": "42 cats"}
    done, _ = respond(model=model, input=[result], tools=[TOOL], previous_response_id=given, stream=stream)
    assert "42 cats" in done.output[0].content[0].text


@pytest.mark.usefixtures("loop")
def test_the_litellm_sdk_in_a_session(demo_server: Server, where: dict[str, Any], session_id: str) -> None:
    metadata = {"litellm_session_id": session_id}
    messages = [{"role": "user", "content": "Hello"}]
    for model in ("openai/gpt-4o", "anthropic/claude-sonnet-4-5", "litellm_proxy/gpt-4o"):
        sdk.completion(model=model, messages=messages, metadata=dict(metadata), **where)
    assert wait_for(lambda: demo_server.session(session_id, calls=3))["source"] == "id"
