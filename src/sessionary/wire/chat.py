"""Chat messages: what they show, and what they mean. Pure.

`read` gives the canonical message, and its *meaning*: the bytes that the message tree hashes. Clients rewrite
history between turns, so the meaning leaves out what they change: cache marks, null and empty fields, key
order and number form in tool arguments, a string against a single text part, reasoning, annotations, the
message's own id, and of spoken answers all but the id. Text is never trimmed, and the ids of tool calls count.
A system message inside the history has no meaning: clients inject and move those.
"""

import contextlib
from collections.abc import Mapping
from typing import Any

import msgspec

from sessionary.wire import loose
from sessionary.wire.message import Message, Piece, Role

VERSION = 1
"""Of the rules below; raise it with them, and re-hash what is stored."""
_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
    "function": "tool",
}
_encoder = msgspec.json.Encoder(order="deterministic")
_SHOWN = frozenset(
    {"role", "content", "name", "tool_calls", "function_call", "tool_call_id", "refusal", "audio"}
    # Beside what is said: servers put it into answers, and clients drop it or send it back as they like.
    | {"reasoning_content", "reasoning", "reasoning_details", "thinking_blocks", "annotations", "logprobs"}
    | {"cache_control", "id", "status", "provider_specific_fields"}
)


def read(raw: bytes) -> tuple[Message, bytes | None]:
    """The message, and its meaning; None where the message does not count. Any bytes are read."""
    value = _decode(raw)
    if not isinstance(value, dict):
        return _opaque("user", value)
    message = _message(value)
    return message, None if message.role == "system" else _meaning(value, message)


def read_output(raw: bytes) -> tuple[Message, bytes | None]:
    """The same for an answer's message, which may leave its role out."""
    value = _decode(raw)
    if not isinstance(value, dict):
        return _opaque("assistant", value)
    value = {**value, "role": value.get("role") or "assistant"}
    message = _message(value)
    return message, _meaning(value, message)


def _decode(raw: bytes) -> Any:
    try:
        return loose.decode(raw)
    except loose.FAILURES:
        return raw.decode("utf-8", "replace")


def _opaque(role: Role, value: Any) -> tuple[Message, bytes]:
    """What is no message: a bare string is its text, anything else is shown as it is."""
    piece = Piece("text", text=value) if isinstance(value, str) else Piece("other", value=value)
    return Message(role, [piece]), _encoder.encode(["?", _plain(value)])


def _message(value: Mapping[str, Any]) -> Message:
    role = _ROLES.get(str(value.get("role", "")), "user")
    pieces: list[Piece] = []
    for key in ("reasoning_content", "reasoning"):
        if isinstance(value.get(key), str) and value[key]:
            pieces.append(Piece("reasoning", text=value[key]))
            break
    content = _content(value.get("content"))
    if role == "tool":
        call_id = str(value.get("tool_call_id") or value.get("name") or "")
        pieces.append(Piece("tool_result", id=call_id, content=content))
    else:
        pieces += content
    if isinstance(value.get("refusal"), str) and value["refusal"]:
        pieces.append(Piece("refusal", text=value["refusal"]))
    pieces += _tool_calls(value)
    if isinstance(value.get("audio"), dict) and value["audio"]:
        audio = value["audio"]
        pieces.append(Piece("audio", text=str(audio.get("transcript") or ""), id=str(audio.get("id") or "")))
    name = value.get("name")
    return Message(role, pieces, name=name if isinstance(name, str) else "")


def _content(content: Any) -> list[Piece]:
    if content is None:
        return []
    if isinstance(content, str):
        return [Piece("text", text=content)] if content else []
    if isinstance(content, list):
        return [piece for part in content for piece in _part(part)]
    return [Piece("other", value=content)]


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
            return [Piece("reasoning", text=p.text) for p in _content(inner) if p.type == "text"]
        case {"type": "image_url", "image_url": {"url": str(url), **image}}:
            return [Piece("image", url=url, media_type=_media_type(url), detail=str(image.get("detail") or ""))]
        case {"type": "image_url", "image_url": str(url)}:
            return [Piece("image", url=url, media_type=_media_type(url))]
        case {"type": "input_audio", "input_audio": {"data": str(data), **audio}}:
            kind = f"audio/{audio.get('format') or 'wav'}"
            return [Piece("audio", url=f"data:{kind};base64,{data}", media_type=kind)]
        case {"type": "file", "file": dict(file)}:
            url, name, file_id = (str(file.get(key) or "") for key in ("file_data", "filename", "file_id"))
            return [Piece("file", url=url, media_type=_media_type(url), name=name, id=file_id)]
    return [Piece("other", value=part)]


def _media_type(url: str) -> str:
    return url[5:80].split(";", 1)[0].split(",", 1)[0] if url.startswith("data:") else ""


def _tool_calls(value: Mapping[str, Any]) -> list[Piece]:
    pieces = []
    calls = value.get("tool_calls")
    for call in calls if isinstance(calls, list) else []:
        match call:
            case {"custom": dict(custom)}:  # takes free text: never parsed
                name, call_id = str(custom.get("name") or ""), str(call.get("id") or "")
                pieces.append(Piece("tool_call", id=call_id, name=name, arguments=custom.get("input")))
            case dict():
                function = call.get("function")
                pieces.append(_tool_call(str(call.get("id") or ""), function if isinstance(function, dict) else {}))
            case _:
                pieces.append(Piece("other", value=call))
    legacy = value.get("function_call")
    if isinstance(legacy, dict) and legacy:
        pieces.append(_tool_call("", legacy))
    return pieces


def _tool_call(call_id: str, function: Mapping[str, Any]) -> Piece:
    """A model that means no arguments may say "", which clients send back as "{}"."""
    arguments = function.get("arguments")
    if isinstance(arguments, str) and arguments.strip():
        with contextlib.suppress(*loose.FAILURES):  # a model's broken JSON stays the text that it is
            arguments = loose.decode(arguments)
    elif arguments is None or isinstance(arguments, str):
        arguments = {}
    return Piece("tool_call", id=call_id, name=str(function.get("name") or ""), arguments=arguments)


def _meaning(value: Mapping[str, Any], message: Message) -> bytes:
    pieces = [_plain(_identity(piece)) for piece in message.pieces if piece.type != "reasoning"]
    # Fields that we do not show mean something all the same, unless they are empty.
    rest = {k: _plain(v) for k, v in value.items() if k not in _SHOWN and not _empty(v)}
    name = message.name if message.role != "tool" else ""
    return _encoder.encode([message.role, name, pieces, rest])


def _identity(piece: Piece) -> Any:
    if piece.type == "audio" and piece.id:
        return {"type": "audio", "id": piece.id}  # sent back as its id alone
    return msgspec.to_builtins(piece)


def _empty(value: Any) -> bool:
    return value is None or value in ([], {}, "")


def _plain(value: Any, *, exact: bool = False) -> Any:
    """Without cache marks and null fields; a whole float is the integer. In tool arguments a null means something."""
    if isinstance(value, dict):
        return {
            str(k): _plain(v, exact=exact or k == "arguments")
            for k, v in value.items()
            if exact or (k not in ("cache_control", "caller") and v is not None)
        }
    if isinstance(value, list):
        return [_plain(v, exact=exact) for v in value]
    if isinstance(value, float) and value.is_integer():
        return int(value)
    return value
