"""The Anthropic Python library: its own blocks sent back, with thinking, cache markers that move, and a cut history."""

from typing import Any

import anthropic
from common import ABOUT, BOTH, CLAUDE, HI, KEY, PARIS, SCHEMAS, run, url

TOOLS: Any = [{"name": n, "description": ABOUT[n], "input_schema": SCHEMAS[n]} for n in SCHEMAS]
THINKING = {"thinking": {"type": "enabled", "budget_tokens": 1024}}


class Chat:
    """`kept`: an answer's blocks as they come back. `cached`: whether the newest message gets the cache marker."""

    def __init__(
        self, conversation: str, *, stream: bool = False, kept: Any = None, cached: bool = False, **more: Any
    ) -> None:
        self.client = anthropic.Anthropic(api_key=KEY, base_url=url(conversation, ""))
        self.stream, self.kept, self.cached, self.more = stream, kept or (lambda blocks: blocks), cached, more
        self.messages: list[Any] = []

    def ask(self, text: Any) -> None:
        self.messages.append({"role": "user", "content": text})
        self.go_on()

    def go_on(self) -> None:
        while True:
            answer = self._answer()
            self.messages.append({"role": "assistant", "content": self.kept(answer.content)})
            calls = [block for block in answer.content if block.type == "tool_use"]
            if not calls:
                return
            results = [
                {"type": "tool_result", "tool_use_id": c.id, "content": run(c.name, dict(c.input))} for c in calls
            ]
            self.messages.append({"role": "user", "content": results})

    def _answer(self) -> Any:
        sent = [*self.messages[:-1], _marked(self.messages[-1])] if self.cached else self.messages
        given: Any = {"model": CLAUDE, "max_tokens": 4096, "messages": sent, "tools": TOOLS, **self.more}
        if not self.stream:
            return self.client.messages.create(**given)
        with self.client.messages.stream(**given) as events:
            return events.get_final_message()


def _marked(message: Any) -> Any:
    content = message["content"]
    blocks = [{"type": "text", "text": content}] if isinstance(content, str) else [*content]
    blocks[-1] = {**blocks[-1], "cache_control": {"type": "ephemeral"}}
    return {**message, "content": blocks}


def bare(blocks: Any) -> Any:
    """The text alone where there is nothing else, as the examples keep it."""
    return blocks[0].text if len(blocks) == 1 and blocks[0].type == "text" else blocks


def thoughtless(blocks: Any) -> Any:
    return [block.model_dump() for block in blocks if block.type != "thinking"]


a = Chat("a", system="You are a travel guide.")
b = Chat("b", stream=True, cached=True, system=[{"type": "text", "text": "You are a travel guide."}], **THINKING)
c = Chat("c", stream=True, kept=bare)
d = Chat("d", kept=thoughtless, **THINKING)
for text in (HI, BOTH, "And without tools?", PARIS):
    for one in (a, b, c, d):
        one.ask(text)
del a.messages[-1]
a.go_on()  # regenerate
b.messages = b.messages[:2]
b.ask("I take that back. Let us talk of cheese.")  # edit
b.ask(BOTH)
c.ask("More.\nfail 529")  # the library tries again
try:
    d.ask("This is refused.\nfail 400")
except anthropic.BadRequestError:
    d.messages[-1] = {"role": "user", "content": "Then in other words."}
    d.go_on()
c.messages = c.messages[-3:]  # a window, which begins with a question
c.ask("What did we say?")
a.ask([{"type": "text", "text": "First this."}, {"type": "text", "text": "Then that."}])
a.ask("The end.")
