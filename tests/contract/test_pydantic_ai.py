"""Pydantic AI with its model for the Responses API, on a provider that keeps no state."""

from collections.abc import AsyncIterator
from typing import Any

import openai
import pytest
from pydantic import BaseModel
from pydantic_ai import Agent, ModelMessage
from pydantic_ai.models.openai import OpenAIResponsesModel, OpenAIResponsesModelSettings
from pydantic_ai.providers.openai import OpenAIProvider

from tests.contract.chain import TOOL_RESULT, check_chain, check_replay, look_up
from tests.support.server import Server


class City(BaseModel):
    name: str
    people: int


@pytest.fixture
async def model(demo_server: Server) -> AsyncIterator[OpenAIResponsesModel]:
    async with openai.AsyncOpenAI(api_key=demo_server.key, base_url=demo_server.base_url) as client:
        yield OpenAIResponsesModel("gpt-4o", provider=OpenAIProvider(openai_client=client))


async def run(agent: Agent[None, str], text: str, *, stream: bool, **options: Any) -> tuple[str, list[ModelMessage]]:
    """The answer's text, and all messages so far."""
    if not stream:
        whole = await agent.run(text, **options)
        return whole.output, whole.all_messages()
    async with agent.run_stream(text, **options) as streamed:
        output = await streamed.get_output()
    return output, streamed.all_messages()


def ids(messages: list[ModelMessage]) -> list[str]:
    return [str(m.provider_response_id) for m in messages if m.kind == "response"]


async def test_a_chain_of_ids(demo_server: Server, model: OpenAIResponsesModel, *, stream: bool) -> None:
    """Each step sends only what is new: within a run as well."""
    settings = OpenAIResponsesModelSettings(openai_previous_response_id="auto")
    agent = Agent(model, model_settings=settings, instructions="Be brief.", tools=[look_up])
    messages: list[ModelMessage] = []
    for text in ("Find cats", "And dogs"):
        output, messages = await run(agent, text, stream=stream, message_history=messages)
        assert TOOL_RESULT in output
    chain = ids(messages)
    assert len(chain) == 4
    assert check_chain(demo_server, chain)["turns"] == 2
    sent = demo_server.get(f"/api/calls/call_{chain[1][5:]}/request")
    assert [item["type"] for item in sent["input"]] == ["function_call_output"]


async def test_a_history_sent_again(
    demo_server: Server, model: OpenAIResponsesModel, session_id: str, *, stream: bool
) -> None:
    settings = OpenAIResponsesModelSettings(extra_body={"metadata": {"litellm_session_id": session_id}})
    agent = Agent(model, model_settings=settings)
    output, messages = await run(agent, "My name is Ada.", stream=stream)
    output, messages = await run(agent, "Go on.", stream=stream, message_history=messages)
    assert "turn 2" in output
    assert check_replay(demo_server, session_id, calls=2)["title"] == "My name is Ada."


async def test_structured_output(demo_server: Server, model: OpenAIResponsesModel) -> None:
    """Asked for by a tool that the answer must call."""
    result = await Agent(model, output_type=City).run("Turin")
    assert isinstance(result.output, City)
    assert check_chain(demo_server, ids(result.all_messages()))["calls"] == 1
