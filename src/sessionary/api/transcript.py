"""A session as a person reads it: what each call added, in order.

Of some of its calls it costs what these are, however long the session is; what a call has to be compared with, those
before it, is looked up for each.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from sessionary.api import types
from sessionary.api.broke import Breaks, system
from sessionary.store import prefix, reads, tree
from sessionary.store.tree import Stored
from sessionary.wire.bare import BILLING
from sessionary.wire.message import Message
from sessionary.wire.reading import FORMATS, read_system
from sessionary.wire.recipe import Recipe

_PROMPTED = ("chat.completions", "responses", "responses.compact", "messages")
"""Endpoints that take a system prompt."""
Calls = Sequence[Any]
"""Rows of the calls table, of one session, by (created_at, id)."""
Recipes = Mapping[str, Recipe]


def read(
    connection: sa.Connection,
    row: types.Row,
    projects: dict[int, str],
    keys: dict[str, str],
    some: Calls | None = None,
    breaks: Breaks | None = None,
) -> list[types.Added]:
    """`row` is the session's; `some`: only these of its calls. A handful of queries, however many calls there are."""
    calls = reads.session_calls(connection, row.project, row.id) if some is None else some
    ids = None if some is None else [call.id for call in some]
    parents = _parents(connection, row.project, calls)
    earlier = _earlier(connection, row, calls, parents, whole=some is None)
    messages = tree.added(connection, row.project, row.id, ids)
    outputs = tree.answers(connection, row.project, row.id, ids)
    needed = {c.id for c in (*calls, *parents.values(), *earlier.values())}
    recipes = tree.recipes_of(connection, row.project, needed)
    prompts = _prompts(connection, row.project, calls, earlier, recipes)
    broken = _broken(connection, row, calls, recipes, parents, ids, breaks or Breaks())
    alike = calls if some is None else reads.alike(connection, row, calls)
    again = _again(alike)
    first_sent: dict[bytes, int] = {}
    for one in reversed(alike):
        if one.leaf is not None:
            first_sent[one.leaf] = one.created_at
    return [
        types.Added(
            call=types.call(call, projects, keys),
            resent=call.base_depth - _recalled(call, recipes),
            recalled=_recalled(call, recipes),
            retry=call.id in again,
            broke=broken.get(call.id),
            system=prompts[call.id][0],
            unprompted=prompts[call.id][1],
            messages=[_shown(s, first_sent.setdefault(s.id, call.created_at)) for s in messages.get(call.id, [])],
            output=_answer(outputs[call.id], call) if call.id in outputs else None,
            emptied=call.id not in recipes,
        )
        for call in calls
    ]


def _recalled(call: Any, recipes: Recipes) -> int:
    return min(call.base_depth, recipes[call.id].above) if call.id in recipes else 0


def _parents(connection: sa.Connection, project: int, calls: Calls) -> dict[str, Any]:
    """The calls that these go on from, by id; also those of other sessions."""
    known = {call.id: call for call in calls}
    found = {call.parent: known[call.parent] for call in calls if call.parent in known}
    wanted = {(project, call.parent) for call in calls if call.parent and call.parent not in known}
    return found | {id: parent for (_, id), parent in reads.related(connection, wanted).items()}


def _broken(
    connection: sa.Connection,
    row: types.Row,
    calls: Calls,
    recipes: Recipes,
    parents: Mapping[str, Any],
    ids: tree.Ids,
    breaks: Breaks,
) -> dict[str, types.Broke]:
    missing = parents.keys() - recipes.keys()
    every = {**recipes, **tree.recipes_of(connection, row.project, missing)} if missing else recipes
    pairs = [(call, parents[call.parent]) for call in calls if call.parent in every and call.id in every]
    ends = prefix.parted(connection, row.project, row.id, ids)
    return breaks.of(connection, row.project, pairs, every, ends)


def _again(calls: Calls) -> set[str]:
    """Those that ask the same as an earlier one, of the same key and user. A call for a title asks something else."""
    asked: set[tuple[bytes, int, bool]] = set()
    found: set[str] = set()
    for call in calls:
        if call.leaf_node is not None:
            key = (call.leaf_node, call.scope, bool(call.side))
            if key in asked:
                found.add(call.id)
            asked.add(key)
    return found


def _earlier(
    connection: sa.Connection, row: types.Row, calls: Calls, parents: Mapping[str, Any], *, whole: bool
) -> dict[str, Any]:
    """By the call's id: the one whose system prompt it is compared with. That is the one it goes on from, or else the
    newest before it; of those that could have one, and in the session."""
    found: dict[str, Any] = {}
    last: Any = None
    for call in calls:
        if not _prompted(call):
            continue
        parent = parents.get(call.parent or "")
        if parent is not None and parent.session == row.id and _prompted(parent):
            found[call.id] = parent
        elif whole and last is not None:
            found[call.id] = last
        elif not whole and (before := reads.call_before(connection, row, call, _PROMPTED)) is not None:
            found[call.id] = before
        last = call
    return found


def _prompted(call: Any) -> bool:
    return call.leaf is not None and call.endpoint in _PROMPTED


def _prompts(
    connection: sa.Connection, project: int, calls: Calls, earlier: Mapping[str, Any], recipes: Recipes
) -> dict[str, tuple[list[Message], bool]]:
    """By call id: its system prompt where that is another than before; and whether there is none any more."""
    found: dict[str, tuple[list[Message], bool]] = {call.id: ([], False) for call in calls}
    pairs: dict[str, tuple[list[_Piece], list[_Piece]]] = {}
    for call in calls:
        if _prompted(call):
            mine, its = _pieces(call, recipes), _pieces(earlier.get(call.id), recipes)
            if mine != its:
                pairs[call.id] = (mine, its)
    wanted = {piece for both in pairs.values() for part in both for piece in part}
    bodies = tree.load_bodies(connection, project, {hashed for hashed, _ in wanted})
    read = {(hashed, format): read_system(bodies[hashed], format) for hashed, format in wanted}
    for id, (mine, its) in pairs.items():
        told, before = ([read[piece] for piece in part if read[piece].pieces] for part in (mine, its))
        if _gist(told) != _gist(before):
            found[id] = (told, bool(_gist(before)) and not _gist(told))
    return found


_Piece = tuple[bytes, str]
"""A body's hash, and its format."""


def _pieces(call: Any, recipes: Recipes) -> list[_Piece]:
    if call is None or call.id not in recipes:
        return []
    return [(hashed, FORMATS[call.endpoint]) for hashed in system(call, recipes[call.id])]


def _gist(prompt: Iterable[Message]) -> list[str]:
    return [p.text for message in prompt for p in message.pieces if not p.text.startswith(BILLING)]


def _answer(said: list[Stored], call: types.Row) -> types.Shown:
    """What the model said, as one message: in some formats it comes as several items."""
    pieces = [piece for stored in said for piece in stored.message().pieces]
    return types.Shown(said[-1].id.hex(), types.iso(call.finished_at), "assistant", pieces, "")


def _shown(stored: Stored, at: int) -> types.Shown:
    message = stored.message()
    return types.Shown(stored.id.hex(), types.iso(at), message.role, message.pieces, message.name)
