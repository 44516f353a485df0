"""A session as a person reads it: what each call added, in order."""

from collections.abc import Iterable, Mapping

import sqlalchemy as sa

from sessionary.api import types
from sessionary.store import reads, tree
from sessionary.store.tree import Stored
from sessionary.wire.message import Message
from sessionary.wire.reading import FORMATS, SYSTEM, read_system
from sessionary.wire.recipe import Recipe

_BILLING = "x-anthropic-billing-header:"
"""How the line begins that a harness puts into its system prompt, other in each call: no change of the prompt."""
_PROMPTED = frozenset({"chat.completions", "responses", "responses.compact", "messages"})
"""Endpoints that take a system prompt."""


def read(
    connection: sa.Connection, row: types.Row, projects: dict[int, str], keys: dict[str, str]
) -> list[types.Added]:
    """`row` is the session's. A handful of queries, however many calls there are."""
    messages = tree.added(connection, row.project, row.id)
    outputs = tree.answers(connection, row.project, row.id)
    recipes = tree.recipes(connection, row.project, row.id)
    rows = reads.session_calls(connection, row.project, row.id)
    prompts = _prompts(connection, row.project, rows, recipes)
    first_sent: dict[bytes, int] = {}
    asked: set[bytes] = set()
    prompted: dict[str, list[str]] = {}
    """Each call's system prompt, as far as it counts."""
    last: list[str] = []
    calls: list[types.Added] = []
    for call in rows:
        before = prompted.get(call.parent or "", last)
        system = prompts.get(call.id)
        last = prompted[call.id] = before if system is None else _gist(system)
        recalled = min(call.base_depth, recipes[call.id].above) if call.id in recipes else 0
        calls.append(
            types.Added(
                call=types.call(call, projects, keys),
                resent=call.base_depth - recalled,
                recalled=recalled,
                retry=call.leaf_node is not None and call.leaf_node in asked,
                system=system if system and last != before else [],
                unprompted=bool(before) and not last,
                messages=[_shown(s, first_sent.setdefault(s.id, call.created_at)) for s in messages.get(call.id, [])],
                output=_answer(outputs[call.id], call) if call.id in outputs else None,
            )
        )
        if call.leaf_node is not None:
            asked.add(call.leaf_node)
    return calls


def _prompts(
    connection: sa.Connection, project: int, rows: Iterable[types.Row], recipes: Mapping[str, Recipe]
) -> dict[str, list[Message]]:
    """Each call's system prompt, by call id; none for calls that could have none, or of which nothing was kept."""
    found: dict[str, list[tuple[bytes, str]]] = {}
    for call in rows:
        if call.id in recipes and call.leaf is not None and call.endpoint in _PROMPTED:
            format, recipe = FORMATS[call.endpoint], recipes[call.id]
            lifted = recipe.lifted.get(SYSTEM.get(format, ""))
            found[call.id] = [(hashed, format) for hashed in (*recipe.preamble, *([lifted] if lifted else []))]
    sent = {piece for pieces in found.values() for piece in pieces}
    bodies = tree.load_bodies(connection, project, {hashed for hashed, _ in sent})
    messages = {(hashed, format): read_system(bodies[hashed], format) for hashed, format in sent}
    return {call: [messages[piece] for piece in pieces if messages[piece].pieces] for call, pieces in found.items()}


def _gist(system: list[Message]) -> list[str]:
    return [p.text for message in system for p in message.pieces if not p.text.startswith(_BILLING)]


def _answer(said: list[Stored], call: types.Row) -> types.Shown:
    """What the model said, as one message: in some formats it comes as several items."""
    pieces = [piece for stored in said for piece in stored.message().pieces]
    return types.Shown(said[-1].id.hex(), types.iso(call.finished_at), "assistant", pieces, "")


def _shown(stored: Stored, at: int) -> types.Shown:
    message = stored.message()
    return types.Shown(stored.id.hex(), types.iso(at), message.role, message.pieces, message.name)
