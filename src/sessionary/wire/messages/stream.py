"""Streams of /messages: read into what is told between formats, and written out of it. Pure.

Blocks come one after another: start, deltas, stop. Citations are in no delta that is told: they are part of the
closed block. A reader that is closed before `message_stop` tells what had come, and then that it failed.
"""

from typing import Any

from sessionary.wire import loose
from sessionary.wire.canonical import Closed, Delta, Ended, Failed, Opened, Part, Started, Told
from sessionary.wire.message import Piece, Usage
from sessionary.wire.messages import answer, blocks, errors, growing, ids, stops, usage
from sessionary.wire.messages.blocks import FORMAT
from sessionary.wire.sse import Event

Wire = dict[str, Any]
CUT = Failed("api_error", "The provider broke off its answer.", "upstream_incomplete")


class Reader:
    """Of an upstream's stream."""

    def __init__(self) -> None:
        self._message = growing.Message()
        self._open: growing.Block | None = None
        self._count = 0  # of blocks that were opened; an index of ours, whatever the upstream's
        self._over = False

    def feed(self, event: Event) -> list[Told]:
        found = loose.read_object(event.data)
        if found is None or self._over:
            return []
        match found.get("type") or event.event:
            case "message_start":
                return [] if self._message.begun else [self._start(found)]
            case "content_block_start":
                return [*self._begun(), *self._opened(found.get("content_block"))]
            case "content_block_delta" if isinstance(found.get("delta"), dict):
                return [*self._begun(), *self._delta(found["delta"])]
            case "content_block_stop":
                return self._closed()
            case "message_delta":
                self._message.end(found)
            case "message_stop":
                return self._ended()
            case "error":
                return self._failed(found, event.data)
        return []

    def close(self) -> list[Told]:
        """At the end of the bytes."""
        if self._over:
            return []
        if isinstance(self._message.stop_reason, str):  # all was said but the last event
            return self._ended()
        self._over = True
        return [*self._closed(), CUT]

    def _start(self, event: Wire) -> Started:
        self._message.begin(event)
        message = event.get("message")
        message = message if isinstance(message, dict) else {}
        model, id = (str(message.get(key) or "") for key in ("model", "id"))
        return Started(id, model, 0, usage.read(message.get("usage")))

    def _begun(self) -> list[Told]:
        return [] if self._message.begun else [self._start({})]

    def _opened(self, start: Any) -> list[Told]:
        told = self._closed()  # a server that forgot to say so
        self._open = self._message.open(self._count, start)
        self._count += 1
        start = self._open.start
        piece = _opening(start)
        told.append(Opened(self._index, piece))
        if text := str(start.get("text") or start.get("thinking") or ""):
            told.append(Delta(self._index, text))
        elif piece.type == "tool_call" and start.get("input"):
            told.append(Delta(self._index, loose.encode(start["input"]).decode()))
        return told

    @property
    def _index(self) -> int:
        return self._count - 1

    def _delta(self, delta: Wire) -> list[Told]:
        told: list[Told] = [] if self._open else self._opened(growing.start_of(delta))
        assert self._open is not None
        self._open.add(delta)
        match delta:
            case {"type": "signature_delta", "signature": str(proof)} if proof:
                told.append(Delta(self._index, signature=proof))
            case {"text": str(text)} | {"thinking": str(text)} | {"partial_json": str(text)} if text:
                if _opening(self._open.start).type != "other":
                    told.append(Delta(self._index, text))
        return told

    def _closed(self) -> list[Told]:
        if self._open is None:
            return []
        block, self._open = self._open.whole(), None
        found = blocks.parts(block, block)
        return [Closed(self._index, found[0] if found else Part(_opening(block), FORMAT, block))]

    def _ended(self) -> list[Told]:
        self._over = True
        message = self._message
        return [
            *self._begun(),
            *self._closed(),
            Ended(stops.read(message.stop_reason), usage.read(message.usage), message.stop_sequence),
        ]

    def _failed(self, event: Wire, data: str) -> list[Told]:
        self._over = True
        error = errors.read(event) or {}
        kind, said = str(error.get("type") or "api_error"), str(error.get("message") or data)
        return [*self._closed(), Failed(kind, said)]


def _opening(start: Wire) -> Piece:
    """What a block is, before it says anything."""
    match start.get("type"):
        case "text":
            return Piece("text")
        case "thinking" | "redacted_thinking":
            return Piece("reasoning")
        case "tool_use":
            return Piece("tool_call", id=ids.read(str(start.get("id") or "")), name=str(start.get("name") or ""))
    return Piece("other", value=start)


class Writer:
    """Of a client's stream. `body` is the whole answer, from `Ended` or `Failed` on."""

    unasked = b""

    def __init__(self, asked: Wire, answer_id: str, created: int) -> None:
        self.body: Wire | None = None
        self._id = answer.answer_id(answer_id)
        self._model = str(asked.get("model") or "")
        self._usage: Usage | None = None
        self._begun = False
        self._count = 0
        self._piece = Piece("text")  # of the part that is open
        self._started = False  # whether the client knows of it
        self._told = False  # whether any of its text was written
        self._parts: list[Part] = []
        self._content: list[Any] = []

    def feed(self, told: Told) -> bytes:
        """Raises Unsupported."""
        if self.body is not None:
            return b""
        match told:
            case Started():
                return self._start(told)
            case Opened():
                return self._begin() + self._open(told)
            case Delta():
                return self._delta(told)
            case Closed():
                return self._begin() + self._close(told.part)
            case Ended():
                return self._begin() + self._end(told)
            case Failed():
                return self._fail(told)

    def close(self) -> bytes:
        return b"" if self.body is not None else self.feed(CUT)

    def _start(self, told: Started) -> bytes:
        if self._begun:
            return b""
        self._begun = True
        self._model = told.model or self._model
        self._usage = told.usage
        return _event("message_start", message=self._message(None, "")) + _event("ping")

    def _begin(self) -> bytes:
        return b"" if self._begun else self._start(Started("", "", 0))

    def _message(self, reason: str | None, sequence: str) -> Wire:
        return {
            "id": self._id,
            "type": "message",
            "role": "assistant",
            "model": self._model,
            "content": self._content[:],
            "stop_reason": reason,
            "stop_sequence": sequence or None,
            "usage": usage.write(self._usage),
        }

    def _open(self, told: Opened) -> bytes:
        """Reasoning is held back until it is known whether it has a text."""
        self._piece, self._told, self._started = told.piece, False, False
        match told.piece.type:
            case "text" | "refusal":
                return self._show({"type": "text", "text": ""})
            case "tool_call" if told.kind in ("function", "custom"):
                id, name = ids.written(told.piece.id), told.piece.name
                return self._show({"type": "tool_use", "id": id, "name": name, "input": {}})
        return b""

    def _show(self, block: Wire) -> bytes:
        self._started = True
        return _event("content_block_start", index=self._count, content_block=block)

    def _delta(self, told: Delta) -> bytes:
        kind = self._piece.type
        if kind == "reasoning":
            return self._thought(told.text) if told.text else b""  # what proves it comes when it is whole
        if not told.text or not self._started:
            return b""
        self._told = True
        if kind == "tool_call":
            return self._continue(type="input_json_delta", partial_json=told.text)
        return self._continue(type="text_delta", text=told.text)

    def _thought(self, text: str) -> bytes:
        self._told = True
        start = b"" if self._started else self._show({"type": "thinking", "thinking": "", "signature": ""})
        return start + self._continue(type="thinking_delta", thinking=text)

    def _continue(self, **delta: Any) -> bytes:
        return _event("content_block_delta", index=self._count, delta=delta)

    def _close(self, part: Part) -> bytes:
        """What no delta has told is told now."""
        block = answer.block_of(part) if part.piece.text or part.piece.type not in ("text", "refusal") else None
        if block is None and not self._started:
            return b""
        written = self._finish(part, block if isinstance(block, dict) else {"type": "text", "text": ""})
        written += _event("content_block_stop", index=self._count)
        self._parts.append(part)
        self._content.append(block if block is not None else {"type": "text", "text": ""})
        self._count += 1
        self._started = False
        return written

    def _finish(self, part: Part, block: Wire) -> bytes:
        match block:
            case {"type": "text", "text": str(text), **rest}:
                written = b"" if self._started else self._show({"type": "text", "text": ""})
                if text and not self._told:
                    written += self._continue(type="text_delta", text=text)
                cited = rest.get("citations")
                for citation in cited if isinstance(cited, list) else []:
                    written += self._continue(type="citations_delta", citation=citation)
                return written
            case {"type": "thinking", "thinking": str(text), **rest}:
                written = b"" if self._started else self._show({"type": "thinking", "thinking": "", "signature": ""})
                if text and not self._told:
                    written += self._continue(type="thinking_delta", thinking=text)
                proof = str(rest.get("signature") or "")
                return written + (self._continue(type="signature_delta", signature=proof) if proof else b"")
            case {"type": "tool_use" | "server_tool_use" | "mcp_tool_use", "input": given}:
                written = b"" if self._started else self._show({**block, "input": {}})
                if given and not self._told:
                    said = given if isinstance(given, str) else loose.encode(given).decode()
                    written += self._continue(type="input_json_delta", partial_json=said)
                return written
        return b"" if self._started else self._show(block)

    def _end(self, told: Ended) -> bytes:
        self._usage = told.usage or self._usage
        reason = stops.write(told.stop, told.stop_sequence, self._parts)
        self.body = self._message(reason, told.stop_sequence)
        delta = {"stop_reason": reason, "stop_sequence": told.stop_sequence or None}
        return _event("message_delta", delta=delta, usage=self.body["usage"]) + _event("message_stop")

    def _fail(self, told: Failed) -> bytes:
        error = {"type": errors.known(told.type), "message": told.message}
        self.body = self._message(None, "") | {"error": error} if self._begun else {"type": "error", "error": error}
        return errors.event(told)


def _event(type: str, **fields: Any) -> bytes:
    return b"event: " + type.encode() + b"\ndata: " + loose.encode({"type": type, **fields}) + b"\n\n"
