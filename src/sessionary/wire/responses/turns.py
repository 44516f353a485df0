"""Canonical turns, written as input items. Pure.

A turn that was read from an item is written back as that item, as long as it still says the same. What another
provider's reasoning was is left out: OpenAI refuses what it has not signed.
"""

from typing import Any

import msgspec

from sessionary.wire import loose, signature
from sessionary.wire.canonical import Format, Part, Turn, Unsupported
from sessionary.wire.foreign import cannot
from sessionary.wire.message import Piece
from sessionary.wire.responses.items import Item, read_item


def read_turn(item: Item) -> Turn:
    """As `read_item`, with a part at least, so that the item is not lost."""
    turn = read_item(item)
    return turn if turn.parts else msgspec.structs.replace(turn, parts=[Part(Piece("text"), "responses", None)])


def unchanged(turn: Turn) -> bool:
    """Whether the turn is of this format, and still says what its item says."""
    own = all(part.format == "responses" for part in turn.parts)
    return own and isinstance(turn.origin, dict) and read_turn(turn.origin) == turn


def write_turns(turns: list[Turn]) -> list[Item]:
    """Raises Unsupported."""
    kinds = {p.piece.id: p.kind for turn in turns for p in turn.parts if p.piece.type == "tool_call"}
    return [item for turn in turns for item in _written(turn, kinds)]


def _written(turn: Turn, kinds: dict[str, str]) -> list[Item]:
    if unchanged(turn):
        return [turn.origin]
    items: list[Item] = []
    said: list[Part] = []

    def flush() -> None:
        if said:
            items.append(_message(turn, said))
            said.clear()

    for part in turn.parts:
        match part.piece.type:
            case "reasoning":
                if proof := signature.native(part, "responses"):
                    flush()
                    items.append(_reasoning(part, proof))
            case "tool_call":
                flush()
                items.append(_call(part))
            case "tool_result":
                flush()
                items.append(_result(part, kinds))
            case _:
                said.append(part)
    flush()
    if not turn.parts and turn.role != "assistant":
        items.append({"type": "message", "role": turn.role, "content": ""})
    return items


def _message(turn: Turn, parts: list[Part]) -> Item:
    role = "user" if turn.role == "tool" else turn.role
    phase = {"phase": turn.phase} if turn.phase else {}
    if [part.piece.type for part in parts] == ["text"]:
        return {"type": "message", "role": role, "content": parts[0].piece.text, **phase}
    if role == "assistant":
        content = [_said(part) for part in parts if part.piece != Piece("text")]
    else:
        content = [_shown(part.piece, part.format) for part in parts]
    return {"type": "message", "role": role, "content": content, **phase}


def _said(part: Part) -> Item:
    match part.piece.type:
        case "text":
            return {"type": "output_text", "text": part.piece.text}
        case "refusal":
            return {"type": "refusal", "refusal": part.piece.text}
    raise _no_such(part.format, f"part of an answer: {_type_of(part.piece)}")


def _shown(piece: Piece, of: Format) -> Item:
    """A part of a user's or a system message, or of a tool's output. A file's id is known to its provider alone."""
    file_id = "" if of == "messages" else piece.id
    match piece.type:
        case "text" | "refusal":
            return {"type": "input_text", "text": piece.text}
        case "image" if piece.url or file_id:
            where = {"image_url": piece.url} if piece.url else {"file_id": file_id}
            return {"type": "input_image", **where, "detail": piece.detail or "auto"}
        case "file" if piece.url or file_id:
            where = {"file_data": piece.url} if piece.url else {"file_id": file_id}
            if piece.url.startswith(("http://", "https://")):
                where = {"file_url": piece.url}
            return {"type": "input_file", **({"filename": piece.name} if piece.name else {}), **where}
    raise _no_such(of, f"part: {_type_of(piece)}")


def _no_such(of: Format, what: str) -> Unsupported:
    """`of`: the format of the caller, who is told where in its own request."""
    return cannot("input" if of == "responses" else "messages", "responses", f"the Responses API has no such {what}")


def _type_of(piece: Piece) -> str:
    kind = piece.value.get("type") if isinstance(piece.value, dict) else None
    return kind if isinstance(kind, str) else piece.type


def _reasoning(part: Part, proof: str) -> Item:
    if part.format == "responses" and isinstance(part.origin, dict):
        return part.origin
    summary = [{"type": "summary_text", "text": part.piece.text}] if part.piece.text else []
    return {"type": "reasoning", "summary": summary, "encrypted_content": proof}


def _call(part: Part) -> Item:
    piece = part.piece
    named = {"call_id": piece.id or piece.name, "name": piece.name}
    if part.kind == "function":
        return {"type": "function_call", **named, "arguments": as_text(piece.arguments)}
    if part.kind == "custom":
        return {"type": "custom_tool_call", **named, "input": as_text(piece.arguments)}
    raise _no_such(part.format, f"tool call: {part.kind}")


def _result(part: Part, kinds: dict[str, str]) -> Item:
    kind = kinds.get(part.piece.id, part.kind)
    if kind not in ("function", "custom"):
        raise _no_such(part.format, f"tool result: {kind}")
    name = "function_call_output" if kind == "function" else "custom_tool_call_output"
    return {"type": name, "call_id": part.piece.id, "output": _output(part)}


def _output(part: Part) -> str | list[Any]:
    match part.piece.content:
        case []:
            return ""
        case [Piece(type="text", text=text)]:
            return text
    return [_shown(piece, part.format) for piece in part.piece.content]


def as_text(arguments: object) -> str:
    """A tool call's arguments, as the format has them: JSON text, or whatever text the model wrote."""
    return arguments if isinstance(arguments, str) else loose.encode(arguments).decode()
