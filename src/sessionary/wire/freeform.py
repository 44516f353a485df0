"""Tools that take free text, for a provider whose tools all take JSON: functions with one text, `input`. Pure.

`as_functions` changes a request, its history included, and names the tools that it changed. With those names
`restored` (a whole answer) and `Restoring` (a stream) give the caller back what it knows: calls with their text.
"""

from typing import Any

import msgspec

from sessionary.wire import loose
from sessionary.wire.canonical import Answer, Closed, Delta, Opened, Part, Request, Told, Tool, Turn
from sessionary.wire.responses.tools import form_of

_SCHEMA = {
    "type": "object",
    "properties": {"input": {"type": "string", "description": "The whole input, as free text."}},
    "required": ["input"],
    "additionalProperties": False,
}


def as_functions(request: Request) -> tuple[Request, frozenset[str]]:
    """The same object where no tool and no call of the history takes text."""
    names = frozenset(tool.name for tool in request.params.tools if tool.kind == "custom")
    turns = [_turn(turn) for turn in request.turns]
    if not names and all(new is old for new, old in zip(turns, request.turns, strict=True)):
        return request, names
    tools = [_function(tool) if tool.kind == "custom" else tool for tool in request.params.tools]
    params = msgspec.structs.replace(request.params, tools=tools)
    return msgspec.structs.replace(request, params=params, turns=turns), names


def _function(tool: Tool) -> Tool:
    form = form_of(tool) or {}
    told = [tool.description] if tool.description else []
    if form.get("type") == "grammar":
        told.append(f"The input must follow this {form.get('syntax') or ''} grammar:\n{form.get('definition') or ''}")
    return Tool("function", tool.name, "\n\n".join(told), _SCHEMA, None, tool.format, tool.origin)


def _turn(turn: Turn) -> Turn:
    parts = [_as_function(part) if part.kind == "custom" else part for part in turn.parts]
    same = all(new is old for new, old in zip(parts, turn.parts, strict=True))
    return turn if same else msgspec.structs.replace(turn, parts=parts)


def _as_function(part: Part) -> Part:
    piece = part.piece
    if piece.type == "tool_call":
        piece = msgspec.structs.replace(piece, arguments={"input": _text(piece.arguments)})
    return msgspec.structs.replace(part, piece=piece, kind="function")


def restored(answer: Answer, names: frozenset[str]) -> Answer:
    turns = [msgspec.structs.replace(t, parts=[_restored(p, names) for p in t.parts]) for t in answer.turns]
    return answer if turns == answer.turns else msgspec.structs.replace(answer, turns=turns, origin=None)


def _restored(part: Part, names: frozenset[str]) -> Part:
    piece = part.piece
    if piece.type != "tool_call" or part.kind != "function" or piece.name not in names:
        return part
    given = piece.arguments
    text = given["input"] if isinstance(given, dict) and isinstance(given.get("input"), str) else _text(given)
    return Part(msgspec.structs.replace(piece, arguments=text), part.format, None, kind="custom")


class Restoring:
    """The text of a call is told when it is whole: before, it is half a JSON string."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names
        self._held: set[int] = set()

    def feed(self, told: Told) -> list[Told]:
        match told:
            case Opened(index, piece, "function") if piece.type == "tool_call" and piece.name in self._names:
                self._held.add(index)
                return [Opened(index, piece, "custom")]
            case Delta(index) if index in self._held:
                return []
            case Closed(index, part) if index in self._held:
                part = _restored(part, self._names)
                return [Delta(index, _text(part.piece.arguments)), Closed(index, part)]
        return [told]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else loose.encode(value).decode()
