"""`sessionary.session` around libraries that are built on the OpenAI and Anthropic clients: no other change."""

from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from agents import Agent, OpenAIResponsesModel, RunConfig, Runner
from langchain_core.runnables import RunnableParallel
from langchain_openai import ChatOpenAI
from openai import AsyncOpenAI
from pydantic_ai import Agent as PydanticAgent
from pydantic_ai.models.openai import OpenAIChatModel
from pydantic_ai.providers.openai import OpenAIProvider

import sessionary
from tests.support.server import Server

Work = Callable[[Server, AsyncOpenAI], Awaitable[None]]


def langchain(server: Server) -> ChatOpenAI:
    options: dict[str, Any] = {"openai_api_base": server.base_url, "openai_api_key": server.key, "model": "gpt-4o"}
    return ChatOpenAI(**options)


async def langchain_tasks(server: Server, _: AsyncOpenAI) -> None:
    await langchain(server).ainvoke("Hello")
    assert [chunk async for chunk in langchain(server).astream("Hello")]


async def langchain_threads(server: Server, _: AsyncOpenAI) -> None:
    """A batch runs in threads of LangChain's own."""
    llm = langchain(server)
    llm.batch(["Hello", "Hello"])
    RunnableParallel(a=llm, b=llm).invoke("Hello")


async def agents_sdk(_: Server, client: AsyncOpenAI) -> None:
    """An agent as another's tool runs in a task of its own."""
    model = OpenAIResponsesModel("gpt-4o", client)
    writer = Agent[None]("Writer", model=model)
    tools = [writer.as_tool("write", "Writes a text.", run_config=RunConfig(tracing_disabled=True))]
    lead = Agent[None]("Lead", model=model, tools=tools)  # type: ignore[arg-type]
    await Runner.run(lead, "Hello", run_config=RunConfig(tracing_disabled=True))


async def pydantic_ai(_: Server, client: AsyncOpenAI) -> None:
    model = OpenAIChatModel("gpt-4o", provider=OpenAIProvider(openai_client=client))
    await PydanticAgent(model).run("Hello")


@pytest.mark.parametrize(
    ("work", "calls"), [(langchain_tasks, 2), (langchain_threads, 4), (agents_sdk, 3), (pydantic_ai, 1)]
)
async def test_all_calls_are_one_session(demo_server: Server, session_id: str, work: Work, calls: int) -> None:
    client = AsyncOpenAI(api_key=demo_server.key, base_url=demo_server.base_url)
    async with client, sessionary.session(session_id, name="Carried"):
        await work(demo_server, client)
    session = demo_server.session(session_id, calls=calls)
    assert (session["source"], session["title"]) == ("id", "Carried")
