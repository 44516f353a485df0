"""How many tokens a request has, where no provider is asked: for /messages/count_tokens. Pure. An estimate."""

from typing import Any

from sessionary.wire import loose, text, tokens
from sessionary.wire.message import Message, Piece
from sessionary.wire.messages import blocks

_PER_MESSAGE = 4
_PER_IMAGE = 765
_PER_TOOL = 8
_PER_PAGE = 1500
_PAGE = 100_000
"""Characters of a document's data that are taken for one page."""


def estimate(body: dict[str, Any]) -> int:
    """Of any body; never fails."""
    messages, given = body.get("messages"), body.get("tools")
    said = [_message(value) for value in (messages if isinstance(messages, list) else [])]
    said += [Message("system", blocks.content(body["system"]))] if body.get("system") else []
    tools = [tool for tool in (given if isinstance(given, list) else []) if isinstance(tool, dict)]
    return max(1, sum(map(_of, said)) + sum(map(_of_tool, tools)))


def _message(value: Any) -> Message:
    return Message("user", blocks.content(value.get("content") if isinstance(value, dict) else value))


def _of(message: Message) -> int:
    return tokens.count(text.plain(message)) + _PER_MESSAGE + sum(_beside(piece) for piece in message.pieces)


def _beside(piece: Piece) -> int:
    """What is no text."""
    match piece.type:
        case "image":
            return _PER_IMAGE
        case "file":
            return _PER_PAGE * (1 + len(piece.url) // _PAGE)
        case "tool_result":
            return sum(_beside(inner) for inner in piece.content)
        case "other":
            return tokens.count(loose.encode(piece.value).decode())
    return 0


def _of_tool(tool: dict[str, Any]) -> int:
    shown = {k: v for k, v in tool.items() if k in ("name", "description", "input_schema")}
    return tokens.count(loose.encode(shown).decode()) + _PER_TOOL
