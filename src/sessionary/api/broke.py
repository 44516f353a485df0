"""Where a request stops being what the provider could have kept of the one before: the call that it goes on from.

A provider's cache goes by the beginning of what a model is told: the tools, the system prompt, then the messages; of
another model's it has none. Compared are the bytes that clients sent, without the marks for that cache.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from sessionary.api import types
from sessionary.ids import digest
from sessionary.store import prefix, tree
from sessionary.wire.bare import bare, stripped
from sessionary.wire.reading import FORMATS, SYSTEM
from sessionary.wire.recipe import Recipe

Pair = tuple[Any, Any]
"""Rows of a call, and of the one that it goes on from."""
_TOOLS = ("tools", "functions")
_AT_ONCE = 200
_MOST_KNOWN = 100_000
_TOO_MUCH = types.Broke("messages", 0)
"""What is said where it would be too much to find out: for fewer calls it may not be."""


class Breaks:
    """Remembers what it has found out of calls that are over: what they sent stays what it was, and a session that is
    looked at is asked for again and again."""

    def __init__(self) -> None:
        self._known: dict[tuple[int, str, str], types.Broke | None] = {}

    def of(
        self,
        connection: sa.Connection,
        project: int,
        pairs: Sequence[Pair],
        recipes: Mapping[str, Recipe],
        ends: prefix.Ends,
    ) -> dict[str, types.Broke]:
        """By call id; calls that sent all that the one before did are left out. `recipes` has both calls' of each pair,
        `ends` what `prefix.parted` says of them."""
        keys = [(project, call.id, before.id) for call, before in pairs]
        new = [pair for pair, key in zip(pairs, keys, strict=True) if key not in self._known]
        found = _broke(connection, project, new, recipes, ends)
        told = {key[1]: self._known.get(key) or found.get(key[1]) for key in keys}
        if len(self._known) + len(new) > _MOST_KNOWN:
            self._known.clear()
        for call, before in new:
            broke = found.get(call.id)
            if "live" not in (call.status, before.status) and broke != _TOO_MUCH:
                self._known[project, call.id, before.id] = broke
        return {id: broke for id, broke in told.items() if broke is not None}


def _broke(
    connection: sa.Connection, project: int, pairs: Sequence[Pair], recipes: Mapping[str, Recipe], ends: prefix.Ends
) -> dict[str, types.Broke]:
    pairs = [(call, before) for call, before in pairs if call.id in recipes and before.id in recipes]
    found = {call.id: types.Broke("model", 0) for call, before in pairs if _models_differ(call, before)}
    parts: dict[types.BrokenPart, Callable[[Any, Recipe], list[bytes]]] = {"tools": _tools, "system": system}
    for what, part in parts.items():  # in the order in which a model is told them
        left = [pair for pair in pairs if pair[0].id not in found]
        sent = {call.id: (part(call, recipes[call.id]), part(before, recipes[before.id])) for call, before in left}
        differing = _differing(connection, project, {id: both for id, both in sent.items() if both[0] != both[1]})
        found |= {id: types.Broke(what, 0) for id in differing}
    messages = {call.id: ends[call.id] for call, _ in pairs if call.id in ends and call.id not in found}
    depths = prefix.first_difference(connection, project, messages)
    return found | {id: types.Broke("messages", depth) for id, depth in depths.items()}


def system(call: Any, recipe: Recipe) -> list[bytes]:
    """Hashes of the bodies that are its system prompt."""
    lifted = recipe.lifted.get(SYSTEM.get(FORMATS.get(call.endpoint, ""), ""))
    return [*recipe.preamble, *([lifted] if lifted else [])]


def _tools(call: Any, recipe: Recipe) -> list[bytes]:
    return [recipe.lifted[name] for name in _TOOLS if name in recipe.lifted]


def _models_differ(call: Any, before: Any) -> bool:
    """By who answered; where that is not known of both, by what was asked for."""
    if not call.upstream_model or not before.upstream_model:
        return bool(call.model != before.model)
    return bool((call.provider, call.upstream_model) != (before.provider, before.upstream_model))


def _differing(
    connection: sa.Connection, project: int, sent: Mapping[str, tuple[list[bytes], list[bytes]]]
) -> Iterable[str]:
    """Of pairs of lists of bodies, by any name: those that differ in more than marks. Nearly always it is enough to
    look at them as they are written."""
    left = dict(sent)
    for form in (stripped, bare):
        needed = list({hashed for both in left.values() for part in both for hashed in part})
        forms: dict[bytes, bytes] = {}
        for start in range(0, len(needed), _AT_ONCE):  # a harness may send another prompt in every call
            bodies = tree.load_bodies(connection, project, set(needed[start : start + _AT_ONCE]))
            forms |= {hashed: digest(form(body)) for hashed, body in bodies.items()}
        left = {id: both for id, both in left.items() if _forms(both[0], forms) != _forms(both[1], forms)}
    return left


def _forms(hashes: list[bytes], forms: Mapping[bytes, bytes]) -> list[bytes]:
    return [forms[hashed] for hashed in hashes]
