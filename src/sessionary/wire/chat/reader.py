"""An upstream's chat chunks into what is told between formats. Pure."""

from typing import Any

import msgspec

from sessionary.wire import loose, merge
from sessionary.wire.answer import usage_of
from sessionary.wire.canonical import Closed, Delta, Ended, Failed, Opened, Part, Started, Told
from sessionary.wire.chat.answer import stop_of
from sessionary.wire.chat.turns import read_turn
from sessionary.wire.message import Piece, Usage
from sessionary.wire.sse import Event

Wire = dict[str, Any]
_TEXTS = (("reasoning_content", "reasoning"), ("reasoning", "reasoning"), ("content", "text"), ("refusal", "refusal"))


class _Slot:
    """A part in the making: the message that its deltas add up to, and how many of its texts were told."""

    def __init__(self, kind: str, index: int | None = None) -> None:
        self.kind = kind
        self.index = index
        self.sum: Any = {}
        self.held: list[Delta] = []
        self.told = -1
        self.open = True

    def add(self, delta: Wire) -> None:
        self.sum = merge.add(self.sum, delta)

    def message(self) -> Wire:
        found = merge.total(self.sum)
        for call in found.get("tool_calls", []):
            call.pop("index", None)
        return {"role": "assistant", "content": None, **found}

    def call(self) -> Wire:
        calls = self.message().get("tool_calls")
        return calls[0] if calls else {}


class Reader:
    """Parts are told live one after another. While a tool call is open, what else comes is held back: the call's
    own pieces may still follow. With the end of the answer the held parts are told whole."""

    def __init__(self) -> None:
        self._slots: list[_Slot] = []
        self._parts: list[Part] = []
        self._started = False
        self._over = False
        self._reason: Any = None
        self._usage: Usage | None = None

    def feed(self, event: Event) -> list[Told]:
        if self._over:
            return []
        if event.data.strip() == "[DONE]":
            return self._end() if self._started else self._fail({"message": "The provider's answer was empty"})
        try:
            chunk = loose.decode(event.data, keep_surrogates=True)
        except loose.FAILURES:
            chunk = None
        if not isinstance(chunk, dict):
            return []
        if chunk.get("error") or event.event == "error":
            error = chunk.get("error") or chunk
            return self._fail(error if isinstance(error, dict) else {"message": str(error)})
        told: list[Told] = []
        if not self._started:
            self._started = True
            created = chunk.get("created")
            told.append(
                Started(_text(chunk.get("id")), _text(chunk.get("model")), created if isinstance(created, int) else 0)
            )
        self._usage = usage_of(chunk.get("usage")) or self._usage
        choices = chunk.get("choices")
        for choice in choices if isinstance(choices, list) else []:
            if isinstance(choice, dict) and choice.get("index", 0) == 0:
                told += self._choice(choice)
        return told

    def close(self) -> list[Told]:
        """At the end of the bytes. An answer that gave no reason to be over broke off."""
        if self._over:
            return []
        if self._reason:
            return self._end()
        return self._fail({"type": "upstream_error", "message": "The provider broke off its answer"})

    def _choice(self, choice: Wire) -> list[Told]:
        told: list[Told] = []
        delta = choice.get("delta")
        delta = delta if isinstance(delta, dict) else {}
        logprobs = choice.get("logprobs")
        tokens = logprobs.get("content") if isinstance(logprobs, dict) else None
        thought = False
        for key, kind in _TEXTS:
            text = delta.get(key)
            if isinstance(text, str) and text and not (kind == "reasoning" and thought):
                thought = thought or kind == "reasoning"
                probs = tokens if kind == "text" and isinstance(tokens, list) else None
                told += self._text(kind, key, text, probs)
        for key in ("thinking_blocks", "reasoning_details"):
            if isinstance(delta.get(key), list):
                told += self._signed(key, delta[key])
        calls = delta.get("tool_calls")
        for call in calls if isinstance(calls, list) else []:
            if isinstance(call, dict):
                told += self._call(call)
        if choice.get("finish_reason"):
            self._reason = choice["finish_reason"]
            told += self._flush()
        return told

    def _text(self, kind: str, key: str, text: str, logprobs: list[Any] | None) -> list[Told]:
        slot = self._slots[-1] if self._slots and self._slots[-1].open else None
        told: list[Told] = []
        if slot is None or slot.kind != kind:
            told = self._make_way()
            slot = _Slot(kind)
            self._slots.append(slot)
        slot.add({key: text})
        return told + self._tell(slot, Delta(0, text, logprobs=logprobs))

    def _signed(self, key: str, blocks: list[Any]) -> list[Told]:
        """Kept with the reasoning that was last, and told when it closes."""
        slot = next((s for s in reversed(self._slots) if s.kind == "reasoning" and s.open), None)
        told: list[Told] = []
        if slot is None:
            told = self._make_way()
            slot = _Slot("reasoning")
            self._slots.append(slot)
        slot.add({key: blocks})
        return told + self._tell(slot, None)

    def _call(self, call: Wire) -> list[Told]:
        slot = self._slot_of(call)
        told: list[Told] = []
        if slot is None:
            told = self._make_way()
            index = call.get("index")
            slot = _Slot("tool_call", index if isinstance(index, int) else None)
            self._slots.append(slot)
        slot.add({"tool_calls": [{k: v for k, v in call.items() if k != "index"}]})
        said = call.get("custom") or call.get("function")
        said = said if isinstance(said, dict) else {}
        text = said.get("arguments", said.get("input"))
        return told + self._tell(slot, Delta(0, text) if isinstance(text, str) and text else None)

    def _slot_of(self, call: Wire) -> _Slot | None:
        """The call that this continues. Some providers give no index, or all calls the same."""
        calls = [slot for slot in self._slots if slot.kind == "tool_call" and slot.open]
        said = call.get("function") or call.get("custom")
        named = isinstance(said, dict) and bool(said.get("name"))
        index = call.get("index")
        if not isinstance(index, int):
            return None if call.get("id") or named else (calls[-1] if calls else None)
        slot = next((slot for slot in reversed(calls) if slot.index == index), None)
        if slot is None or not named or not call.get("id"):
            return slot
        return None if slot.call().get("id") not in (None, "", call["id"]) else slot

    def _make_way(self) -> list[Told]:
        """Closes what is open, unless it is a call that may go on."""
        live = self._live()
        return self._close(live) if live is not None and live.kind != "tool_call" else []

    def _live(self) -> _Slot | None:
        return next((slot for slot in self._slots if slot.open and slot.told >= 0), None)

    def _tell(self, slot: _Slot, delta: Delta | None) -> list[Told]:
        if delta is not None:
            slot.held.append(delta)
        live = self._live()
        if live is not None and live is not slot:
            return []
        told: list[Told] = []
        if slot.told < 0:
            slot.told = len(self._parts) + sum(1 for s in self._slots if s.open and s.told >= 0)
            told.append(Opened(slot.told, *_opening(slot)))
        told += [msgspec.structs.replace(held, index=slot.told) for held in slot.held]
        slot.held = []
        return told

    def _close(self, slot: _Slot) -> list[Told]:
        told = self._tell(slot, None)
        slot.open = False
        parts = _parts(slot)
        for part in parts:
            if part.signature:
                told.append(Delta(slot.told, signature=part.signature))
        self._parts.append(parts[0])
        told.append(Closed(slot.told, parts[0]))
        for part in parts[1:]:  # several blocks of reasoning that came as one
            index = len(self._parts)
            self._parts.append(part)
            told += [Opened(index, Piece(part.piece.type)), Delta(index, part.piece.text, part.signature)]
            told.append(Closed(index, part))
        return told

    def _flush(self) -> list[Told]:
        told: list[Told] = []
        for slot in self._slots:
            if slot.open:
                told += self._close(slot)
        return told

    def _end(self) -> list[Told]:
        told = self._flush()
        self._over = True
        return [*told, Ended(stop_of(self._reason, self._parts), self._usage)]

    def _fail(self, error: Wire) -> list[Told]:
        self._over = True
        kind, message, code = (error.get(key) for key in ("type", "message", "code"))
        return [
            Failed(
                _text(kind) or "upstream_error",
                _text(message) or "The provider failed",
                "" if code is None else str(code),
            )
        ]


def _opening(slot: _Slot) -> tuple[Piece, str]:
    if slot.kind != "tool_call":
        return Piece(slot.kind), "function"  # type: ignore[arg-type]
    part = _parts(slot)[0]
    return Piece("tool_call", id=part.piece.id, name=part.piece.name), part.kind


def _parts(slot: _Slot) -> list[Part]:
    """The parts that the slot amounts to; of reasoning maybe several, of anything else one."""
    message = loose.joined(slot.message())
    found = [part for part in read_turn(message).parts if part.piece.type == slot.kind]
    return found or [Part(Piece(slot.kind), "chat", message)]  # type: ignore[arg-type]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""
