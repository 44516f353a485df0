"""The OpenAI Python library: chat and responses, whole and streamed, with the history that people keep themselves."""

import json
from typing import Any

import openai
from common import ABOUT, BOTH, HI, KEY, MODEL, PARIS, SCHEMAS, run, url

FUNCTIONS = [{"name": n, "description": ABOUT[n], "parameters": SCHEMAS[n]} for n in SCHEMAS]
CHAT_TOOLS: Any = [{"type": "function", "function": f} for f in FUNCTIONS]
TOOLS: Any = [{"type": "function", "strict": False, **f} for f in FUNCTIONS]


class Chat:
    """Appends what `message` is given as, the library's own object or its fields."""

    def __init__(self, conversation: str, system: str = "", *, stream: bool = False, dump: Any = None) -> None:
        self.client = openai.OpenAI(api_key=KEY, base_url=url(conversation), max_retries=2)
        self.messages: list[Any] = [{"role": "system", "content": system}] if system else []
        self.stream = stream
        self.dump = dump or (lambda message: message)

    def ask(self, text: str, **more: Any) -> None:
        self.messages.append({"role": "user", "content": text})
        self.go_on(**more)

    def go_on(self, **more: Any) -> None:
        while True:
            message = self._answer(**more)
            self.messages.append(self.dump(message))
            if not message.tool_calls:
                return
            for call in message.tool_calls:
                result = run(call.function.name, json.loads(call.function.arguments))
                self.messages.append({"role": "tool", "tool_call_id": call.id, "content": result})

    def _answer(self, **more: Any) -> Any:
        given: Any = {"model": MODEL, "messages": self.messages, "tools": CHAT_TOOLS, **more}
        if not self.stream:
            return self.client.chat.completions.create(**given).choices[0].message
        with self.client.chat.completions.stream(**given, stream_options={"include_usage": True}) as events:
            return events.get_final_completion().choices[0].message


def chat() -> None:
    a = Chat("a", "You are a travel guide.")
    b = Chat("b", "You are a travel guide.", stream=True, dump=lambda m: m.model_dump())
    c = Chat("c", stream=True, dump=lambda m: m.model_dump(exclude_none=True))
    for one in (a, b, c):
        one.ask(HI)
    a.ask(PARIS)
    b.ask(BOTH)
    a.ask("And now without a tool, please.")
    c.ask(PARIS)
    c.ask(BOTH)
    b.ask(PARIS)  # the same call as in `a`
    a.ask(BOTH)
    c.ask("Thanks 👍")
    # regenerate: the newest answer again
    del a.messages[-1]
    a.go_on()
    # edit and resend: the second turn anew, from the first on
    b.messages = b.messages[:3]
    b.ask("Let us talk of something else: cheese.")
    b.ask(PARIS)
    # an error that the library tries again by itself, and one that its user goes on after
    c.ask("Tell me more.\nfail 500")
    try:
        a.ask("This is refused.\nfail 400")
    except openai.BadRequestError:
        a.messages[-1] = {"role": "user", "content": "Then in other words."}
        a.go_on()
    # a window: only the newest messages are sent, behind the system prompt
    a.messages = [a.messages[0], *a.messages[-5:]]
    a.ask("What did we say so far?")
    # parts instead of a text, and an answer of which only the text is kept
    d = Chat("d", dump=lambda m: {"role": "assistant", "content": m.content})
    d.messages.append({"role": "user", "content": [{"type": "text", "text": HI}]})
    d.go_on(tools=openai.NOT_GIVEN)
    d.ask("And a rhyme?", tools=openai.NOT_GIVEN)
    d.ask("Another.", tools=openai.NOT_GIVEN, n=1, temperature=1)
    d.ask("The last.", tools=openai.NOT_GIVEN)


class Responses:
    """`kept`: how an output item comes back into the input."""

    def __init__(self, conversation: str, kept: Any, *, stream: bool = False, **more: Any) -> None:
        self.client = openai.OpenAI(api_key=KEY, base_url=url(conversation))
        self.kept, self.stream, self.more = kept, stream, more
        self.input: list[Any] = []

    def ask(self, text: str) -> None:
        self.input.append({"role": "user", "content": text})
        while True:
            given: Any = {"model": MODEL, "input": self.input, "tools": TOOLS, **self.more}
            if self.stream:
                with self.client.responses.stream(**given) as events:
                    answer = events.get_final_response()
            else:
                answer = self.client.responses.create(**given)
            self.input += [kept for item in answer.output if (kept := self.kept(item)) is not None]
            calls = [item for item in answer.output if item.type == "function_call"]
            if not calls:
                return
            for call in calls:
                result = run(call.name, json.loads(call.arguments))
                self.input.append({"type": "function_call_output", "call_id": call.call_id, "output": result})


def _bare(item: Any) -> Any:
    """As people write it who keep only what they need."""
    if item.type == "message":
        return {"role": "assistant", "content": item.content[0].text}
    if item.type == "function_call":
        return {"type": item.type, "call_id": item.call_id, "name": item.name, "arguments": item.arguments}
    return None


def responses() -> None:
    common = {"instructions": "You are a travel guide.", "store": False, "include": ["reasoning.encrypted_content"]}
    f = Responses("f", lambda item: item, **common)
    g = Responses("g", lambda item: item.model_dump(exclude={"status"}), stream=True, **common)
    h = Responses("h", _bare, instructions="You are a travel guide.")
    for one in (f, g, h):
        one.ask(HI)
    for text in (BOTH, PARIS, "And in one word?"):
        for one in (f, g, h):
            one.ask(text)
    g.input = g.input[:1]  # edit: the first answer is asked for again, with something added
    g.ask("Sorry, I meant a plan for a birthday.")
    h.ask("Good bye.")


chat()
responses()
