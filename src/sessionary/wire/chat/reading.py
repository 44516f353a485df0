"""Chat messages: what they show, and what they mean (`wire/meaning`). Pure.

A string is equal to a single text part; reasoning, annotations, and the message's own id do not count.
A system message inside the history has no meaning: clients inject and move those.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from sessionary.wire import loose, meaning
from sessionary.wire.message import Message, Piece, Role

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
_SHOWN = frozenset(
    {"role", "content", "name", "tool_calls", "function_call", "tool_call_id", "refusal", "audio"}
    # Beside what is said: servers put it into answers, and clients drop it or send it back as they like.
    | {"reasoning_content", "reasoning", "reasoning_details", "thinking_blocks", "annotations", "logprobs"}
    | {"cache_control", "id", "status", "provider_specific_fields"}
)


def read_message(raw: bytes) -> meaning.Read:
    """The message, and its meaning: nothing where the message does not count. Any bytes are read."""
    value = loose.read_any(raw)
    if not isinstance(value, dict):
        return meaning.opaque("user", value)
    message = to_message(value)
    return message, meaning.NOTHING if message.role == "system" else _meaning(value, message)


def read_answer(raw: bytes) -> meaning.Read:
    """The same for an answer's message, which may leave its role out."""
    value = loose.read_any(raw)
    if not isinstance(value, dict):
        return meaning.opaque("assistant", value)
    if not value.get("role"):
        value = {**value, "role": "assistant"}
    message = to_message(value)
    return message, _meaning(value, message)


def to_message(value: Mapping[str, Any]) -> Message:
    name = value.get("name")
    return Message(role_of(value), [piece for piece, _ in pieces(value)], name=name if isinstance(name, str) else "")


def role_of(value: Mapping[str, Any]) -> Role:
    return _ROLES.get(str(value.get("role", "")), "user")


def pieces(value: Mapping[str, Any]) -> list[tuple[Piece, Any]]:
    """What the message says in order, each with the part or call that says it; None: a field of the message."""
    found: list[tuple[Piece, Any]] = []
    for key in ("reasoning_content", "reasoning"):
        if isinstance(value.get(key), str) and value[key]:
            found.append((Piece("reasoning", text=value[key]), None))
            break
    content = list(_content(value.get("content")))
    if value.get("annotations"):
        content = _cited(content, loose.dicts(value["annotations"]))
    if role_of(value) == "tool":
        call_id = str(value.get("tool_call_id") or value.get("name") or "")
        found.append((Piece("tool_result", id=call_id, content=[piece for piece, _ in content]), None))
    else:
        found += content
    if isinstance(value.get("refusal"), str) and value["refusal"]:
        found.append((Piece("refusal", text=value["refusal"]), None))
    found += _tool_calls(value)
    if isinstance(value.get("audio"), dict) and value["audio"]:
        audio = value["audio"]
        spoken = Piece("audio", text=str(audio.get("transcript") or ""), id=str(audio.get("id") or ""))
        found.append((spoken, None))
    return found


def _content(content: Any) -> Iterator[tuple[Piece, Any]]:
    if isinstance(content, str):
        if content:
            yield Piece("text", text=content), None
    elif isinstance(content, list):
        for part in content:
            for piece in _part(part):
                yield piece, part
    elif content is not None:
        yield Piece("other", value=content), None


def _cited(content: list[tuple[Piece, Any]], annotations: list[dict[str, Any]]) -> list[tuple[Piece, Any]]:
    """Chat says beside the content what its text cites."""
    for at, (piece, part) in enumerate(content):
        if annotations and piece.type == "text":
            return [*content[:at], (msgspec.structs.replace(piece, annotations=annotations), part), *content[at + 1 :]]
    return content


def _part(part: Any) -> list[Piece]:
    """No piece for an empty text, as for empty content."""
    if isinstance(part, str):
        return [Piece("text", text=part)] if part else []
    if not isinstance(part, dict):
        return [Piece("other", value=part)]
    match part:
        case {"type": "text" | "input_text" | "output_text", "text": str(text)}:
            return [Piece("text", text=text)] if text else []
        case {"type": "refusal", "refusal": str(text)}:
            return [Piece("refusal", text=text)]
        case {"type": "thinking", "thinking": str(text)}:
            return [Piece("reasoning", text=text)]
        case {"type": "thinking", "thinking": list(inner)}:  # Mistral
            return [Piece("reasoning", text=p.text) for p, _ in _content(inner) if p.type == "text"]
        case {"type": "image_url", "image_url": {"url": str(url), **image}}:
            detail = image.get("detail")
            detail = str(detail) if detail and detail != "auto" else ""
            return [Piece("image", url=url, media_type=meaning.media_type(url), detail=detail)]
        case {"type": "image_url", "image_url": str(url)}:
            return [Piece("image", url=url, media_type=meaning.media_type(url))]
        case {"type": "input_audio", "input_audio": {"data": str(data), **audio}}:
            kind = f"audio/{audio.get('format') or 'wav'}"
            return [Piece("audio", url=f"data:{kind};base64,{data}", media_type=kind)]
        case {"type": "file", "file": dict(file)}:
            url, name, file_id = (str(file.get(key) or "") for key in ("file_data", "filename", "file_id"))
            return [Piece("file", url=url, media_type=meaning.media_type(url), name=name, id=file_id)]
    return [Piece("other", value=part)]


def _tool_calls(value: Mapping[str, Any]) -> Iterator[tuple[Piece, Any]]:
    calls = value.get("tool_calls")
    for call in calls if isinstance(calls, list) else []:
        match call:
            case {"custom": dict(custom)}:  # takes free text: never parsed
                name, call_id = str(custom.get("name") or ""), str(call.get("id") or "")
                yield Piece("tool_call", id=call_id, name=name, arguments=custom.get("input"), kind="custom"), call
            case dict():
                function = call.get("function")
                yield _tool_call(str(call.get("id") or ""), function if isinstance(function, dict) else {}), call
            case _:
                yield Piece("other", value=call), call
    legacy = value.get("function_call")
    if isinstance(legacy, dict) and legacy:
        yield _tool_call("", legacy), None


def _tool_call(call_id: str, function: Mapping[str, Any]) -> Piece:
    parsed = meaning.arguments(function.get("arguments"))
    return Piece("tool_call", id=call_id, name=str(function.get("name") or ""), arguments=parsed)


def _meaning(value: Mapping[str, Any], message: Message) -> meaning.Meaning:
    return meaning.of(message, {k: v for k, v in value.items() if k not in _SHOWN})
