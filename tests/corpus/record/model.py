"""The model that the corpus is recorded with: a provider that speaks all three formats and does what it is told.

What the user says in the turn that is open is its script, a line each:

    call get_weather {"city": "Paris"}       a tool call, made in an answer of its own
    also get_weather {"city": "Rome"}        another one in the same answer
    say "any text, as JSON"                  an answer that is this, with a sentence of its own for each …

The words `think` and `say what you do` add a thought and a text to the answers of the turn. Where the script is at its
end it says something, and never the same twice, like a model at a temperature: else nobody could tell two conversations
apart that begin alike. Ids, signatures and sealed thoughts are drawn by lot from a fixed seed.
"""

import json
import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any

from tests.support.items import events as responses_events
from tests.support.messages import events as messages_events
from tests.support.messages import sse
from tests.support.scripted import JSON, STREAM
from tests.support.upstream import Received, Reply

Wire = dict[str, Any]
_LINE = re.compile(r"^[ \t]*(call|also|say)[ \t]+(.*?)[ \t\r]*$", re.MULTILINE)
_TITLE = re.compile(r"title generator|sentence-case title|generate a (?:concise|short|brief)[^\n]{0,60}title", re.I)
_SUMMARY = re.compile(
    r"detailed summary of (?:the|our) conversation|handoff summary|CONTEXT CHECKPOINT|anchored summary|"
    r"summarize (?:the|our|this) conversation|provide a detailed prompt for continuing|\*briefly\* summarize|"
    r"Context Extraction Assistant",
    re.I,
)
_REMINDER = re.compile(r"<system-reminder>.*?</system-reminder>", re.DOTALL)
_PROGRAM = re.compile(
    r"\s*(?:Observation|Error|Calling tools|Validation Error|Execution logs|Correct your|"
    r"The following validation|<validation_error>|Call id|Now let's retry|Please try|1 validation error|Fix the errors)"
)
"""How what a program says as a user begins."""
_THINGS = (
    "the lighthouse", "a paper crane", "the night train", "this recipe", "the old bridge", "a small robot", "the café",
    "the invoice", "that test", "the garden", "the second draft", "Zürich", "the 東京 office", "her bicycle", "the map",
)  # fmt: skip
_DOES = (
    "opens before seven", "needs one more pass", "was repaired last spring", "costs less than it seems",
    "should be read twice", "is easier than it looks", "has a twin nobody mentions", "works best in the morning",
    "depends on the weather", "fails when it is hurried", "carries a short note", "can wait until Friday",
)  # fmt: skip
_ENDS = ("Shall I go on?", "Tell me if that helps.", "“Quite so”, as they say.", "✅ Done.", "That is all I know.", "")


@dataclass(frozen=True)
class Said:
    """A message of any format, as far as the model looks at it."""

    role: str
    text: str


@dataclass
class Model:
    rng: random.Random = field(default_factory=lambda: random.Random(5))

    def reply(self, request: Received) -> Reply:
        if request.method != "POST":
            return Reply(b'{"object": "list", "data": []}')
        body, path = request.json, request.path.split("?")[0]
        spoken = {"messages": self._messages, "responses": self._responses}.get(path.rpartition("/")[2], self._chat)
        whole, events = spoken(body, self._parts(body))
        if not body.get("stream"):
            return Reply(json.dumps(whole, ensure_ascii=False).encode(), headers=JSON)
        return Reply(b"".join(events), headers=STREAM)

    def _id(self, prefix: str) -> str:
        return prefix + "".join(self.rng.choices("abcdefghijkmnpqrstuvwxyzABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=24))

    def _parts(self, body: Wire) -> list[tuple[str, ...]]:
        """("thought" | "text", text) or ("call", name, what it is given)."""
        said = list(_said(body))
        system, last = "\n".join(m.text for m in said if m.role == "system"), next((m.text for m in said[::-1]), "")
        if not body.get("tools") and _TITLE.search(system + last):
            return [("text", self._sentence()[:40].rstrip("., "))]
        if _SUMMARY.search(last):
            return [("text", self._summary())]
        start = next((n for n in reversed(range(len(said))) if _speaks(said[n])), 0)
        turn = said[start:]
        script = turn[0].text if turn else ""
        steps = _steps(script, tools=bool(body.get("tools")))
        made = sum(m.role == "assistant" != before.role for before, m in pairwise(turn))
        parts: list[tuple[str, ...]] = []
        if re.search(r"\bthink\b", script, re.I):
            parts.append(("thought", f"Let me see. {self._sentence()}\n{self._sentence()}"))
        step = steps[made] if made < len(steps) else [("say", self._text(turn))]
        if re.search(r"say what you do", script, re.I) and step[0][0] != "say":
            parts.append(("text", f"I will look. {self._sentence()}"))
        for word, *rest in step:
            said = "".join(self._sentence() if c == "…" else c for c in rest[0])
            parts.append(("text", said) if word == "say" else ("call", *rest))
        return parts

    def _sentence(self) -> str:
        thing, does = self.rng.choice(_THINGS), self.rng.choice(_DOES)
        return f"{thing[0].upper()}{thing[1:]} {does}, and {self.rng.choice(_THINGS)} {self.rng.choice(_DOES)}."

    def _text(self, turn: list[Said]) -> str:
        found = next((m.text for m in reversed(turn) if m.role == "tool"), "")
        first = [f"The answer was: {found[:200]}"] if found else []
        if self.rng.random() < 0.3:
            first += ["\n".join(f"- **{n}.** {self._sentence()}" for n in range(1, 4))]
        if self.rng.random() < 0.2:
            first += ["```python\nprint('é', \"\\n\")  # a comment\n```"]
        text = "\n\n".join([*first, f"{self._sentence()} {self._sentence()}", self.rng.choice(_ENDS)])
        return text.rstrip() + self.rng.choice(["", "", "", "\n", " "])

    def _summary(self) -> str:
        lines = [f"{n}. {self._sentence()} {self._sentence()}" for n in range(1, 10)]
        return f"<analysis>\n{self._sentence()}\n</analysis>\n\n<summary>\n" + "\n".join(lines) + "\n</summary>"

    def _chat(self, body: Wire, parts: list[tuple[str, ...]]) -> tuple[Wire, list[bytes]]:
        calls = [
            {"id": self._id("call_"), "type": "function", "function": {"name": name, "arguments": given}}
            for _, name, given in (p for p in parts if p[0] == "call")
        ]
        text, thought = (next((p[1] for p in parts if p[0] == kind), "") for kind in ("text", "thought"))
        message: Wire = {"role": "assistant", "content": text or None, "refusal": None, "annotations": []}
        message |= {"reasoning_content": thought} if thought else {}
        message |= {"tool_calls": calls} if calls else {}
        usage = _usage(body, parts, "prompt_tokens", "completion_tokens")
        reason = "tool_calls" if calls else "stop"
        head = {"id": self._id("chatcmpl-"), "created": 1_790_000_000, "model": body["model"]}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": reason}
        whole = {**head, "object": "chat.completion", "choices": [choice], "usage": usage}
        deltas: list[Wire] = [{"role": "assistant", "content": ""}]
        deltas += [{"reasoning_content": piece} for piece in _cut(thought)] + [
            {"content": piece} for piece in _cut(text)
        ]
        for index, call in enumerate(calls):
            given = call["function"]["arguments"]
            deltas.append({"tool_calls": [{"index": index, **call, "function": {**call["function"], "arguments": ""}}]})
            deltas += [{"tool_calls": [{"index": index, "function": {"arguments": piece}}]} for piece in _cut(given)]
        head |= {"object": "chat.completion.chunk"}
        ends = [(delta, None) for delta in deltas] + [({}, reason)]
        chunks = [{**head, "choices": [{"index": 0, "delta": d, "finish_reason": r}], "usage": None} for d, r in ends]
        chunks.append({**head, "choices": [], "usage": usage})
        return whole, [_data(chunk) for chunk in chunks] + [b"data: [DONE]\n\n"]

    def _responses(self, body: Wire, parts: list[tuple[str, ...]]) -> tuple[Wire, list[bytes]]:
        kinds = dict(_tools(body))
        output: list[Wire] = []
        for kind, *rest in parts:
            if kind == "thought":
                summary = [{"type": "summary_text", "text": rest[0]}]
                sealed = {"encrypted_content": self._id("gAAAAAB") + self._id("") + "=="}
                output.append({"type": "reasoning", "id": self._id("rs_"), "summary": summary, **sealed})
            elif kind == "text":
                part = {"type": "output_text", "annotations": [], "logprobs": [], "text": rest[0]}
                message = {"type": "message", "id": self._id("msg_"), "status": "completed", "role": "assistant"}
                output.append(message | {"content": [part]})
            else:
                output.append(self._item(*rest, custom=kinds.get(rest[0]) == "custom"))
        whole = {
            "id": self._id("resp_"),
            "object": "response",
            "created_at": 1_790_000_000,
            "status": "completed",
            "error": None,
            "incomplete_details": None,
            "instructions": body.get("instructions"),
            "model": body["model"],
            "output": output,
            "parallel_tool_calls": True,
            "tool_choice": "auto",
            "tools": [],
            "usage": _usage(body, parts, "input_tokens", "output_tokens"),
        }
        numbered = enumerate(_with_parts(responses_events(whole, 40)))
        return whole, [sse([{**event, "sequence_number": number}]) for number, event in numbered]

    def _item(self, name: str, given: str, *, custom: bool) -> Wire:
        head = {"id": self._id("ctc_" if custom else "fc_"), "call_id": self._id("call_"), "status": "completed"}
        space, _, bare = name.rpartition("/")
        head |= {"name": bare, **({"namespace": space} if space else {})}
        if custom:
            text = json.loads(given) if given.startswith('"') else given
            return {"type": "custom_tool_call", "input": text, **head}
        return {"type": "function_call", "arguments": given, **head}

    def _messages(self, body: Wire, parts: list[tuple[str, ...]]) -> tuple[Wire, list[bytes]]:
        content: list[Wire] = []
        for kind, *rest in parts:
            if kind == "thought":
                if body.get("thinking", {}).get("type", "disabled") != "disabled":
                    sealed = self._id("Eo") + self._id("") + "=="
                    content.append({"type": "thinking", "thinking": rest[0], "signature": sealed})
            elif kind == "text":
                content.append({"type": "text", "text": rest[0]})
            else:
                call = {"type": "tool_use", "id": self._id("toolu_"), "name": rest[0], "input": json.loads(rest[1])}
                content.append(call)
        whole = {
            "id": self._id("msg_"),
            "type": "message",
            "role": "assistant",
            "model": body["model"],
            "content": content,
            "stop_reason": "tool_use" if any(b["type"] == "tool_use" for b in content) else "end_turn",
            "stop_sequence": None,
            "usage": _usage(body, parts, "input_tokens", "output_tokens"),
        }
        return whole, [sse([event]) for event in messages_events(whole, 40)]


def _steps(script: str, *, tools: bool) -> list[list[tuple[str, ...]]]:
    steps: list[list[tuple[str, ...]]] = []
    for word, rest in _LINE.findall(script):
        if word == "say":
            steps.append([("say", json.loads(rest))])
        elif tools:
            name, _, given = rest.partition(" ")
            call = ("call", name, given.strip() or "{}")
            if word == "also" and steps:
                steps[-1].append(call)
            else:
                steps.append([call])
    return steps


def _speaks(message: Said) -> bool:
    """Whether it is a person's word, and not what a program puts into the history as a user's."""
    text = _REMINDER.sub("", message.text).strip()
    return message.role == "user" and text != "" and not _PROGRAM.match(text)


def _said(body: Wire) -> Iterator[Said]:
    system = body.get("system") or body.get("instructions")
    if system:
        yield Said("system", _text_of(system))
    given = body.get("messages", body.get("input", []))
    for item in [{"role": "user", "content": given}] if isinstance(given, str) else given:
        kind = item.get("type", "message")
        content = item.get("content")
        blocks = content if isinstance(content, list) else []
        if kind.endswith("_call"):
            yield Said("assistant", "")
        elif kind.endswith("_output"):
            yield Said("tool", _text_of(item.get("output")))
        elif any(b.get("type") == "tool_result" for b in blocks):
            yield Said("tool", _text_of([c for b in blocks for c in _results(b)]))
            if text := _text_of([b for b in blocks if b.get("type") == "text"]):
                yield Said("user", text)
        elif kind == "message":
            role = {"developer": "system", "tool-response": "user"}.get(item.get("role"), item.get("role", "user"))
            yield Said(role, _text_of(content))


def _results(block: Wire) -> list[Any]:
    found = block.get("content", "")
    return found if isinstance(found, list) else [{"text": found}]


def _text_of(content: Any) -> str:
    """Some programs put a new task behind what they have to say of the one before."""
    if isinstance(content, str):
        return content.rpartition("New task:\n")[2]
    return _text_of("\n".join(str(b.get("text", "")) for b in content or [] if isinstance(b, dict)))


def _tools(body: Wire) -> Iterator[tuple[str, str]]:
    for tool in body.get("tools") or []:
        inner = tool.get("function") if isinstance(tool.get("function"), dict) else tool
        yield str(inner.get("name")), str(tool.get("type", "function"))


def _with_parts(events: list[Wire]) -> Iterator[Wire]:
    """With the events around a part of a summary, which some clients wait for."""
    begun = ""
    for event in events:
        at = {name: event.get(name) for name in ("output_index", "item_id", "summary_index")}
        part = {"type": "summary_text", "text": event.get("text", "")}
        if event["type"] == "response.reasoning_summary_text.delta" and begun != event["item_id"]:
            begun = event["item_id"]
            yield {"type": "response.reasoning_summary_part.added", **at, "part": part}
        yield event
        if event["type"] == "response.reasoning_summary_text.done":
            yield {"type": "response.reasoning_summary_part.done", **at, "part": part}


def _usage(body: Wire, parts: list[tuple[str, ...]], asked: str, answered: str) -> Wire:
    tokens = len(json.dumps(body)) // 4, len(json.dumps(parts)) // 4
    usage: Wire = {asked: tokens[0], answered: tokens[1]}
    if "messages" in body and asked == "input_tokens":
        return usage | {"cache_creation_input_tokens": 0, "cache_read_input_tokens": 0}
    if asked == "input_tokens":
        usage |= {"input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 0}}
    return usage | {"total_tokens": sum(tokens)}


def _cut(text: str) -> list[str]:
    return [text[at : at + 40] for at in range(0, len(text), 40)]


def _data(chunk: Wire) -> bytes:
    return b"data: " + json.dumps(chunk, ensure_ascii=False).encode() + b"\n\n"
