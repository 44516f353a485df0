"""The LiteLLM SDK: chat, and Anthropic's models over /messages; its answers sent back as they are, and as fields."""

import json
from typing import Any

import litellm
from common import ABOUT, BOTH, CLAUDE, HI, KEY, MODEL, PARIS, SCHEMAS, run, url

TOOLS = [
    {"type": "function", "function": {"name": n, "description": ABOUT[n], "parameters": SCHEMAS[n]}} for n in SCHEMAS
]


class Chat:
    def __init__(self, model: str, base: str, *, stream: bool = False, dump: Any = None, **more: Any) -> None:
        self.more = {"model": model, "api_base": base, "api_key": KEY, "tools": TOOLS, **more}
        self.stream, self.dump = stream, dump or (lambda message: message)
        self.messages: list[Any] = [{"role": "system", "content": "You are a travel guide."}]

    def ask(self, text: str) -> None:
        self.messages.append({"role": "user", "content": text})
        self.go_on()

    def go_on(self) -> None:
        while True:
            message = self._answer()
            self.messages.append(self.dump(message))
            if not message.tool_calls:
                return
            for call in message.tool_calls:
                result = run(call.function.name, json.loads(call.function.arguments))
                self.messages.append(
                    {"role": "tool", "tool_call_id": call.id, "name": call.function.name, "content": result}
                )

    def _answer(self) -> Any:
        answer: Any = litellm.completion(messages=self.messages, stream=self.stream, **self.more)
        if self.stream:
            answer = litellm.stream_chunk_builder(list(answer), messages=self.messages)
        return answer.choices[0].message


litellm.suppress_debug_info = True
thinks = {"thinking": {"type": "enabled", "budget_tokens": 1024}, "max_tokens": 4096}
a = Chat(f"openai/{MODEL}", url("a"))
b = Chat(f"openai/{MODEL}", url("b"), stream=True, dump=lambda m: m.model_dump())
c = Chat(f"anthropic/{CLAUDE}", url("c", ""), **thinks)
d = Chat(f"anthropic/{CLAUDE}", url("d", ""), stream=True)
e = Chat(f"litellm_proxy/{MODEL}", url("e"), dump=lambda m: m.model_dump(exclude_none=True))
every = (a, b, c, d, e)
for text in (HI, BOTH, "And without tools?", PARIS, "Thank you."):
    for one in every:
        one.ask(text)
del a.messages[-1]
a.go_on()  # regenerate
d.messages = d.messages[:3]
d.ask("Something else: cheese.")  # edit
d.ask(BOTH)
# the same history to another provider's model
c.more |= {"model": f"openai/{MODEL}", "api_base": url("c")}
for name in ("thinking", "max_tokens"):
    del c.more[name]
c.ask("And what do you say?")
c.ask("Good bye.")
