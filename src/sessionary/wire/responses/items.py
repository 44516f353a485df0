"""One item of the Responses API, read: who says it, and in which parts. Pure; any JSON value is read to something.

A turn's origin is the item; a part's, its own part of a message's content, else the item. A provider's own tool
(web search, MCP, ...) is a tool call whose `kind` is the item's type; what it gave stands beside it. Tools of a
namespace go by `namespace__name` everywhere else.
"""

from typing import Any

from sessionary.wire import loose, meaning, signature
from sessionary.wire.canonical import Part, Turn
from sessionary.wire.message import Piece, Role
from sessionary.wire.responses.compaction import summary_of
from sessionary.wire.responses.item_ids import kind_of
from sessionary.wire.responses.tools import flat

Item = dict[str, Any]

_ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
    "tool": "tool",
}
_BESIDE = frozenset({"id", "type", "status", "call_id", "name", "arguments", "caller", "created_by", "server_label"})
_GIVEN = frozenset({"output", "outputs", "result", "results", "error", "tools"})
"""What a provider's own tool gave, in the item of its call."""


def read_item(item: Any) -> Turn:
    if isinstance(item, str):
        return Turn("user", [Part(piece, "responses", item) for piece in read_content(item)])
    if not isinstance(item, dict):
        return Turn("user", [Part(Piece("other", value=item), "responses", item)])
    kind = kind_of(item)
    role: Role
    match kind:
        case "message":
            role = _ROLES.get(_str(item.get("role")), "user")
            return Turn(role, _said(item.get("content")), phase=_str(item.get("phase")), origin=item)
        case "compaction" if (summary := summary_of(item)) is not None:
            return Turn("user", [Part(Piece("text", text=summary), "responses", None)])
        case "reasoning":
            role, parts = "assistant", [_reasoning(item)]
        case "function_call":
            role, parts = "assistant", [_call(item, meaning.arguments(item.get("arguments")), "function")]
        case "custom_tool_call":
            role, parts = "assistant", [_call(item, item.get("input"), "custom")]
        case "function_call_output":
            role, parts = "tool", [_result(item, "function")]
        case "custom_tool_call_output":
            role, parts = "tool", [_result(item, "custom")]
        case _ if kind.endswith("_call_output"):
            role, parts = "tool", [_result(item, kind)]
        case _ if kind.endswith("_call") or kind == "mcp_list_tools":
            role, parts = "assistant", _own_tool(item, kind)
        case _:
            role = "user" if kind == "mcp_approval_response" else _ROLES.get(_str(item.get("role")), "assistant")
            parts = [Part(Piece("other", value=item), "responses", item, kind=kind)]
    return Turn(role, parts, origin=item)


def _said(content: Any) -> list[Part]:
    if not isinstance(content, list):
        return [Part(piece, "responses", None) for piece in read_content(content)]
    return [Part(piece, "responses", part) for part in content for piece in _content_part(part)]


def read_content(content: Any) -> list[Piece]:
    """Of a message, or of a tool's output. Empty text is no piece."""
    if content is None:
        return []
    if isinstance(content, str):
        return [Piece("text", text=content)] if content else []
    if isinstance(content, list):
        return [piece for part in content for piece in _content_part(part)]
    return _content_part(content)


def _content_part(part: Any) -> list[Piece]:
    match part:
        case str(text) | {"type": "input_text" | "output_text" | "text" | "summary_text", "text": str(text)}:
            cited = loose.dicts(part.get("annotations")) if isinstance(part, dict) else []
            return [Piece("text", text=text, annotations=cited)] if text else []
        case {"type": "refusal", "refusal": str(text)}:
            return [Piece("refusal", text=text)]
        case {"type": "reasoning_text", "text": str(text)}:
            return [Piece("reasoning", text=text)]
        case {"type": "input_image" | "computer_screenshot"}:
            url, detail = _str(part.get("image_url")), _str(part.get("detail"))
            detail = "" if detail == "auto" else detail
            kind = meaning.media_type(url)
            return [Piece("image", url=url, media_type=kind, detail=detail, id=_str(part.get("file_id")))]
        case {"type": "input_audio", "input_audio": {"data": str(data), **audio}}:
            kind = f"audio/{audio.get('format') or 'wav'}"
            return [Piece("audio", url=f"data:{kind};base64,{data}", media_type=kind)]
        case {"type": "input_file"}:
            url = _str(part.get("file_data")) or _str(part.get("file_url"))
            name, file_id = _str(part.get("filename")), _str(part.get("file_id"))
            return [Piece("file", url=url, media_type=meaning.media_type(url), name=name, id=file_id)]
    return [Piece("other", value=part)]


def reasoning_text(item: Item) -> str:
    """The reasoning itself where it is shown, else its summary."""
    shown = [_str(part.get("text")) for part in loose.dicts(item.get("content"))]
    summary = [_str(part.get("text")) for part in loose.dicts(item.get("summary"))]
    return "".join(shown) or "\n\n".join(summary)


def _reasoning(item: Item) -> Part:
    text, proof = reasoning_text(item), _str(item.get("encrypted_content"))
    hidden = bool(proof) and not text
    piece = Piece("reasoning", text=text, detail="encrypted" if hidden else "")
    own = Part(piece, "responses", item, proof, redacted=hidden)
    return signature.read(proof, text) or own


def _call(item: Item, arguments: Any, kind: str) -> Part:
    name = flat(_str(item.get("namespace")), _str(item.get("name")))
    shown = "" if kind == "function" else kind
    piece = Piece("tool_call", id=_str(item.get("call_id")), name=name, arguments=arguments, kind=shown)
    return Part(piece, "responses", item, kind=kind)


def _result(item: Item, kind: str) -> Part:
    piece = Piece("tool_result", id=_str(item.get("call_id")), content=read_content(item.get("output")))
    return Part(piece, "responses", item, kind=kind)


def _own_tool(item: Item, kind: str) -> list[Part]:
    call_id = _str(item.get("call_id")) or _str(item.get("id"))
    name = _str(item.get("name")) or kind.removesuffix("_call")
    given = {k: v for k, v in item.items() if k in _GIVEN and not meaning.empty(v)}
    asked: Any = {k: v for k, v in item.items() if k not in _BESIDE | _GIVEN and v is not None}
    if "arguments" in item:
        asked = meaning.arguments(item["arguments"])
    server = _str(item.get("server_label"))
    pieces = [Piece("tool_call", id=call_id, name=name, detail=server, arguments=asked, kind=kind)]
    if kind == "image_generation_call" and isinstance(given.get("result"), str):
        url = f"data:image/{_str(item.get('output_format')) or 'png'};base64,{given['result']}"
        pieces.append(Piece("image", url=url, media_type=meaning.media_type(url)))
    elif given:
        content = [piece for value in given.values() for piece in _given(value)]
        failed = item.get("status") == "failed" or "error" in given
        pieces.append(Piece("tool_result", id=call_id, content=content, error=failed))
    return [Part(piece, "responses", item, kind=kind) for piece in pieces]


def _given(value: Any) -> list[Piece]:
    """What a code interpreter printed and drew, as text and pictures; other results as they are."""
    found: list[Piece] = []
    for part in value if isinstance(value, list) else [value]:
        match part:
            case {"type": "logs", "logs": str(text)}:
                found.append(Piece("text", text=text))
            case {"type": "image", "url": str(url)}:
                found.append(Piece("image", url=url, media_type=meaning.media_type(url)))
            case _:
                found += read_content(part)
    return found


def _str(value: Any) -> str:
    return value if isinstance(value, str) else ""
