"""From a stream's bytes to the answer they amount to. Pure; any bytes are assembled to something.

How deltas add up is told in `merge`. Outside the deltas a field is what the last chunk that has it says;
empty values (Azure's first chunk, OpenAI's `usage: null`) replace nothing.
"""

from typing import Any

import msgspec

from sessionary.wire import loose, merge, sse
from sessionary.wire.alike import Alike
from sessionary.wire.answer import usage_of
from sessionary.wire.message import Usage
from sessionary.wire.messages import assemble as messages
from sessionary.wire.responses import assembling as responses
from sessionary.wire.sse import Event

_PADDING = "obfuscation"
"""Noise against traffic analysis: no part of the answer."""
_ADDED = frozenset({"delta", "text", "logprobs"})
"""Of a choice: what adds up."""
_BESIDE = frozenset({_PADDING, "error"})
"""Of a chunk: what is no field of the answer."""


class Assembled(msgspec.Struct, frozen=True):
    body: bytes
    """As the provider would have answered without streaming; empty where nothing came."""
    usage: Usage | None
    finish_reason: str | None
    """Of the first choice."""
    complete: bool
    """Whether the stream said that it was at its end."""
    error: dict[str, Any] | None


def assemble(raw: bytes, endpoint: str) -> Assembled:
    match endpoint:
        case "messages":
            return _of_object(messages.assemble(raw))
        case "responses":
            return _of_object(responses.assemble(raw))
        case _:
            return _of_chunks(raw, endpoint)


def _of_object(body: bytes | None) -> Assembled:
    """What a format of its own has put together; it says itself whether it was at its end."""
    found = loose.read_object(body, keep_surrogates=True) if body else None
    if body is None or found is None:
        return Assembled(b"", None, None, False, None)
    error = loose.joined(found["error"]) if isinstance(found.get("error"), dict) else None
    reason = found.get("stop_reason") or found.get("status")
    complete = found.get("stop_reason") is not None or found.get("status") in ("completed", "incomplete")
    return Assembled(body, usage_of(found.get("usage")), reason if isinstance(reason, str) else None, complete, error)


def _of_chunks(raw: bytes, endpoint: str) -> Assembled:
    stream = _Stream(endpoint)
    event: Event | None = None
    for event in stream.alike.others(sse.unified(raw)):
        stream.add(event)
    plain = loose.read_object(raw, keep_surrogates=True) if event is None else None
    if plain is not None:  # an answer that was no stream, by a false content type
        error = loose.joined(_error(plain))
        return Assembled(raw, usage_of(plain.get("usage")), None, error is None, error)
    return stream.assembled()


class _Stream:
    def __init__(self, endpoint: str) -> None:
        self._legacy = endpoint == "completions"
        self._fields: dict[str, Any] = {}
        self._choices: dict[int, dict[str, Any]] = {}
        self._done = False
        self._error: dict[str, Any] | None = None
        self.alike = Alike()

    def add(self, event: Event) -> None:
        if event.data.strip() == "[DONE]":
            self._done = True
            return
        chunk = loose.read_object(event.data, keep_surrogates=True)
        if event.event == "error" or (chunk is not None and chunk.get("error")):
            self._error = _error(chunk or {}) or chunk or {"message": event.data}
        if chunk is None:
            return
        begun = len(self._choices)
        for key, value in chunk.items():
            if key == "choices":
                for position, choice in enumerate(value if isinstance(value, list) else []):
                    if isinstance(choice, dict):
                        self._add_choice(position, choice)
            elif key not in _BESIDE and (value or key not in self._fields):
                self._fields[key] = value
        if len(self._choices) == begun and event.event != "error" and not chunk.get("error"):
            self._show(chunk)  # not a choice's first, which tells the role: none is like that

    def _show(self, chunk: dict[str, Any]) -> None:
        """What follows is told by it, if it has added one text and nothing else."""
        choices = chunk.get("choices")
        if not isinstance(choices, list) or len(choices) != 1 or not isinstance(choices[0], dict):
            return
        index = choices[0].get("index")
        into = self._choices[index if isinstance(index, int) else 0]
        match merge.again(into, {k: v for k, v in choices[0].items() if k in _ADDED}):
            case [(path, list(pieces))]:
                self.alike.show(chunk, ("choices", 0, *path), pieces, _PADDING)

    def _add_choice(self, position: int, choice: dict[str, Any]) -> None:
        index = choice.get("index")
        index = index if isinstance(index, int) else position
        into = self._choices.setdefault(index, {})
        for key, value in choice.items():
            if key in _ADDED:
                into[key] = merge.add(into.get(key), value)
            elif key != "index" and (value or key not in into):
                into[key] = value

    def assembled(self) -> Assembled:
        choices = [self._choice(index, self._choices[index]) for index in sorted(self._choices)]
        reasons = [choice.get("finish_reason") for choice in choices]
        ended = bool(choices) and all(isinstance(reason, str) and reason for reason in reasons)
        first = reasons[0] if reasons and isinstance(reasons[0], str) else None
        return Assembled(
            body=self._body(choices),
            usage=self._usage(choices),
            finish_reason=loose.joined(first) or None,
            complete=self._done or ended,
            error=loose.joined(self._error),
        )

    def _body(self, choices: list[dict[str, Any]]) -> bytes:
        kind = "text_completion" if self._legacy else "chat.completion"
        body = {k: kind if k == "object" else v for k, v in self._fields.items() if k != "usage"}
        if body or choices:
            body["choices"] = choices
        if "usage" in self._fields:
            body["usage"] = self._fields["usage"]
        if self._error is not None:
            body["error"] = self._error
        return loose.encode(body) if body else b""

    def _choice(self, index: int, choice: dict[str, Any]) -> dict[str, Any]:
        rest = {k: merge.total(v) for k, v in choice.items() if k not in ("delta", "text", "message")}
        if self._legacy:
            return {"index": index, "text": merge.total(choice.get("text")) or "", **rest}
        delta = merge.total(choice.get("delta")) or choice.get("message")
        return {"index": index, "message": _message(delta if isinstance(delta, dict) else {}), **rest}

    def _usage(self, choices: list[dict[str, Any]]) -> Usage | None:
        groq = self._fields.get("x_groq")
        beside = [groq.get("usage")] if isinstance(groq, dict) else []
        candidates = [self._fields.get("usage"), *beside, *(choice.get("usage") for choice in choices)]
        return next((usage for found in candidates if (usage := usage_of(found)) is not None), None)


def _error(chunk: dict[str, Any]) -> dict[str, Any] | None:
    error = chunk.get("error")
    if not error:
        return None
    return error if isinstance(error, dict) else {"message": str(error)}


def _message(delta: dict[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": None, **delta}
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        message["tool_calls"] = [
            {k: v for k, v in call.items() if k != "index"} if isinstance(call, dict) else call for call in calls
        ]
    return message
