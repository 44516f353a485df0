"""What a message means: the bytes that the message tree hashes, equal across formats. Pure.

Clients rewrite history between turns, so the meaning leaves out what they change: cache marks, null and empty
fields, key order and number form in tool arguments, reasoning, and of spoken answers all but the id. Text is
never trimmed, and the ids of tool calls count. What a format says beside its pieces counts too, as `rest`.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

import msgspec

from sessionary.wire import loose
from sessionary.wire.message import Message, Piece, Role

VERSION = 1
"""Of the rules below; raise it with them, and re-hash what is stored."""
_NO_REST: Mapping[str, Any] = {}
_encoder = msgspec.json.Encoder(order="deterministic")


def opaque(role: Role, value: Any) -> tuple[Message, bytes]:
    """What is no message: a bare string is its text, anything else is shown as it is. With its meaning."""
    piece = Piece("text", text=value) if isinstance(value, str) else Piece("other", value=value)
    return Message(role, [piece]), of_value(value)


def of(message: Message, rest: Mapping[str, Any] = _NO_REST) -> bytes:
    """`rest`: fields of the wire form that the pieces do not show and that mean something. Empty ones do not."""
    pieces = [plain(_identity(piece)) for piece in message.pieces if piece.type != "reasoning"]
    name = message.name if message.role != "tool" else ""
    said = {k: plain(v) for k, v in rest.items() if not empty(v)}
    return _encoder.encode([message.role, name, pieces, said])


def of_value(value: Any) -> bytes:
    """Of what is no message at all."""
    return _encoder.encode(["?", plain(value)])


def arguments(given: Any) -> Any:
    """A tool call's arguments, parsed. A model that means none may say "", which clients send back as "{}"."""
    if isinstance(given, str) and given.strip():
        with contextlib.suppress(*loose.FAILURES):  # a model's broken JSON stays the text that it is
            return loose.decode(given)
    elif given is None or isinstance(given, str):
        return {}
    return given


def media_type(url: str) -> str:
    return url[5:80].split(";", 1)[0].split(",", 1)[0] if url.startswith("data:") else ""


def empty(value: Any) -> bool:
    return value is None or value in ([], {}, "")


def plain(value: Any, *, exact: bool = False) -> Any:
    """Without cache marks and null fields; a whole float is the integer. In tool arguments a null means something."""
    if isinstance(value, dict):
        return {
            str(k): plain(v, exact=exact or k == "arguments")
            for k, v in value.items()
            if exact or (k not in ("cache_control", "caller") and v is not None)
        }
    if isinstance(value, list):
        return [plain(v, exact=exact) for v in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value


def _identity(piece: Piece) -> Any:
    if piece.type == "audio" and piece.id:
        return {"type": "audio", "id": piece.id}  # sent back as its id alone
    if piece.kind:
        piece = msgspec.structs.replace(piece, kind="", detail="")
    return msgspec.to_builtins(piece)
