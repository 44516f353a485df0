"""LangChain: chat models with a history, bound tools, and a history that is trimmed; chat, responses and messages."""

from typing import Any

from common import BOTH, CLAUDE, HI, KEY, MODEL, PARIS, add, get_weather, url
from langchain_anthropic import ChatAnthropic
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage, ToolMessage, trim_messages
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI

TOOLS = {"get_weather": tool(get_weather), "add": tool(add)}
SYSTEM = SystemMessage("You are a travel guide.")


class Chat:
    def __init__(self, model: Any, *, stream: bool = False, window: int = 0) -> None:
        self.model = model.bind_tools(list(TOOLS.values()))
        self.stream, self.window = stream, window
        self.messages: list[Any] = [SYSTEM]

    def ask(self, text: str) -> None:
        self.messages.append(HumanMessage(text))
        self.go_on()

    def go_on(self) -> None:
        while True:
            answer = self._answer(self._sent())
            self.messages.append(answer)
            if not answer.tool_calls:
                return
            self.messages += [TOOLS[call["name"]].invoke(call) for call in answer.tool_calls]

    def _sent(self) -> list[Any]:
        if not self.window:
            return self.messages
        return trim_messages(
            self.messages, strategy="last", token_counter=len, max_tokens=self.window,
            start_on="human", include_system=True,
        )  # fmt: skip

    def _answer(self, messages: list[Any]) -> Any:
        if not self.stream:
            return self.model.invoke(messages)
        whole: Any = None
        for piece in self.model.stream(messages):
            whole = piece if whole is None else whole + piece
        return whole


def openai(conversation: str, **more: Any) -> ChatOpenAI:
    return ChatOpenAI(model=MODEL, api_key=KEY, base_url=url(conversation), **more)


def claude(conversation: str, **more: Any) -> ChatAnthropic:
    return ChatAnthropic(model=CLAUDE, api_key=KEY, base_url=url(conversation, ""), max_tokens=4096, **more)


a = Chat(openai("a"))
b = Chat(openai("b"), stream=True)
c = Chat(openai("c"), window=6)
d = Chat(openai("d", use_responses_api=True, store=False, include=["reasoning.encrypted_content"]))
e = Chat(openai("e", use_responses_api=True, output_version="responses/v1"), stream=True)
f = Chat(claude("f", thinking={"type": "enabled", "budget_tokens": 1024}))
g = Chat(claude("g"), stream=True)
every = (a, b, c, d, e, f, g)
for text in (HI, BOTH, "And without tools?", PARIS, "Thank you."):
    for one in every:
        one.ask(text)
del a.messages[-1]
a.go_on()  # regenerate
b.messages = b.messages[:3]
b.ask("Something else: cheese.")  # edit
b.ask(PARIS)
c.ask("Still there?")
c.ask("And now?")
# a history that a program wrote down and read again
g.messages = [
    HumanMessage(m.content) if isinstance(m, HumanMessage)
    else AIMessage(m.text, tool_calls=m.tool_calls) if isinstance(m, AIMessage)
    else ToolMessage(m.content, tool_call_id=m.tool_call_id) if isinstance(m, ToolMessage)
    else m
    for m in g.messages
]  # fmt: skip
g.ask("What did we say?")
