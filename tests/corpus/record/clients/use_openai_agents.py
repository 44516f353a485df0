"""The OpenAI Agents SDK: its local session store, tools, a handoff, an agent as a tool; responses and chat."""

import asyncio
from typing import Any

import openai
from agents import (
    Agent,
    ModelSettings,
    OpenAIChatCompletionsModel,
    OpenAIResponsesModel,
    Runner,
    SQLiteSession,
    function_tool,
    set_tracing_disabled,
)
from common import BOTH, HI, KEY, MODEL, PARIS, add, get_weather, url

TOOLS: list[Any] = [function_tool(get_weather), function_tool(add)]
REASONS = ModelSettings(store=False, response_include=["reasoning.encrypted_content"])


def responses(conversation: str) -> OpenAIResponsesModel:
    return OpenAIResponsesModel(MODEL, openai.AsyncOpenAI(api_key=KEY, base_url=url(conversation)))


def chat(conversation: str) -> OpenAIChatCompletionsModel:
    return OpenAIChatCompletionsModel(MODEL, openai.AsyncOpenAI(api_key=KEY, base_url=url(conversation)))


async def ask(agent: Any, memory: SQLiteSession, text: str, *, stream: bool = False) -> Any:
    if not stream:
        return await Runner.run(agent, text, session=memory)
    result = Runner.run_streamed(agent, text, session=memory)
    async for _ in result.stream_events():
        pass
    return result


def guide(model: Any, **more: Any) -> Agent[None]:
    return Agent("Guide", instructions="You are a travel guide.", model=model, tools=TOOLS, **more)


async def main() -> None:
    set_tracing_disabled(True)
    agents = [
        guide(responses("a")),
        guide(responses("b"), model_settings=REASONS),
        guide(chat("c")),
        guide(chat("d")),
    ]
    memories = [SQLiteSession(str(n)) for n in range(len(agents))]
    for text in (HI, BOTH, "And without tools?", PARIS, "Thank you."):
        for n, (agent, memory) in enumerate(zip(agents, memories, strict=True)):
            await ask(agent, memory, text, stream=n % 2 == 1)
    # edit: the newest question is taken back, and another is asked
    await memories[0].pop_item()
    await memories[0].pop_item()
    await ask(agents[0], memories[0], "Something else: cheese.")
    # without a store: the result's own list
    listed = guide(responses("e"))
    result = await Runner.run(listed, "One more thing.")
    for text in (PARIS, "Well?"):
        result = await Runner.run(listed, [*result.to_input_list(), {"role": "user", "content": text}])
    # a handoff, within one conversation
    spanish = Agent[None]("Spanish", model=responses("f"), instructions="You speak Spanish.", tools=TOOLS)
    triage = Agent[None]("Triage", model=responses("f"), instructions="You hand over.", handoffs=[spanish])
    memory = SQLiteSession("f")
    await ask(triage, memory, f"Hola.\ncall transfer_to_spanish {{}}\n{PARIS.splitlines()[1]}")
    await ask(spanish, memory, "¿Y mañana?", stream=True)
    await ask(triage, memory, "And in English?")
    # an agent as a tool
    helper = Agent[None]("Helper", model=responses("g.helper"), instructions="You look things up.", tools=TOOLS)
    tool = helper.as_tool("ask_helper", "Asks the helper.")
    boss = Agent[None]("Boss", model=responses("g"), instructions="You hand work out.", tools=[tool])
    memory = SQLiteSession("g")
    task = r'call ask_helper {"input": "Find out how the weather is.\ncall get_weather {\"city\": \"Nice\"}"}'
    await ask(boss, memory, f"Ask the helper.\n{task}")
    await ask(boss, memory, f"Once more.\n{task}", stream=True)
    await ask(boss, memory, "Thanks.")


asyncio.run(main())
