"""Canonical turns, written as input items. Pure.

A turn that was read from an item is written back as that item, as long as it still says the same. What another
provider's reasoning was is left out: OpenAI refuses what it has not signed.
"""

from typing import Any

import msgspec

from sessionary.wire import loose, signature
from sessionary.wire.canonical import Part, Turn
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
        content = [_said(part.piece) for part in parts if part.piece != Piece("text")]
    else:
        content = [content_part(part.piece) for part in parts]
    return {"type": "message", "role": role, "content": content, **phase}


def _said(piece: Piece) -> Item:
    match piece.type:
        case "text":
            return {"type": "output_text", "text": piece.text}
        case "refusal":
            return {"type": "refusal", "refusal": piece.text}
    raise cannot("input", "responses", f"the Responses API has no such part of an answer: {_type_of(piece)}")


def content_part(piece: Piece) -> Item:
    """A part of a user's or a system message, or of a tool's output. Raises Unsupported."""
    match piece.type:
        case "text" | "refusal":
            return {"type": "input_text", "text": piece.text}
        case "image" if piece.url:
            return {"type": "input_image", "image_url": piece.url, "detail": piece.detail or "auto"}
        case "image" if piece.id:
            return {"type": "input_image", "file_id": piece.id, "detail": piece.detail or "auto"}
        case "file" if piece.url or piece.id:
            name = {"filename": piece.name} if piece.name else {}
            if piece.url.startswith(("http://", "https://")):
                return {"type": "input_file", "file_url": piece.url, **name}
            return {"type": "input_file"} | name | ({"file_data": piece.url} if piece.url else {"file_id": piece.id})
    raise cannot("input", "responses", f"the Responses API has no such part: {_type_of(piece)}")


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
    raise cannot("input", "responses", f"the Responses API has no such tool call: {part.kind}")


def _result(part: Part, kinds: dict[str, str]) -> Item:
    kind = kinds.get(part.piece.id, part.kind)
    if kind not in ("function", "custom"):
        raise cannot("input", "responses", f"the Responses API has no such tool result: {kind}")
    name = "function_call_output" if kind == "function" else "custom_tool_call_output"
    return {"type": name, "call_id": part.piece.id, "output": _output(part.piece.content)}


def _output(content: list[Piece]) -> str | list[Any]:
    match content:
        case []:
            return ""
        case [Piece(type="text", text=text)]:
            return text
    return [content_part(piece) for piece in content]


def as_text(arguments: object) -> str:
    """A tool call's arguments, as the format has them: JSON text, or whatever text the model wrote."""
    return arguments if isinstance(arguments, str) else loose.encode(arguments).decode()
