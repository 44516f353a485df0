"""Chat messages: what they show, and what they mean. Pure.

`read` gives the canonical message, and its *meaning*: the bytes that the message tree hashes. Clients rewrite
history between turns, so the meaning leaves out what they change: cache marks, null and empty fields, key
order and number form in tool arguments, a string against a single text part, reasoning, ids and annotations.
Text is never trimmed. A system message inside the history has no meaning: clients inject and move those.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

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
    {"role", "content", "name", "tool_calls", "function_call", "tool_call_id", "refusal", "reasoning_content"}
    | {"reasoning", "reasoning_details", "annotations", "audio", "cache_control", "id"}
)


def read(raw: bytes) -> tuple[Message, bytes | None]:
    """The message, and its meaning; None where the message does not count. Any bytes are read."""
    value = _decode(raw)
    if not isinstance(value, dict):
        return Message("user", [Piece("other", value=value)]), _encoder.encode(["?", _plain(value)])
    message = _message(value)
    return message, None if message.role == "system" else _meaning(value, message)


def read_output(raw: bytes) -> tuple[Message, bytes | None]:
    """The same for an answer's message, which may leave its role out."""
    value = _decode(raw)
    if not isinstance(value, dict):
        return Message("assistant", [Piece("other", value=value)]), _encoder.encode(["?", _plain(value)])
    message = _message({"role": "assistant", **value})
    return message, _meaning({"role": "assistant", **value}, message)


def _decode(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return raw.decode("utf-8", "replace")


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
        return [_part(part) for part in content]
    return [Piece("other", value=content)]


def _part(part: Any) -> Piece:
    if isinstance(part, str):
        return Piece("text", text=part)
    if not isinstance(part, dict):
        return Piece("other", value=part)
    kind = part.get("type")
    if kind in ("text", "input_text", "output_text") and isinstance(part.get("text"), str):
        return Piece("text", text=part["text"])
    if kind == "refusal" and isinstance(part.get("refusal"), str):
        return Piece("refusal", text=part["refusal"])
    if kind == "thinking" and isinstance(part.get("thinking"), str):
        return Piece("reasoning", text=part["thinking"])
    if kind == "image_url":
        image = part.get("image_url")
        url = image.get("url") if isinstance(image, dict) else image
        detail = image.get("detail") if isinstance(image, dict) else ""
        if isinstance(url, str):
            return Piece("image", url=url, media_type=_media_type(url), detail=str(detail or ""))
    if kind == "input_audio" and isinstance(audio := part.get("input_audio"), dict):
        format = str(audio.get("format") or "wav")
        return Piece("audio", url=f"data:audio/{format};base64,{audio.get('data', '')}", media_type=f"audio/{format}")
    if kind == "file" and isinstance(file := part.get("file"), dict):
        url = str(file.get("file_data") or "")
        name = str(file.get("filename") or "")
        return Piece("file", url=url, media_type=_media_type(url), name=name, id=str(file.get("file_id") or ""))
    return Piece("other", value=part)


def _media_type(url: str) -> str:
    return url[5:80].split(";", 1)[0].split(",", 1)[0] if url.startswith("data:") else ""


def _tool_calls(value: Mapping[str, Any]) -> list[Piece]:
    pieces = []
    calls = value.get("tool_calls")
    for call in calls if isinstance(calls, list) else []:
        if not isinstance(call, dict):
            pieces.append(Piece("other", value=call))
            continue
        body = call.get("function") or call.get("custom") or {}
        body = body if isinstance(body, dict) else {}
        arguments = body.get("arguments", body.get("input"))
        pieces.append(_tool_call(str(call.get("id") or ""), body, arguments))
    legacy = value.get("function_call")
    if isinstance(legacy, dict) and legacy:
        pieces.append(_tool_call("", legacy, legacy.get("arguments")))
    return pieces


def _tool_call(call_id: str, body: Mapping[str, Any], arguments: Any) -> Piece:
    if isinstance(arguments, str):
        try:
            arguments = msgspec.json.decode(arguments)
        except (msgspec.DecodeError, UnicodeEncodeError, RecursionError):
            pass  # a model's broken JSON stays the text that it is
    return Piece("tool_call", id=call_id, name=str(body.get("name") or ""), arguments=arguments)


def _meaning(value: Mapping[str, Any], message: Message) -> bytes:
    pieces = [_plain(msgspec.to_builtins(p)) for p in message.pieces if p.type != "reasoning"]
    # Fields that we do not show mean something all the same, unless they are empty.
    rest = {k: _plain(v) for k, v in value.items() if k not in _SHOWN and not _empty(v)}
    name = message.name if message.role != "tool" else ""
    try:
        return _encoder.encode([message.role, name, pieces, rest])
    except (UnicodeEncodeError, RecursionError, OverflowError):
        return repr([message.role, name, pieces, rest]).encode("utf-8", "replace")


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
    if isinstance(value, float) and value.is_integer() and abs(value) < 1 << 53:
        return int(value)
    return value
