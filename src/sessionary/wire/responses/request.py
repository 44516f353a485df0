"""Requests to /responses, read into the canonical form and written out of it. Pure.

`instructions` lead the conversation as a system turn; a string stands for itself as the origin of its part. A
field is a row of the table in `responses/params`; items are `responses/items` and `responses/turns`.
"""

from typing import Any

from sessionary.wire import foreign
from sessionary.wire.canonical import Part, Request, Turn, Unsupported
from sessionary.wire.message import Piece
from sessionary.wire.responses import params
from sessionary.wire.responses.turns import read_turn, write_turns

_CARRIED = frozenset({"prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "safety_identifier"})
"""Fields of chat that the Responses API has under the same name."""


def read_request(body: dict[str, Any]) -> Request:
    """Raises Unsupported where a field that matters is no such thing. References are kept, to be resolved before."""
    given, instructions = body.get("input"), body.get("instructions")
    if isinstance(given, str):
        turns = [_plain("user", given)]
    elif given is None or (isinstance(given, list) and all(isinstance(item, dict) for item in given)):
        turns = [read_turn(item) for item in given or []]
    else:
        raise Unsupported("input", "must be a string or a list of items")
    if not isinstance(body.get("model"), str):
        raise Unsupported("model", "is required")
    if not isinstance(instructions, str | None):
        raise Unsupported("instructions", "must be a string")
    lead = next((n for n, turn in enumerate(turns) if turn.role != "system"), len(turns))
    system = [] if instructions is None else [_plain("system", instructions)]
    fields = {k: v for k, v in body.items() if k not in ("input", "instructions") or v is None}
    return Request(params.read(fields), [*system, *turns[:lead]], turns[lead:])


def write_request(request: Request) -> dict[str, Any]:
    """Raises Unsupported."""
    foreign.check(request.params, "responses", _CARRIED)
    foreign.check_files([*request.system, *request.turns], "responses")
    fields = params.write(request.params)
    if request.params.format == "chat":
        fields |= {k: v for k, v in request.params.rest.items() if k in _CARRIED and v is not None}
    body: dict[str, Any] = {"model": fields.pop("model")}
    system, given = request.system, request.turns
    if system and (instructions := _instructions(system[0])) is not None:
        body["instructions"] = instructions
        system = system[1:]
    if not system and len(given) == 1 and (text := _own_text(given[0])) is not None:
        body["input"] = text
    elif system or given or "input" not in fields:
        body["input"] = write_turns([*system, *given])
    return body | {k: v for k, v in fields.items() if k not in body}


def _plain(role: str, text: str) -> Turn:
    return Turn("system" if role == "system" else "user", [Part(Piece("text", text=text), "responses", text)])


def _own_text(turn: Turn) -> str | None:
    """Of a turn that was a string."""
    match turn.parts:
        case [Part(format="responses", origin=str(), piece=Piece(type="text", text=text))] if turn.origin is None:
            return text
    return None


def _instructions(turn: Turn) -> str | None:
    """A leading system turn that is one text, unless it was an item of the input."""
    match turn.parts:
        case [Part(piece=Piece(type="text", text=text)) as part] if not turn.name:
            return text if part.format != "responses" or turn.origin is None else None
    return None
