"""Content blocks: what each shows, and how what another format said is written as one. Pure.

A block that only Anthropic has (its server tools, MCP, compaction, search results) is shown as well as it can
be, but is `other` in the canonical form: no other provider is sent it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from sessionary.wire import loose, meaning, signature
from sessionary.wire.canonical import Format, Part, Unsupported
from sessionary.wire.message import Piece
from sessionary.wire.messages import ids, sources

FORMAT: Format = "messages"
_ROOT = {"chat": "messages", "responses": "input", "messages": "messages"}


def shown(block: Any) -> list[Piece]:
    """What a person should see of a block. No piece for an empty text, as for empty content."""
    if isinstance(block, str):
        return [Piece("text", text=block)] if block else []
    match block:
        case {"type": "text", "text": str(text)}:
            return [Piece("text", text=text, annotations=loose.dicts(block.get("citations")))] if text else []
        case {"type": "thinking", "thinking": str(text)}:
            return [Piece("reasoning", text=text)]
        case {"type": "redacted_thinking"}:
            return [Piece("reasoning", detail="redacted")]
        case {"type": "image", "source": dict(source)}:
            piece = sources.image(source)
        case {"type": "document", "source": dict(source), **rest}:
            piece = sources.document(source, str(rest.get("title") or ""))
        case {"type": "tool_use" | "server_tool_use" | "mcp_tool_use" as kind, **rest}:
            call_id, name = ids.read(str(rest.get("id") or "")), str(rest.get("name") or "")
            shown_as, server = "" if kind == "tool_use" else str(kind), str(rest.get("server_name") or "")
            asked = meaning.arguments(rest.get("input"))
            piece = Piece("tool_call", id=call_id, name=name, detail=server, arguments=asked, kind=shown_as)
        case {"type": "tool_result" | "mcp_tool_result", **rest}:
            call_id, failed = ids.read(str(rest.get("tool_use_id") or "")), bool(rest.get("is_error"))
            piece = Piece("tool_result", id=call_id, content=content(rest.get("content")), error=failed)
        case {"type": str(kind), "tool_use_id": str(call_id), "content": found} if kind.endswith("_tool_result"):
            piece = Piece("tool_result", id=call_id, content=[Piece("other", value=found)])
        case _:
            piece = None
    return [piece or Piece("other", value=block)]


def content(value: Any) -> list[Piece]:
    """Of a message or a tool result: text, or blocks."""
    if value is None:
        return []
    blocks = value if isinstance(value, list) else [value]
    return [piece for block in blocks for piece in shown(block)]


def parts(block: Any, origin: Any) -> list[Part]:
    """The block in the canonical form; nothing for an empty text."""
    match block:
        case {"type": "thinking", "thinking": str(text), **rest}:
            return [_thought(text, str(rest.get("signature") or ""), redacted=False, origin=origin)]
        case {"type": "redacted_thinking", **rest}:
            return [_thought("", str(rest.get("data") or ""), redacted=True, origin=origin)]
        case {"type": "text" | "image" | "document" | "tool_use" | "tool_result"} | str():
            return [Part(piece, FORMAT, origin) for piece in shown(block)]
    return [Part(Piece("other", value=block), FORMAT, origin)]


def _thought(text: str, proof: str, *, redacted: bool, origin: Any) -> Part:
    """Another provider's reasoning, that a caller got through this format, is that provider's part."""
    own = Part(Piece("reasoning", text=text), FORMAT, origin, proof, redacted)
    return signature.read(proof, text) or own


def written(part: Part, *, asking: bool) -> dict[str, Any] | None:
    """The block that says what `part` says; None where nothing needs to be said.

    `asking`: in a request to Anthropic, which takes back only its own reasoning, and no texts of white space.
    """
    piece = part.piece
    match piece.type:
        case "text" | "refusal":
            refused = asking and not (piece.text if part.format == FORMAT else piece.text.strip())
            return None if refused else _marked({"type": "text", "text": piece.text}, part.origin)
        case "reasoning":
            return _reasoning(part, asking=asking)
        case "tool_call" if part.kind in ("function", "custom"):
            given = piece.arguments if isinstance(piece.arguments, dict) else {"input": piece.arguments}
            return {"type": "tool_use", "id": ids.written(piece.id), "name": piece.name, "input": given}
        case "tool_result":
            return _marked(_tool_result(piece, part), part.origin)
        case "other" if part.format == FORMAT and isinstance(piece.value, dict):
            return piece.value
    return _marked(_media(piece, part), part.origin)


def _reasoning(part: Part, *, asking: bool) -> dict[str, Any] | None:
    if asking and part.format != FORMAT:
        return None
    proof = signature.carried(part, FORMAT)
    if part.redacted:
        return {"type": "redacted_thinking", "data": proof}
    return {"type": "thinking", "thinking": part.piece.text, "signature": proof}


def _tool_result(piece: Piece, part: Part) -> dict[str, Any]:
    block: dict[str, Any] = {"type": "tool_result", "tool_use_id": ids.written(piece.id)}
    match [inner for inner in piece.content if inner.type != "text" or inner.text]:
        case []:
            pass
        case [Piece(type="text", text=text)]:
            block["content"] = text
        case several:
            block["content"] = list(_in_result(several, part))
    if piece.error:
        block["is_error"] = True
    return block


def _in_result(pieces: Iterable[Piece], part: Part) -> Iterable[dict[str, Any]]:
    for piece in pieces:
        if piece.type in ("text", "refusal"):
            yield {"type": "text", "text": piece.text}
        elif piece.type == "other" and part.format == FORMAT and isinstance(piece.value, dict):
            yield piece.value
        else:
            yield _media(piece, part)


def _media(piece: Piece, part: Part) -> dict[str, Any]:
    if part.format == FORMAT and piece.id and piece.type in ("image", "file"):
        kind = "image" if piece.type == "image" else "document"
        return {"type": kind, "source": {"type": "file", "file_id": piece.id}}
    if piece.type == "image" and (source := sources.image_source(piece)) is not None:
        return {"type": "image", "source": source}
    if piece.type == "file" and (source := sources.document_source(piece)) is not None:
        titled = {"title": piece.name} if piece.name else {}
        return {"type": "document", "source": source, **titled}
    raise Unsupported(field(part), f"Anthropic's Messages format takes no such {_called(piece)}")


def field(part: Part) -> str:
    """Where in the caller's request it stands, as near as the part knows."""
    kind = part.origin.get("type") if isinstance(part.origin, Mapping) else None
    return f"{_ROOT[part.format]}.content.{kind if isinstance(kind, str) and kind else part.piece.type}"


def _called(piece: Piece) -> str:
    kind = piece.value.get("type") if piece.type == "other" and isinstance(piece.value, dict) else None
    if isinstance(kind, str):
        return f"part as {kind}"
    if piece.id and not piece.url:
        return f"{piece.type} by the id of a file at another provider"
    return f"{piece.type} ({piece.media_type})" if piece.media_type else piece.type


def _marked(block: dict[str, Any], origin: Any) -> dict[str, Any]:
    """With the cache mark that callers of other formats put on parts for Claude."""
    mark = origin.get("cache_control") if isinstance(origin, Mapping) and "type" in origin else None
    return {**block, "cache_control": mark} if isinstance(mark, dict) else block
