"""smolagents: an agent that calls tools, one that writes code, and one that manages another; its runs go on."""

import json
from typing import Any

from common import HI, KEY, MODEL, add, get_weather, url
from smolagents import CodeAgent, LogLevel, OpenAIModel, ToolCallingAgent, tool

QUIET: Any = {"verbosity_level": LogLevel.OFF, "max_steps": 6}
TOOLS = [tool(get_weather), tool(add)]


def model(conversation: str) -> OpenAIModel:
    return OpenAIModel(MODEL, api_base=url(conversation), api_key=KEY)


def code(*steps: str) -> str:
    return "\n".join("say " + json.dumps(f"Thought: …\n<code>\n{step}\n</code>") for step in steps)


PLAN = [
    HI + '\ncall final_answer {"answer": "Yes, gladly."}',
    'Weather?\ncall get_weather {"city": "Paris"}\ncall add {"a": 1, "b": 2}\ncall final_answer {"answer": "Wet."}',
    'Both?\ncall get_weather {"city": "Oslo"}\nalso get_weather {"city": "Málaga"}\ncall final_answer {"answer": "So"}',
    'The end?\ncall final_answer {"answer": "The end."}',
]
CODE = [
    HI + "\n" + code('final_answer("Yes, of course.")'),
    "Weather?\n" + code('print(get_weather(city="Paris"))', "x = add(a=1, b=2)\nprint(x)", 'final_answer(f"Wet, {x}")'),
    "Wrong, then right.\n" + code('print(nothing["here"])', 'final_answer("Mended.")'),
    "The end?\n" + code('final_answer("The end.")'),
]
a = ToolCallingAgent(tools=TOOLS, model=model("a"), **QUIET)
b = ToolCallingAgent(tools=TOOLS, model=model("b"), stream_outputs=True, **QUIET)
c = CodeAgent(tools=TOOLS, model=model("c"), **QUIET)
d = CodeAgent(tools=TOOLS, model=model("d"), stream_outputs=True, **QUIET)
for n in range(4):
    for agent, script in ((a, PLAN), (b, PLAN), (c, CODE), (d, CODE)):
        given = script[n] if agent is not b else f"{script[n]}\n(The second agent.)" if n else script[n]
        agent.run(given, reset=n == 0)

helper = ToolCallingAgent(
    tools=TOOLS, model=model("e.helper"), name="helper", description="Looks things up.", **QUIET
)  # fmt: skip
boss = ToolCallingAgent(tools=[], model=model("e"), managed_agents=[helper], **QUIET)
TASK = r"How is the weather?\ncall get_weather {\"city\": \"Nice\"}\ncall final_answer {\"answer\": \"Fine.\"}"
for n in range(2):
    boss.run(
        f'Ask the helper, {n + 1}.\ncall helper {{"task": "{TASK}"}}\ncall final_answer {{"answer": "Fine."}}',
        reset=n == 0,
    )
