"""LangGraph: agents with a checkpointer, of the prebuilt kind and of LangChain's; one with a helper as a tool."""

import warnings
from typing import Any

from common import BOTH, CLAUDE, HI, KEY, MODEL, PARIS, add, get_weather, url
from langchain.agents import create_agent
from langchain.agents.middleware import SummarizationMiddleware
from langchain_anthropic import ChatAnthropic
from langchain_openai import ChatOpenAI
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.prebuilt import create_react_agent

warnings.simplefilter("ignore")
TOOLS = [get_weather, add]


def openai(conversation: str, **more: Any) -> ChatOpenAI:
    return ChatOpenAI(model=MODEL, api_key=KEY, base_url=url(conversation), **more)


def ask(agent: Any, thread: str, text: str, *, stream: bool = False) -> None:
    config = {"configurable": {"thread_id": thread}}
    given = {"messages": [{"role": "user", "content": text}]}
    if stream:
        for _ in agent.stream(given, config, stream_mode="messages"):
            pass
    else:
        agent.invoke(given, config)


react = create_react_agent(openai("a"), TOOLS, prompt="You are a travel guide.", checkpointer=InMemorySaver())
second = create_react_agent(openai("b"), TOOLS, prompt="You are a travel guide.", checkpointer=InMemorySaver())
plain = create_agent(openai("c"), TOOLS, system_prompt="Be brief.", checkpointer=InMemorySaver())
responses = create_agent(openai("d", use_responses_api=True), TOOLS, checkpointer=InMemorySaver())
claude = ChatAnthropic(model=CLAUDE, api_key=KEY, base_url=url("e", ""), max_tokens=4096)
anthropic = create_agent(claude, TOOLS, system_prompt="Be brief.", checkpointer=InMemorySaver())
summing = create_agent(
    openai("f"), TOOLS, checkpointer=InMemorySaver(),
    middleware=[SummarizationMiddleware(model=openai("f"), trigger=("messages", 8), keep=("messages", 2))],
)  # fmt: skip
every = [react, second, plain, responses, anthropic, summing]
for text in (HI, BOTH, "And without tools?", PARIS, "Thank you."):
    for agent in every:
        ask(agent, "1", text, stream=agent in (second, anthropic))
# time travel: from the state after the first answer on, something else
states = list(react.get_state_history({"configurable": {"thread_id": "1"}}))
early = next(s for s in states if len(s.values["messages"]) == 2)
react.invoke({"messages": [{"role": "user", "content": "Something else: cheese."}]}, early.config)

helper = create_agent(openai("g.helper"), TOOLS, system_prompt="You look things up.")


def research(task: str) -> str:
    """Gives a task to the researcher."""
    return str(helper.invoke({"messages": [{"role": "user", "content": task}]})["messages"][-1].content)


boss = create_agent(openai("g"), [research], system_prompt="You hand work out.", checkpointer=InMemorySaver())
TASK = r'call research {"task": "Find out how the weather is.\ncall get_weather {\"city\": \"Nice\"}"}'
ask(boss, "1", f"Ask the researcher.\n{TASK}")
ask(boss, "1", f"Again.\n{TASK}")
ask(boss, "1", "Thanks.")
