"""Chat messages and canonical turns. Pure.

A turn read from chat keeps its whole message, and an unchanged turn is written back as it came. Reasoning that a chat
message carries for other providers (`thinking_blocks`, `reasoning_details`) is read as a part of the format that
signed it, and so reaches that provider again.
"""

from typing import Any

import msgspec

from sessionary.wire import loose
from sessionary.wire.canonical import Part, Turn
from sessionary.wire.chat import reasoning
from sessionary.wire.chat.reading import pieces, role_of
from sessionary.wire.foreign import cannot
from sessionary.wire.message import Piece

Wire = dict[str, Any]


def read_turn(message: Wire) -> Turn:
    role, name = role_of(message), message.get("name")
    parts = [_part(piece, origin) for piece, origin in pieces(message)]
    if signed := reasoning.read(message):
        parts = [*signed, *(part for part in parts if part.piece.type != "reasoning")]
    if isinstance(mark := message.get("cache_control"), dict) and parts:
        parts[-1] = _marked(parts[-1], mark)
    elif role == "tool" and isinstance(content := message.get("content"), list):
        marks = [part["cache_control"] for part in content if isinstance(part, dict) and "cache_control" in part]
        parts = [_marked(part, marks[-1]) if marks else part for part in parts]
    return Turn(
        role, parts or [Part(Piece("text"), "chat", None)], name if isinstance(name, str) else "", origin=message
    )


def _part(piece: Piece, origin: Any) -> Part:
    custom = piece.type == "tool_call" and isinstance(origin, dict) and isinstance(origin.get("custom"), dict)
    return Part(piece, "chat", origin, kind="custom" if custom else "function")


def _marked(part: Part, mark: Any) -> Part:
    """With the cache mark that stands on the whole message, or inside a tool's result."""
    origin = part.origin if isinstance(part.origin, dict) else {"type": part.piece.type}
    return msgspec.structs.replace(part, origin={**origin, "cache_control": mark})


def write_turns(turns: list[Turn]) -> list[Wire]:
    """Neighbouring assistant turns of other formats become one message, as chat has them."""
    messages: list[Wire] = []
    held: list[Part] = []
    for turn in turns:
        origin = _origin(turn)
        if turn.role == "assistant" and origin is None:
            held += turn.parts
            continue
        if held:
            messages.append(_assistant(held))
            held = []
        messages += [origin] if origin is not None else _written(turn)
    if held:
        messages.append(_assistant(held))
    return messages


def _origin(turn: Turn) -> Wire | None:
    """The message it was read from, if that still says the same."""
    return turn.origin if isinstance(turn.origin, dict) and read_turn(turn.origin) == turn else None


def _written(turn: Turn) -> list[Wire]:
    """Tool results first, as chat wants them: each a message of its own; their images follow in the user's message."""
    messages: list[Wire] = []
    said: list[Wire] = []
    for part in turn.parts:
        piece = part.piece
        if piece.type == "tool_result":
            text = [inner for inner in piece.content if inner.type in ("text", "refusal")]
            said += [_content(inner) for inner in piece.content if inner.type not in ("text", "refusal")]
            content = _plain([{"type": "text", "text": inner.text} for inner in text])
            messages.append({"role": "tool", "tool_call_id": piece.id, "content": content})
        elif piece.type != "reasoning" and not (piece.type == "text" and not piece.text):
            said.append(_content(piece))
    if said or not messages:
        role = "user" if turn.role == "tool" else turn.role
        message: Wire = {"role": role, "content": _plain(said)}
        messages.append(message | ({"name": turn.name} if turn.name else {}))
    return messages


def _plain(content: list[Wire]) -> str | list[Wire]:
    match content:
        case []:
            return ""
        case [{"type": "text", "text": str(text)}]:
            return text
    return content


def _content(piece: Piece) -> Wire:
    """A part of a user's or a system message. Raises Unsupported."""
    match piece.type:
        case "text" | "refusal":
            return {"type": "text", "text": piece.text}
        case "image" if piece.url:
            detail = {"detail": piece.detail} if piece.detail else {}
            return {"type": "image_url", "image_url": {"url": piece.url, **detail}}
        case "audio" if piece.url.startswith("data:"):
            kind, _, data = piece.url.removeprefix("data:").partition(";base64,")
            return {"type": "input_audio", "input_audio": {"data": data, "format": kind.removeprefix("audio/")}}
        case "file" if piece.url.startswith("data:"):
            named = {"filename": piece.name} if piece.name else {}
            return {"type": "file", "file": {**named, "file_data": piece.url}}
        case "file" if piece.id:
            return {"type": "file", "file": {"file_id": piece.id}}
        case "image" | "audio" | "file":
            raise cannot("messages", "chat", f"chat completions takes this {piece.type} only as data")
    raise cannot("messages", "chat", f"chat completions has no such part{_type_of(piece)}")


def _type_of(piece: Piece) -> str:
    kind = piece.value.get("type") if isinstance(piece.value, dict) else None
    return f": {kind}" if isinstance(kind, str) else f": {piece.type}"


def _assistant(parts: list[Part]) -> Wire:
    """For a request. A chat provider's own reasoning goes back with its calls, as some want it; another's does not."""
    thought = "\n\n".join(p.piece.text for p in parts if p.piece.type == "reasoning" and p.format == "chat")
    parts = [part for part in parts if part.piece.type != "reasoning"]
    for part in parts:
        if part.kind not in ("function", "custom") or part.piece.type not in ("text", "refusal", "tool_call"):
            raise cannot("messages", "chat", f"chat completions has no such part{_type_of(part.piece)}")
    texts = [{"type": "text", "text": p.piece.text} for p in parts if p.piece.type == "text" and p.piece.text]
    message = _with_calls({"role": "assistant", "content": _plain(texts) or None}, parts)
    return message | ({"reasoning_content": thought} if thought else {})


def write_answer_message(parts: list[Part]) -> Wire:
    """An answer's message. What the provider's own tools did is not shown; their words are."""
    message: Wire = {"role": "assistant", "content": joined(parts) or None, "refusal": None}
    return _with_calls(message, parts) | reasoning.write(parts)


def joined(parts: list[Part]) -> str:
    """One text out of several: a paragraph's break where something else came between."""
    said = ""
    apart = False
    for part in parts:
        if part.piece.type == "text" and part.piece.text:
            said += f"\n\n{part.piece.text}" if apart and said else part.piece.text
            apart = False
        elif part.piece.type != "text":
            apart = True
    return said


def _with_calls(message: Wire, parts: list[Part]) -> Wire:
    refusal = "".join(part.piece.text for part in parts if part.piece.type == "refusal")
    if refusal:
        message["refusal"] = refusal
    calls = [
        write_call(part) for part in parts if part.piece.type == "tool_call" and part.kind in ("function", "custom")
    ]
    return message | ({"tool_calls": calls} if calls else {})


def write_call(part: Part) -> Wire:
    piece = part.piece
    if part.kind == "custom":
        given = piece.arguments if isinstance(piece.arguments, str) else loose.encode(piece.arguments).decode()
        return {"id": piece.id, "type": "custom", "custom": {"name": piece.name, "input": given}}
    return {"id": piece.id, "type": "function", "function": {"name": piece.name, "arguments": as_text(piece.arguments)}}


def as_text(arguments: object) -> str:
    return arguments if isinstance(arguments, str) else loose.encode(arguments).decode()
