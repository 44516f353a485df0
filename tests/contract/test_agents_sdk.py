"""The OpenAI Agents SDK: tools, handoffs, streams and its ways to remember, on a provider that keeps no state."""

from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from agents import (
    Agent,
    ModelSettings,
    OpenAIConversationsSession,
    OpenAIResponsesModel,
    RunConfig,
    Runner,
    SQLiteSession,
    function_tool,
)
from agents.result import RunResultBase

from tests.contract.chain import TOOL_RESULT, check_chain, check_replay, look_up
from tests.support.server import Server

MODEL = "gpt-4o"
QUIET = RunConfig(tracing_disabled=True)


@pytest.fixture
async def client(demo_server: Server) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(api_key=demo_server.key, base_url=demo_server.base_url) as client:
        yield client


@pytest.fixture
def model(client: openai.AsyncOpenAI) -> OpenAIResponsesModel:
    return OpenAIResponsesModel(MODEL, client)


async def run(agent: Agent[None], text: str, *, stream: bool, **options: Any) -> RunResultBase:
    if not stream:
        return await Runner.run(agent, text, run_config=QUIET, **options)
    result = Runner.run_streamed(agent, text, run_config=QUIET, **options)
    deltas = [
        e.data.delta
        async for e in result.stream_events()
        if e.type == "raw_response_event" and e.data.type == "response.output_text.delta"
    ]
    assert "".join(deltas) == result.final_output
    return result


def ids(*results: RunResultBase) -> list[str]:
    return [str(r.response_id) for result in results for r in result.raw_responses]


async def test_a_chain_of_ids(demo_server: Server, model: OpenAIResponsesModel, *, stream: bool) -> None:
    agent = Agent[None]("Guide", instructions="Be brief.", model=model)
    first = await run(agent, "My name is Ada.", stream=stream)
    second = await run(agent, "Go on.", stream=stream, previous_response_id=first.last_response_id)
    third = await run(agent, "Go on.", stream=stream, previous_response_id=second.last_response_id)
    assert "turn 3" in third.final_output
    session = check_chain(demo_server, ids(first, second, third))
    assert (session["turns"], session["title"]) == (3, "My name is Ada.")


async def test_tools_in_a_chain(demo_server: Server, model: OpenAIResponsesModel, *, stream: bool) -> None:
    """With `auto_previous_response_id` each step of a run sends only what is new: the tool's result alone."""
    agent = Agent[None]("Finder", model=model, tools=[function_tool(look_up)])
    first = await run(agent, "Find cats", stream=stream, auto_previous_response_id=True)
    assert TOOL_RESULT in first.final_output
    second = await run(agent, "And dogs", stream=stream, previous_response_id=first.last_response_id)
    assert TOOL_RESULT in second.final_output
    chain = ids(first, second)
    assert len(chain) == 4
    session = check_chain(demo_server, chain)
    assert session["turns"] == 2
    sent = demo_server.get(f"/api/calls/call_{chain[1][5:]}/request")
    assert [item["type"] for item in sent["input"]] == ["function_call_output"]


async def test_a_handoff(demo_server: Server, model: OpenAIResponsesModel, *, stream: bool) -> None:
    spanish = Agent[None]("Spanish", model=model, instructions="You speak Spanish.")
    triage = Agent[None]("Triage", model=model, instructions="You hand over.", handoffs=[spanish])
    result = await run(triage, "Hola, buenos días", stream=stream, auto_previous_response_id=True)
    assert result.last_agent is spanish
    assert "Spanish" in result.final_output
    session = check_chain(demo_server, ids(result))
    assert (session["calls"], session["turns"]) == (2, 1)
    said = [demo_server.get(f"/api/calls/call_{i[5:]}/request")["instructions"] for i in ids(result)]
    assert said == ["You hand over.", "You speak Spanish."]


async def test_a_local_session(
    demo_server: Server, model: OpenAIResponsesModel, session_id: str, *, stream: bool
) -> None:
    """The SDK's own session sends the whole history again; the id tells what belongs together."""
    settings = ModelSettings(metadata={"litellm_session_id": session_id})
    agent = Agent[None]("Finder", model=model, tools=[function_tool(look_up)], model_settings=settings)
    memory = SQLiteSession("local")
    try:
        for text in ("Find cats", "And dogs"):
            result = await run(agent, text, stream=stream, session=memory)
            assert TOOL_RESULT in result.final_output
    finally:
        memory.close()
    assert check_replay(demo_server, session_id, calls=4)["turns"] == 2


async def test_a_conversation(
    demo_server: Server, model: OpenAIResponsesModel, client: openai.AsyncOpenAI, *, stream: bool
) -> None:
    """Each step sends what is new, and names the conversation."""
    conversation = await client.conversations.create()
    agent = Agent[None]("Finder", model=model, tools=[function_tool(look_up)])
    results = []
    for text in ("Find cats", "And dogs"):
        results.append(await run(agent, text, stream=stream, conversation_id=conversation.id))
        assert TOOL_RESULT in results[-1].final_output
    plain = Agent[None]("Guide", model=model)
    results.append(await run(plain, "Go on.", stream=stream, conversation_id=conversation.id))
    assert "turn 3" in results[-1].final_output
    session = demo_server.session(conversation.id, calls=5)
    assert (session["source"], session["turns"], session["title"]) == ("conversation", 3, "Find cats")
    calls = [demo_server.call(f"call_{i[5:]}") for i in ids(*results)]
    assert [c["parent_id"] for c in calls] == [None, *(c["id"] for c in calls[:-1])]
    sent = demo_server.get(f"/api/calls/{calls[1]['id']}/request")
    assert [item["type"] for item in sent["input"]] == ["function_call_output"]
    held = [item.type async for item in client.conversations.items.list(conversation.id, order="asc")]
    step = ["message", "function_call", "function_call_output", "message"]
    assert held == [*step, *step, "message", "message"]


async def test_a_conversation_as_the_sdks_memory(
    demo_server: Server, model: OpenAIResponsesModel, client: openai.AsyncOpenAI, session_id: str, *, stream: bool
) -> None:
    """Here the SDK writes the items itself, and sends the whole history again from what it reads."""
    settings = ModelSettings(metadata={"litellm_session_id": session_id})
    agent = Agent[None]("Finder", model=model, tools=[function_tool(look_up)], model_settings=settings)
    memory = OpenAIConversationsSession(openai_client=client)
    for text in ("Find cats", "And dogs"):
        result = await run(agent, text, stream=stream, session=memory)
        assert TOOL_RESULT in result.final_output
    assert len(await memory.get_items()) == 8
    assert check_replay(demo_server, session_id, calls=4)["turns"] == 2
