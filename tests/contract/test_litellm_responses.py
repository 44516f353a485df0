"""`litellm.responses` as it is, without our integration: the two providers under which the SDK passes a chain on."""

import asyncio
from collections.abc import Iterator
from typing import Any

import litellm
import pytest

from sessionary.integrations.litellm import inner_id
from tests.contract.chain import TOOL_RESULT, check_chain, look_up
from tests.support.sdk_loop import sdk_loop
from tests.support.server import Server

pytestmark = [
    pytest.mark.filterwarnings("ignore:Accessing the 'model_"),  # the SDK's own, in its streams
    pytest.mark.parametrize("model", ["litellm_proxy/gpt-4o", "openai/gpt-4o", "litellm_proxy/claude-sonnet-4-5"]),
]
TOOL = {
    "type": "function",
    "name": "look_up",
    "description": look_up.__doc__,
    "parameters": {"type": "object", "properties": {"what": {"type": "string"}}, "required": ["what"]},
}


@pytest.fixture(scope="module")
def loop() -> Iterator[asyncio.AbstractEventLoop]:
    with sdk_loop() as loop:
        yield loop


@pytest.fixture(params=["sync", "async"])
def respond(request: pytest.FixtureRequest, demo_server: Server, loop: asyncio.AbstractEventLoop) -> Any:
    """The whole response, in either way; of a stream the last event's."""
    where = {"api_base": demo_server.base_url, "api_key": demo_server.key}

    def sync(**arguments: Any) -> Any:
        answer: Any = litellm.responses(**where, **arguments)
        return list(answer)[-1].response if arguments["stream"] else answer

    async def asynchronous(**arguments: Any) -> Any:
        answer: Any = await litellm.aresponses(**where, **arguments)
        return [event async for event in answer][-1].response if arguments["stream"] else answer

    if request.param == "sync":
        return sync
    return lambda **arguments: loop.run_until_complete(asynchronous(**arguments))


def test_a_chain_of_ids(respond: Any, demo_server: Server, model: str, *, stream: bool) -> None:
    """The SDK wraps our ids for its user, and takes them out again before the wire."""
    answers = [respond(model=model, input="My name is Ada.", stream=stream)]
    for turn in (2, 3):
        answers.append(respond(model=model, input="Go on", previous_response_id=answers[-1].id, stream=stream))
        assert f"turn {turn}" in answers[-1].output[0].content[0].text
    session = check_chain(demo_server, [inner_id(a.id) for a in answers])
    assert (session["turns"], session["title"]) == (3, "My name is Ada.")


def test_a_tool_call_and_its_result(respond: Any, demo_server: Server, model: str, *, stream: bool) -> None:
    asked = respond(model=model, input="Find cats", tools=[TOOL], stream=stream)
    (call,) = [item for item in asked.output if item.type == "function_call"]
    result = {"type": "function_call_output", "call_id": call.call_id, "output": look_up("cats")}
    done = respond(model=model, input=[result], tools=[TOOL], previous_response_id=asked.id, stream=stream)
    assert TOOL_RESULT in done.output[0].content[0].text
    assert check_chain(demo_server, [inner_id(asked.id), inner_id(done.id)])["turns"] == 1
