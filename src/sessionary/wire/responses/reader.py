"""A response's events, from an upstream, into what is told between formats. Pure.

Items are told one after another: what comes of a later one while an earlier is open is held back. Events that are
left out (by servers that tell no deltas, or nothing but the end) are made up for from the finished items.
"""

from typing import Any

import msgspec

from sessionary.wire import loose
from sessionary.wire.canonical import Closed, Delta, Ended, Failed, Opened, Part, Started, Told
from sessionary.wire.message import Piece
from sessionary.wire.responses.answer import stop_of
from sessionary.wire.responses.envelope import read_usage
from sessionary.wire.responses.growing import Growing
from sessionary.wire.responses.items import read_item
from sessionary.wire.responses.turns import as_text
from sessionary.wire.sse import Event

Body = dict[str, Any]
_ENDS = frozenset({"response.completed", "response.incomplete", "response.failed", "response.cancelled"})
_SEALED = frozenset({"reasoning", "function_call", "custom_tool_call", "mcp_call", "code_interpreter_call"})
"""Items of one part, opened as they are announced. Others are told when they are whole."""


def parse(event: Event) -> Body | None:
    """The event with its type; None where it is none (`[DONE]`)."""
    try:
        data = loose.decode(event.data, keep_surrogates=True)  # a pair may be split between two deltas
    except loose.FAILURES:
        return None
    if not isinstance(data, dict):
        return None
    return data if isinstance(data.get("type"), str) else {**data, "type": event.event}


def error_in(event: Body) -> Body:
    """Of an `error` event: flat as OpenAI has it, or nested as Open Responses has it."""
    nested = event.get("error")
    if isinstance(nested, str):
        return {"message": nested}
    return nested if isinstance(nested, dict) else event


class _Slot:
    """An output item: what its events add up to, and what is still to be told of it. Parts are numbered within."""

    def __init__(self, item: Body) -> None:
        self.growing = Growing(item)
        self.held: list[Told] = []
        self.count = 0
        self.open = False
        self.told: list[str] = []
        """Of the open part: its text so far."""
        self.content_index = 0
        self.field = ""
        """Of reasoning: which of its texts is told, the summary or the reasoning itself."""
        self.closed = False

    def start(self, piece: Piece, kind: str = "function") -> None:
        self.held.append(Opened(self.count, piece, kind))
        self.open, self.told = True, []

    def tell(self, text: str, logprobs: list[Any] | None = None) -> None:
        if text or logprobs:
            self.told.append(text)
            self.held.append(Delta(self.count, text, logprobs=logprobs))

    def end(self, part: Part) -> None:
        """With what of the part's text was not told yet."""
        piece = part.piece
        text = piece.text
        if piece.type == "tool_call":
            text = _given(part)
        told = "".join(self.told)
        if text.startswith(told):
            self.tell(text[len(told) :])
        if part.signature:
            self.held.append(Delta(self.count, signature=part.signature))
        self.held.append(Closed(self.count, part))
        self.open = False
        self.count += 1


class Reader:
    def __init__(self) -> None:
        self._slots: dict[int | str, _Slot] = {}
        self._turn: list[_Slot] = []
        """Those not yet told to the end, in order."""
        self._base = 0
        self._parts: list[Part] = []
        self._started = False
        self._over = False

    def feed(self, event: Event) -> list[Told]:
        data = None if self._over else parse(event)
        if data is None:
            return []
        kind = str(data["type"])
        response = data.get("response")
        response = response if isinstance(response, dict) else {}
        if kind == "error" or (not kind and data.get("error")):
            return self._failed(error_in(data))
        if not kind.startswith("response."):  # a sign of life
            return []
        told = self._start(response)
        if kind in _ENDS:
            return told + self._end(kind, response)
        if (slot := self._slot(data)) is not None:
            self._add(slot, kind, data)
        return told + self._flush()

    def close(self) -> list[Told]:
        """At the end of the bytes. A stream without its last event broke off."""
        if self._over:
            return []
        return self._failed({"type": "upstream_error", "message": "The provider broke off its answer"})

    def _start(self, response: Body) -> list[Told]:
        if self._started:
            return []
        self._started = True
        created = response.get("created_at")
        at = int(created) if isinstance(created, int | float) else 0
        return [Started(_str(response.get("id")), _str(response.get("model")), at, read_usage(response.get("usage")))]

    def _slot(self, data: Body) -> _Slot | None:
        position, name = data.get("output_index"), data.get("item_id")
        if not isinstance(position, int) and not isinstance(name, str):
            if "item" not in data:
                return None
            position = len(self._slots)
        key = position if isinstance(position, int) else str(name)
        if key not in self._slots:
            item = data.get("item")
            self._slots[key] = _Slot(item if isinstance(item, dict) else {})
            self._turn.append(self._slots[key])
        return self._slots[key]

    def _add(self, slot: _Slot, kind: str, data: Body) -> None:
        if slot.closed:
            return
        added = slot.growing.add(data)
        if kind == "response.output_item.added":
            self._announce(slot)
        elif kind == "response.output_item.done":
            self._whole(slot)
        elif added:
            self._text(slot, kind, data, added)

    def _announce(self, slot: _Slot) -> None:
        item = slot.growing.item()
        if item.get("type") in _SEALED and not slot.open and not slot.count:
            part = read_item(item).parts[0]
            slot.start(Piece(part.piece.type, id=part.piece.id, name=part.piece.name), part.kind)

    def _text(self, slot: _Slot, kind: str, data: Body, added: str) -> None:
        field, what = kind.removeprefix("response.").split(".")[0], _str(kind.rpartition(".")[2])
        if field in ("output_text", "refusal"):
            index = data.get("content_index")
            index = index if isinstance(index, int) else 0
            if slot.open and index != slot.content_index:
                slot.end(_piece_of(slot, slot.content_index))
            if not slot.open:
                slot.content_index = index
                slot.start(Piece("refusal" if field == "refusal" else "text"))
            probs = data.get("logprobs")
            slot.tell(added, probs if what == "delta" and isinstance(probs, list) and probs else None)
            return
        if not slot.open and not slot.count:
            self._announce(slot)
        if not slot.open or field not in _ONE_PART:
            return
        if field in ("reasoning_text", "reasoning", "reasoning_summary_text"):
            place = f"{field} {data.get('summary_index', 0)}"
            if slot.field.split(" ")[0] not in ("", field):
                return  # the other of the two
            if slot.field and slot.field != place and field == "reasoning_summary_text":
                slot.tell("\n\n")
            slot.field = place
        slot.tell(added)

    def _whole(self, slot: _Slot) -> None:
        """The item is finished, or was left as it is."""
        item = slot.growing.item()
        parts = read_item(_spoken(item)).parts
        if slot.count and item.get("type", "message") == "message":  # some of its parts are told
            parts = parts[slot.count :]
        for part in parts:
            if not slot.open:
                slot.start(Piece(part.piece.type, id=part.piece.id, name=part.piece.name), part.kind)
            slot.end(part)
        slot.closed = True

    def _flush(self) -> list[Told]:
        told: list[Told] = []
        while self._turn:
            slot = self._turn[0]
            for held in slot.held:
                told.append(_moved(held, self._base))
                if isinstance(held, Closed):
                    self._parts.append(held.part)
            slot.held = []
            if not slot.closed:
                break
            self._base += slot.count
            self._turn.pop(0)
        return told

    def _end(self, kind: str, response: Body) -> list[Told]:
        if kind in ("response.failed", "response.cancelled"):
            error = response.get("error")
            return self._failed(error if isinstance(error, dict) else {"code": kind.removeprefix("response.")})
        items = response.get("output")
        items = items if isinstance(items, list) else []
        for position, item in enumerate(items):
            named = item.get("id") if isinstance(item, dict) else None
            known = self._slots.get(position) or self._slots.get(_str(named))
            if known is None and isinstance(item, dict) and len(self._slots) <= position:
                known = self._slots[position] = _Slot(item)
                self._turn.append(known)
            if known is not None and not known.closed and isinstance(item, dict):
                known.growing.add({"type": "response.output_item.done", "item": item})
        for slot in self._turn:
            if not slot.closed:
                self._whole(slot)
        told = self._flush()
        self._over = True
        stop = stop_of({"status": kind.removeprefix("response."), **response}, self._parts)
        return [*told, Ended(stop, read_usage(response.get("usage")))]

    def _failed(self, error: Body) -> list[Told]:
        told = self._start({}) + self._flush()
        self._over = True
        code = error.get("code")
        code = "" if code is None else str(code)
        kind = _str(error.get("type"))
        kind = code or "upstream_error" if kind in ("", "error") else kind
        return [*told, Failed(kind, _str(error.get("message")) or "The provider failed", code)]


_ONE_PART = frozenset(
    {"reasoning_text", "reasoning", "reasoning_summary_text", "function_call_arguments", "custom_tool_call_input"}
    | {"mcp_call_arguments"}
)


def _spoken(item: Body) -> Body:
    message = item.get("type", "message") == "message"
    return {**item, "role": "assistant"} if message and not item.get("role") else item


def _piece_of(slot: _Slot, content_index: int) -> Part:
    """A part of a message that has several: its origin is a message of that part alone."""
    item = slot.growing.item()
    content = item.get("content")
    part = content[content_index] if isinstance(content, list) and content_index < len(content) else {}
    alone = {**_spoken(item), "content": [part], "status": "completed"}
    found = read_item(alone).parts
    return found[0] if found else Part(Piece("text"), "responses", alone)


def _given(part: Part) -> str:
    """A tool call's arguments in the model's own spelling."""
    origin = part.origin if isinstance(part.origin, dict) else {}
    for field in ("arguments", "input"):
        if isinstance(origin.get(field), str):
            return str(origin[field])
    return as_text(part.piece.arguments) if part.piece.arguments is not None else ""


def _moved(told: Told, base: int) -> Told:
    if isinstance(told, Opened | Delta | Closed):
        return msgspec.structs.replace(told, index=told.index + base)
    return told


def _str(value: Any) -> str:
    return value if isinstance(value, str) else ""
