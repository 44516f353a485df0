"""From a stream's bytes to the answer they amount to. Pure; any bytes are assembled to something.

Deltas are merged by kind: strings are joined, lists of objects merged by their `index`, objects field by field,
anything else replaced. So fields that nobody here knows are kept too.
"""

from typing import Any

import msgspec

from sessionary.wire.answer import usage_of
from sessionary.wire.message import Usage
from sessionary.wire.sse import Parser

_REPLACED = frozenset({"role", "id", "type", "index", "name", "finish_reason", "object", "model", "created"})
"""Strings that a chunk repeats rather than continues."""


class Assembled(msgspec.Struct, frozen=True):
    body: bytes
    """As the provider would have answered without streaming."""
    usage: Usage | None
    finish_reason: str | None
    complete: bool
    """Whether the stream said that it was at its end."""
    error: dict[str, Any] | None


def assemble(raw: bytes, endpoint: str) -> Assembled:
    parser = Parser()
    whole: dict[str, Any] = {}
    choices: dict[int, dict[str, Any]] = {}
    done = False
    error: dict[str, Any] | None = None
    for event in [*parser.feed(raw), *parser.close()]:
        if event.data.strip() == "[DONE]":
            done = True
            continue
        chunk = _object(event.data)
        if chunk is None:
            continue
        if chunk.get("error"):
            error = chunk["error"] if isinstance(chunk["error"], dict) else {"message": str(chunk["error"])}
            continue
        for key, value in chunk.items():
            if key == "choices":
                _add_choices(choices, value)
            elif value is not None or key not in whole:
                whole[key] = value
    reasons = [c["finish_reason"] for c in choices.values() if isinstance(c.get("finish_reason"), str)]
    body = _finished(whole, choices, endpoint)
    complete = done or (bool(choices) and len(reasons) == len(choices))
    return Assembled(body, usage_of(whole.get("usage")), reasons[0] if reasons else None, complete, error)


def _object(data: str) -> dict[str, Any] | None:
    try:
        value = msgspec.json.decode(data)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _add_choices(choices: dict[int, dict[str, Any]], found: Any) -> None:
    for position, choice in enumerate(found if isinstance(found, list) else []):
        if not isinstance(choice, dict):
            continue
        index = choice.get("index")
        index = index if isinstance(index, int) else position
        into = choices.setdefault(index, {"index": index})
        for key, value in choice.items():
            if key == "delta":
                if isinstance(value, dict):
                    into["delta"] = _merged(into.get("delta"), value)
            elif key == "text" and isinstance(value, str):
                into["text"] = into.get("text", "") + value
            elif key == "logprobs":
                into[key] = _merged(into.get(key), value) if value is not None else into.get(key)
            elif value is not None or key not in into:
                into[key] = value


def _merged(old: Any, new: Any, key: str = "") -> Any:
    if new is None:
        return old
    if old is None:
        return _merged([], new) if isinstance(new, list) else new
    if isinstance(old, str) and isinstance(new, str):
        return new if key in _REPLACED and new else old + new if key not in _REPLACED else old
    if isinstance(old, dict) and isinstance(new, dict):
        return old | {k: _merged(old.get(k), v, k) for k, v in new.items()}
    if isinstance(old, list) and isinstance(new, list):
        items = list(old)
        for item in new:
            index = item.get("index") if isinstance(item, dict) else None
            at = next((n for n, i in enumerate(items) if isinstance(i, dict) and i.get("index") == index), None)
            if index is not None and at is not None:
                items[at] = _merged(items[at], item)
            else:
                items.append(item)
        return items
    return new


def _finished(whole: dict[str, Any], choices: dict[int, dict[str, Any]], endpoint: str) -> bytes:
    """Chunk names become the names of a whole answer."""
    if not whole and not choices:
        return b""
    done = []
    for index in sorted(choices):
        choice = dict(choices[index])
        delta = choice.pop("delta", None)
        if endpoint == "completions":
            out = {"index": index, "text": choice.pop("text", "")}
        else:
            out = {"index": index, "message": _message(delta or {})}
        done.append(out | {k: v for k, v in choice.items() if k != "index"})
    kind = "text_completion" if endpoint == "completions" else "chat.completion"
    body = {k: kind if k == "object" else v for k, v in whole.items()} | {"choices": done}
    try:
        return msgspec.json.encode(body)
    except (UnicodeEncodeError, RecursionError):
        return b""


def _message(delta: dict[str, Any]) -> dict[str, Any]:
    message = {"role": "assistant", "content": None} | delta
    calls = message.get("tool_calls")
    if isinstance(calls, list):
        message["tool_calls"] = [
            {k: v for k, v in call.items() if k != "index"} if isinstance(call, dict) else call for call in calls
        ]
    return message
