"""The tools that a request offers, where its own list is not all of them, or not yet. Pure.

Two formats have more than a list: Responses puts tools among the items (`additional_tools`, `tool_search_output`), and
Messages lists tools that are not to be shown (`defer_loading`) until a tool's result refers to them. `plainly` gives
the request as every other format can say it.
"""

from typing import Any

import msgspec

from sessionary.wire.canonical import Part, Request, Tool, Turn
from sessionary.wire.message import Piece
from sessionary.wire.responses.tools import ADDED, FOUND, read


def plainly(request: Request) -> Request:
    """With a list of tools that is all there is; the same object where it is so already."""
    turns = [*request.system, *request.turns]
    added = [tool for turn in turns for tool in _added(turn)]
    named = {name for turn in turns for part in turn.parts for name in _references(part)}
    known: dict[Any, Tool] = {}
    for tool in (*request.params.tools, *added):
        if not _is_deferred(tool) or tool.name in named:
            known[tool.name or id(tool)] = tool  # what is given again replaces what was
    tools = list(known.values())
    if not added and not named and tools == request.params.tools:
        return request
    return Request(
        msgspec.structs.replace(request.params, tools=tools),
        [turn for turn in request.system if not _gives_tools(turn)],
        [_spelled_out(turn) for turn in request.turns if not _gives_tools(turn)],
    )


def _gives_tools(turn: Turn) -> bool:
    return any(part.kind == ADDED for part in turn.parts)


def _added(turn: Turn) -> list[Tool]:
    given = [part.origin for part in turn.parts if part.kind in (ADDED, FOUND)]
    return [tool for item in given if isinstance(item, dict) for tool in read(item.get("tools"))]


def _is_deferred(tool: Tool) -> bool:
    own = tool.format == "messages" and isinstance(tool.origin, dict)
    return own and tool.origin.get("defer_loading") is True


def _references(part: Part) -> list[str]:
    return [name for piece in part.piece.content if (name := _referred(piece))]


def _referred(piece: Piece) -> str:
    match piece.value:
        case {"type": "tool_reference", "tool_name": str(name)}:
            return name
    return ""


def _spelled_out(turn: Turn) -> Turn:
    """With names where it refers to tools."""
    if not any(_references(part) for part in turn.parts):
        return turn
    parts = []
    for part in turn.parts:
        content = [Piece("text", text=name) if (name := _referred(p)) else p for p in part.piece.content]
        parts.append(msgspec.structs.replace(part, piece=msgspec.structs.replace(part.piece, content=content)))
    return msgspec.structs.replace(turn, parts=parts)
