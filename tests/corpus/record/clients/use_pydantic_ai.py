"""Pydantic AI: tools, a message history, structured output with a retry, a delegated agent; all three formats."""

import asyncio
from typing import Any

import anthropic
from common import BOTH, CLAUDE, HI, KEY, MODEL, PARIS, add, get_weather, url
from pydantic import BaseModel
from pydantic_ai import Agent, ModelRetry
from pydantic_ai.messages import ModelMessagesTypeAdapter
from pydantic_ai.models.anthropic import AnthropicModel
from pydantic_ai.models.openai import OpenAIChatModel, OpenAIResponsesModel
from pydantic_ai.providers.anthropic import AnthropicProvider
from pydantic_ai.providers.openai import OpenAIProvider


class City(BaseModel):
    name: str
    days: int


def chat(conversation: str) -> Any:
    return OpenAIChatModel(MODEL, provider=OpenAIProvider(base_url=url(conversation), api_key=KEY))


def responses(conversation: str) -> Any:
    return OpenAIResponsesModel(MODEL, provider=OpenAIProvider(base_url=url(conversation), api_key=KEY))


def claude(conversation: str) -> Any:
    client = anthropic.AsyncAnthropic(api_key=KEY, base_url=url(conversation, ""))
    return AnthropicModel(CLAUDE, provider=AnthropicProvider(anthropic_client=client))


async def ask(agent: Any, history: list[Any], text: str, *, stream: bool = False) -> list[Any]:
    if not stream:
        return list((await agent.run(text, message_history=history)).all_messages())
    async with agent.run_stream(text, message_history=history) as result:
        async for _ in result.stream_output():
            pass
        return list(result.all_messages())


def guide(model: Any, **more: Any) -> Any:
    return Agent(model, tools=[get_weather, add], **more)


async def main() -> None:
    thinks = {"anthropic_thinking": {"type": "adaptive"}, "max_tokens": 4096}
    agents = [
        guide(chat("a"), instructions="You are a travel guide."),
        guide(chat("b"), system_prompt="You are a travel guide."),
        guide(responses("c"), instructions="You are a travel guide."),
        guide(responses("d")),
        guide(claude("e"), instructions="You are a travel guide.", model_settings=thinks),
        guide(claude("f"), system_prompt="You are a travel guide."),
    ]
    histories: list[list[Any]] = [[] for _ in agents]
    for text in (HI, BOTH, "And without tools?", PARIS, "Thank you."):
        for n, agent in enumerate(agents):
            histories[n] = await ask(agent, histories[n], text, stream=n % 2 == 1)
    # a history that was written down and read again
    kept = ModelMessagesTypeAdapter.validate_json(ModelMessagesTypeAdapter.dump_json(histories[0]))
    await ask(agents[0], kept, "What did we say?")
    # edit: from the first answer on
    early = await ask(agents[4], histories[4][:2], "Something else: cheese.")
    await ask(agents[4], early, PARIS)

    # structured output: the first try does not fit, the second is refused by a check, the third is right
    planner = Agent(chat("g"), output_type=City, retries=3)

    @planner.output_validator
    def check(city: City) -> City:
        if city.days > 9:
            raise ModelRetry("Nine days at most.")
        return city

    tries = ('{"name": "Rome", "days": "many"}', '{"name": "Rome", "days": 12}', '{"name": "Rome", "days": 5}')
    history = await ask(planner, [], "Where to?\n" + "\n".join(f"call final_result {t}" for t in tries))
    history = await ask(planner, history, 'And then?\ncall final_result {"name": "Bari", "days": 2}')
    await ask(planner, history, 'At last?\ncall final_result {"name": "Como", "days": 1}')

    # an agent that is asked by a tool of another's
    helper = guide(chat("h.helper"), instructions="You look things up.")
    boss = Agent(chat("h"), instructions="You hand work out.")

    @boss.tool_plain
    async def research(task: str) -> str:
        """Gives a task to the researcher."""
        return str((await helper.run(task)).output)

    task = r'call research {"task": "Find out how the weather is.\ncall get_weather {\"city\": \"Nice\"}"}'
    history = await ask(boss, [], f"Ask the researcher.\n{task}")
    history = await ask(boss, history, f"Again.\n{task}")
    await ask(boss, history, "Thanks.")


asyncio.run(main())
