"""A message as the events of its stream make it grow. Pure; linear in what is added.

By event: `message_start` has the empty message, each block has a start, deltas and a stop, `message_delta` says
why it ended and what it cost (cumulative, so the last count of each kind holds). Events that nobody here knows,
and `ping`, add nothing.
"""

import contextlib
from typing import Any

from sessionary.wire import loose

Wire = dict[str, Any]


class Block:
    def __init__(self, start: Wire) -> None:
        self.start = start
        self._texts: dict[str, list[str]] = {}
        self._values: Wire = {}
        self._citations: list[Any] = []

    def add(self, delta: Wire) -> None:
        """Every delta names the field that it continues, but for those of a tool's input and citations."""
        for key, value in delta.items():
            if key == "citation":
                self._citations.append(value)
            elif key == "type":
                continue
            elif isinstance(value, str):
                self._texts.setdefault(key, []).append(value)
            elif value is not None:
                self._values[key] = value

    def text(self, delta: Wire) -> tuple[str, list[str]] | None:
        """The field that a delta, which was added, has continued, and its pieces; None where it did anything else."""
        (name, value), *more = [*((key, value) for key, value in delta.items() if key != "type"), ("", None)]
        return (name, self._texts[name]) if len(more) == 1 and isinstance(value, str) and name in self._texts else None

    def whole(self) -> Wire:
        """Input that was cut, or is no JSON, stays the text that it is."""
        block = {**self.start, **self._values}
        for key, texts in self._texts.items():
            said = "".join(texts)
            if key == "partial_json":
                if said.strip():
                    block["input"] = said
                    with contextlib.suppress(*loose.FAILURES):
                        block["input"] = loose.decode(said)
            else:
                before = self.start.get(key)
                block[key] = before + said if isinstance(before, str) else said
        if self._citations:
            before = self.start.get("citations")
            block["citations"] = [*(before if isinstance(before, list) else []), *self._citations]
        return block


class Message:
    """`begun`, `ended` and `error`: what the stream said of itself."""

    def __init__(self) -> None:
        self.begun = False
        self.ended = False
        self.error: Wire | None = None
        self.usage: Wire = {}
        self._fields: Wire = {}
        self._blocks: dict[int, Block] = {}

    def begin(self, event: Wire) -> None:
        self.begun = True
        message = _dict(event.get("message"))
        self._fields = {k: v for k, v in message.items() if k not in ("content", "usage")}
        self.usage |= _dict(message.get("usage"))
        content = message.get("content")
        for index, block in enumerate(content if isinstance(content, list) else []):
            self.open(index, block)

    def open(self, index: int, start: Any) -> Block:
        block = self._blocks[index] = Block(_dict(start))
        return block

    def end(self, event: Wire) -> None:
        """`message_delta`: what it says beside type, delta and usage belongs to the message too."""
        self._fields |= {k: v for k, v in event.items() if k not in ("type", "delta", "usage")}
        self._fields |= _dict(event.get("delta"))
        self.usage |= {k: v for k, v in _dict(event.get("usage")).items() if v is not None}

    @property
    def stop_reason(self) -> Any:
        return self._fields.get("stop_reason")

    @property
    def stop_sequence(self) -> str:
        found = self._fields.get("stop_sequence")
        return found if isinstance(found, str) else ""

    def whole(self) -> Wire:
        body: Wire = {"id": "", "type": "message", "role": "assistant", "model": "", **self._fields}
        body["content"] = [self._blocks[index].whole() for index in sorted(self._blocks)]
        body.setdefault("stop_reason", None)
        body.setdefault("stop_sequence", None)
        body["usage"] = self.usage
        return body if self.error is None else body | {"error": self.error}


def index_of(event: Wire) -> int:
    index = event.get("index")
    return index if isinstance(index, int) else 0


def _dict(value: Any) -> Wire:
    return value if isinstance(value, dict) else {}


def start_of(delta: Wire) -> Wire:
    """The start of a block whose start did not come."""
    match delta.get("type"):
        case "thinking_delta" | "signature_delta":
            return {"type": "thinking", "thinking": "", "signature": ""}
        case "input_json_delta":
            return {"type": "tool_use", "id": "", "name": "", "input": {}}
    return {"type": "text", "text": ""}
