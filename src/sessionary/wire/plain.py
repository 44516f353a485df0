"""Messages of any format as a chat request has them, from what they mean: for programs that take nothing else. Pure.

What chat cannot say (reasoning, a provider's own tools, files without their contents) is left out, or said in words.
"""

from collections.abc import Iterable
from typing import Any

from sessionary.wire import loose
from sessionary.wire.message import Message, Piece

Wire = dict[str, Any]


def chat(messages: Iterable[Message]) -> list[Wire]:
    """Ready to send: tools' results follow the calls that they belong to, and what one message said is one message."""
    found: list[Wire] = []
    for message in messages:
        for one in _said(message):
            before = found[-1] if found else None
            if before is not None and one["role"] == before["role"] == "assistant":
                _join(before, one)
            else:
                found.append(one)
    return [one for one in found if one.get("content") or one.get("tool_calls") or one["role"] == "tool"]


def _said(message: Message) -> list[Wire]:
    results = [_result(piece) for piece in message.pieces if piece.type == "tool_result"]
    rest = [piece for piece in message.pieces if piece.type != "tool_result"]
    if message.role == "assistant":
        return [_answer(rest), *results]
    content = _content(rest)
    name = {"name": message.name} if message.name else {}
    role = "user" if message.role == "tool" else message.role
    return [*results, {"role": role, **name, "content": content}] if content else results


def _answer(pieces: list[Piece]) -> Wire:
    text = "".join(p.text for p in pieces if p.type in ("text", "refusal"))
    calls = [_call(p) for p in pieces if p.type == "tool_call"]
    return {"role": "assistant", "content": text or None, **({"tool_calls": calls} if calls else {})}


def _join(before: Wire, more: Wire) -> None:
    before["content"] = "\n\n".join(filter(None, (before["content"], more["content"]))) or None
    if calls := [*before.get("tool_calls", []), *more.get("tool_calls", [])]:
        before["tool_calls"] = calls


def _call(piece: Piece) -> Wire:
    arguments = piece.arguments if isinstance(piece.arguments, str) else loose.encode(piece.arguments or {}).decode()
    return {"id": piece.id, "type": "function", "function": {"name": piece.name or piece.kind, "arguments": arguments}}


def _result(piece: Piece) -> Wire:
    """Of a tool's pictures only that they were there: in chat a tool answers in words."""
    said = [p.text if p.type == "text" else _words(p) for p in piece.content]
    return {"role": "tool", "tool_call_id": piece.id, "content": "\n".join(filter(None, said))}


def _content(pieces: list[Piece]) -> str | list[Wire]:
    parts = [part for piece in pieces if (part := _part(piece)) is not None]
    if all(part["type"] == "text" for part in parts):
        return "\n\n".join(part["text"] for part in parts)
    return parts


def _part(piece: Piece) -> Wire | None:
    head, _, data = piece.url.partition(",")
    match piece.type:
        case "text" | "refusal" if piece.text:
            return {"type": "text", "text": piece.text}
        case "image" if piece.url:
            return {"type": "image_url", "image_url": {"url": piece.url}}
        case "audio" if head.endswith(";base64"):
            format = piece.media_type.rpartition("/")[2] or "wav"
            return {"type": "input_audio", "input_audio": {"data": data, "format": format}}
        case "file" if head.endswith(";base64"):
            return {"type": "file", "file": {"filename": piece.name or "file", "file_data": piece.url}}
        case "text" | "refusal" | "reasoning" | "tool_call":
            return None
    return {"type": "text", "text": _words(piece)}


def _words(piece: Piece) -> str:
    named = piece.name or piece.id or (piece.url if not piece.url.startswith("data:") else "")
    return f"[{piece.type}{f': {named}' if named else ''}]"
