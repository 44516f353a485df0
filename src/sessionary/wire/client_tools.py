"""Tools that the caller runs and a provider has no kind for, as the functions that every provider has. Pure.

- A tool that takes free text (`custom`) is a function with one text, `input`.
- A search for more tools, where the caller does it (`tool_search`), is a function with the search's own parameters.

`as_functions` changes a request, its history included, and says which tools it changed. With that, `restored` (a whole
answer) and `Restoring` (a stream) give the caller back what it knows.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from sessionary.wire import loose
from sessionary.wire.canonical import Answer, Closed, Delta, Opened, Part, Request, Told, Tool, Turn
from sessionary.wire.message import Piece
from sessionary.wire.responses.tools import FOUND, form_of, read

Changed = Mapping[str, str]
"""The function's name -> what kind of tool it stands for."""
SEARCH = "tool_search"
_TEXT = {
    "type": "object",
    "properties": {"input": {"type": "string", "description": "The whole input, as free text."}},
    "required": ["input"],
    "additionalProperties": False,
}


def as_functions(request: Request) -> tuple[Request, Changed]:
    """The same object where no tool and no call of the history is of such a kind."""
    tools = [_function(tool) for tool in request.params.tools]
    changed = {new.name: old.kind for new, old in zip(tools, request.params.tools, strict=True) if new is not old}
    turns = [_turn(turn) for turn in request.turns]
    if not changed and all(new is old for new, old in zip(turns, request.turns, strict=True)):
        return request, changed
    params = msgspec.structs.replace(request.params, tools=tools)
    return msgspec.structs.replace(request, params=params, turns=turns), changed


def _function(tool: Tool) -> Tool:
    if tool.kind == "custom":
        return Tool("function", tool.name, _described(tool), _TEXT, None, tool.format, tool.origin)
    given = tool.origin if isinstance(tool.origin, dict) else {}
    if tool.kind == SEARCH and tool.format == "responses" and given.get("execution") == "client":
        return msgspec.structs.replace(tool, kind="function", name=SEARCH)
    return tool


def _described(tool: Tool) -> str:
    form = form_of(tool) or {}
    told = [tool.description] if tool.description else []
    if form.get("type") == "grammar":
        told.append(f"The input must follow this {form.get('syntax') or ''} grammar:\n{form.get('definition') or ''}")
    return "\n\n".join(told)


def _turn(turn: Turn) -> Turn:
    parts = [_as_function(part) for part in turn.parts]
    if all(new is old for new, old in zip(parts, turn.parts, strict=True)):
        return turn
    found = any(part.piece.type == "tool_result" for part in parts)
    return msgspec.structs.replace(turn, parts=parts, role="tool" if found else turn.role)


def _as_function(part: Part) -> Part:
    piece, item = part.piece, part.origin if isinstance(part.origin, dict) else {}
    if part.kind == "custom":
        if piece.type == "tool_call":
            piece = msgspec.structs.replace(piece, arguments={"input": _text(piece.arguments)})
    elif part.kind == f"{SEARCH}_call" and piece.type == "tool_call" and item.get("execution") == "client":
        piece = msgspec.structs.replace(piece, name=SEARCH)
    elif part.kind == FOUND and item.get("execution") == "client":
        names = [tool.name for tool in read(item.get("tools"))]
        said = f"Found: {', '.join(names)}" if names else "Found nothing."
        piece = Piece("tool_result", id=str(item.get("call_id") or ""), content=[Piece("text", text=said)])
    else:
        return part
    return msgspec.structs.replace(part, piece=piece, kind="function")


def restored(answer: Answer, changed: Changed) -> Answer:
    turns = [msgspec.structs.replace(t, parts=[_restored(p, changed) for p in t.parts]) for t in answer.turns]
    return answer if turns == answer.turns else msgspec.structs.replace(answer, turns=turns, origin=None)


def _restored(part: Part, changed: Changed) -> Part:
    piece = part.piece
    kind = changed.get(piece.name) if piece.type == "tool_call" and part.kind == "function" else None
    if kind is None:
        return part
    given = piece.arguments
    if kind == "custom":
        given = given["input"] if isinstance(given, dict) and isinstance(given.get("input"), str) else _text(given)
    return Part(msgspec.structs.replace(piece, arguments=given), part.format, None, kind=kind)


class Restoring:
    """The text of a call is told when it is whole: before, it is half a JSON string."""

    def __init__(self, changed: Changed) -> None:
        self._changed = changed
        self._held: set[int] = set()

    def feed(self, told: Told) -> list[Told]:
        match told:
            case Opened(index, piece, "function") if piece.type == "tool_call" and piece.name in self._changed:
                self._held.add(index)
                return [Opened(index, piece, self._changed[piece.name])]
            case Delta(index) if index in self._held:
                return []
            case Closed(index, part) if index in self._held:
                part = _restored(part, self._changed)
                return [Delta(index, _text(part.piece.arguments)), Closed(index, part)]
        return [told]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else loose.encode(value).decode()
