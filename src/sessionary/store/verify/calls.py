"""Calls: what they end at, what their bodies are put together from, where search finds them, what was counted."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
import zstandard

from sessionary import ids
from sessionary.store import scan, schema, search, traffic, tree, words
from sessionary.store.questions import present
from sessionary.store.verify.found import Check, Difference
from sessionary.wire.recipe import Recipe

_c = schema.calls.c
_ENDS = (("leaf", "leaf_node"), ("output", "output_node"))
_WORD = re.compile(r"(?<![^\W_])[a-z]{3,20}(?![^\W_])")
_DAY = traffic.STEPS[-1]
_COUNTED = ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "cost")


class Calls:
    """Of one project. Adds up what they cost by day, to be compared with what was counted when they passed."""

    def __init__(self, project: int) -> None:
        self._project = project
        self._days: dict[int, Counter[str]] = {}
        self._last = ""

    def check(self) -> Check:
        return Check(_c.id, [_c.project == self._project], self._look)

    def _look(self, connection: sa.Connection, values: Sequence[str]) -> Iterator[tuple[str, Difference]]:
        mine = sa.select(schema.calls).where(_c.project == self._project, _c.id.in_(values))
        calls = connection.execute(mine.order_by(_c.id)).mappings().all()
        there = self._there(connection, calls)
        ends = {call[end] for call in calls for end, _ in _ENDS if call[end] is not None}
        messages = {m.id: m for m in present(connection, schema.messages, "id", self._project, ends, "node", "depth")}
        exchanges = self._exchanges(connection, values)
        recipes = {call["id"]: _recipes(exchanges.get(call["id"])) for call in calls}
        named = {hashed for found in recipes.values() for r in found or () for hashed in _needs(r)}
        bodies = {row.hash for row in present(connection, schema.bodies, "hash", self._project, named)}
        b = present(connection, schema.session_bodies, "hash", self._project, named, "session")
        noted = {(row.hash, row.session) for row in b}
        docs = self._docs(connection, values)
        hidden = {ref for kind in ("session", "waiting") for ref in scan.refs(connection, self._project, kind)}
        for call in calls:
            if call["session"] not in there:
                if call["session"].encode() not in hidden:
                    yield self._told(call, "its session is not there")
                continue
            self._count(call)
            wrong = [*_ended(call, messages), *_put_together(call, exchanges, recipes[call["id"]], bodies, noted)]
            for what in wrong or _sought(connection, call, docs):
                yield self._told(call, what)

    def _there(self, connection: sa.Connection, calls: Sequence[sa.RowMapping]) -> set[str]:
        named = {call["session"] for call in calls}
        return {row.id for row in present(connection, schema.sessions, "id", self._project, named)}

    def _exchanges(self, connection: sa.Connection, values: Sequence[str]) -> dict[str, Any]:
        rows = present(connection, schema.exchanges, "call_id", self._project, values, "request", "response")
        return {row.call_id: row for row in rows}

    def _docs(self, connection: sa.Connection, values: Sequence[str]) -> set[tuple[str, bool]]:
        rows = present(connection, schema.search_docs, "call_id", self._project, values, "answer")
        return {(row.call_id, bool(row.answer)) for row in rows}

    def _told(self, call: sa.RowMapping, what: str) -> tuple[str, Difference]:
        return call["id"], Difference("call", self._project, call["id"], what)

    # -- what was counted

    def _count(self, call: sa.RowMapping) -> None:
        """Each once, though it may be looked at again."""
        if call["id"] <= self._last or call["status"] == "live" or call["finished_at"] is None:
            return
        self._last = call["id"]
        day = self._days.setdefault(call["created_at"] - call["created_at"] % (_DAY * traffic.SECOND), Counter())
        day["calls"] += 1
        day.update({name: call[name] or 0 for name in _COUNTED})

    def uncounted(self, engine: sa.Engine) -> Iterator[Difference]:
        """Days of which less was counted than is stored. Deleted sessions stay counted: it may be more."""
        for at, stored in sorted(self._days.items()):
            with engine.connect() as connection:
                until = at + _DAY * traffic.SECOND
                rows = traffic.sums(connection, self._project, _DAY, at, until, of=("calls", *_COUNTED))
            for name, counted in zip(("calls", *_COUNTED), rows[0] if rows else [], strict=False):
                if (counted or 0) < stored[name]:
                    told = f"{counted or 0} {name} were counted, {stored[name]} are stored"
                    yield Difference("traffic", self._project, str(at), told)


def _ended(call: sa.RowMapping, messages: dict[bytes, Any]) -> Iterator[str]:
    if call["scope"] != ids.scope(call["key_id"], call["user"], call["source"]):
        yield "its scope is not that of its key and user"
    for end, node in _ENDS:
        if call[end] is None:
            continue
        message = messages.get(call[end])
        if message is None:
            yield f"the message that is its {end} is not there"
        elif message.node != call[node]:
            yield f"its {node} is not that of its {end}"
        elif end == "leaf" and message.depth != call["input_depth"]:
            yield f"its leaf is not at depth {call['input_depth']}"


def _put_together(
    call: sa.RowMapping,
    exchanges: dict[str, Any],
    recipes: list[Recipe] | None,
    bodies: set[bytes],
    noted: set[tuple[bytes, str]],
) -> Iterator[str]:
    if call["id"] not in exchanges:
        if any(call[name] is not None for name in ("leaf", "output", "answer_key")):
            yield "what was said in it is not there"
        return
    if recipes is None:
        yield "how its bodies are put together cannot be read"
        return
    needed = {hashed for recipe in recipes for hashed in _needs(recipe)}
    if needed - bodies:
        yield "a body that it needs is not there"
    if any((hashed, call["session"]) not in noted for hashed in needed):
        yield "its session is not noted for a body that it needs"
    if recipes[0].chain and recipes[0].above > call["input_depth"]:
        yield "it goes on from deeper than it ends"


def _sought(connection: sa.Connection, call: sa.RowMapping, docs: set[tuple[str, bool]]) -> Iterator[str]:
    """Only where all else is right: its texts are read by what was looked at."""
    for answer, end in ((False, "leaf"), (True, "output")):
        if call[end] is None or (call["id"], answer) in docs:
            continue
        if _said(connection, call, answer=answer):
            yield f"search does not know its {'answer' if answer else 'request'}"


def _said(connection: sa.Connection, call: sa.RowMapping, *, answer: bool) -> str:
    """ "" also where it cannot be read, of which the message or its body has been told."""
    try:
        return words.of_call(connection, call, answer=answer)
    except (zstandard.ZstdError, msgspec.MsgspecError, TypeError, ValueError):
        return ""


def _recipes(row: Any) -> list[Recipe] | None:
    """Of its request and its answer; None where one cannot be read."""
    try:
        return [tree.recipe(packed) for packed in (row.request, row.response) if packed is not None] if row else []
    except (msgspec.DecodeError, zstandard.ZstdError):
        return None


def _needs(recipe: Recipe) -> set[bytes]:
    return {*recipe.lifted.values(), *recipe.preamble}


def docs(project: int) -> Check:
    """That the search index finds each text that it has: by a word of it."""
    d = schema.search_docs.c

    def look(connection: sa.Connection, values: Sequence[int]) -> Iterator[tuple[int, Difference]]:
        rows = connection.execute(sa.select(schema.search_docs).where(d.id.in_(values))).all()
        named = {row.call_id for row in rows}
        mine = sa.select(schema.calls).where(_c.project == project, _c.id.in_(named))
        calls = {call["id"]: call for call in connection.execute(mine).mappings()}
        for row in rows:
            call = calls.get(row.call_id)
            if call is None:
                yield row.id, Difference("search", project, row.call_id, "it is found, and not there")
                continue
            word = _WORD.search(_said(connection, call, answer=row.answer))
            if word is None:
                continue
            asked = search.matching(connection, f'"{word[0]}"', project, of=row.id)
            if asked is not None and connection.execute(asked).first() is None:
                told = f"its {'answer' if row.answer else 'request'} is not found by {word[0]!r}"
                yield row.id, Difference("search", project, row.call_id, told)

    return Check(d.id, [d.project == project], look)
