"""What the newest rows of a list add up to: over time, and by the commonest values of some fields.

The rows are those of `store.lists`, at most `MOST`: what a summary costs does not grow with the store.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from sessionary.store import lists, schema
from sessionary.store.programs import program
from sessionary.store.rollups import CUT, FAILED
from sessionary.store.terms import Condition
from sessionary.store.walk import Page

MOST = 5000
"""Rows that are counted."""
VALUES = 8
"""Values of a facet."""
Sums = dict[int, list[int]]
"""When a bar begins -> calls, errors, cost."""
_s, _c = schema.sessions.c, schema.calls.c
_OF_SESSIONS = {"status": "status", "model": "models", "client": "clients", "key": "keys", "user": "users"}
_OF_CALLS = ("status", "model", "client", "key", "endpoint", "provider")
_SESSION_COLUMNS = [
    *(_s[n] for n in ("project", "id", "status", "models", "clients", "keys", "users", "source")),
    *(_s[n] for n in ("calls", "errors", "cost", "last_at")),
]
_CALL_COLUMNS = [
    *(_c[n] for n in ("project", "id", "status", "model", "client", "key_id", "endpoint", "provider")),
    *(_c[n] for n in ("cost", "created_at")),
]


class Newest(msgspec.Struct):
    """`more`: whether older rows match too. `rows`: time, calls, errors and cost of each, newest first."""

    rows: list[tuple[int, int, int, int]]
    facets: dict[str, list[tuple[str, int]]]
    more: bool


def sessions(engine: sa.Engine, project: int | None, wanted: Sequence[Condition]) -> Newest:
    page = Page("last_at", descending=True, limit=MOST)
    found = lists.sessions(engine, project, wanted, page, _SESSION_COLUMNS)
    facets = {name: _common(_each(found.rows, column)) for name, column in _OF_SESSIONS.items()}
    facets["source"] = _common(row.source for row in found.rows)
    rows = [(row.last_at, row.calls, row.errors, row.cost or 0) for row in found.rows]
    return Newest(rows, facets, found.after is not None or found.newest is not None)


def calls(engine: sa.Engine, project: int | None, wanted: Sequence[Condition], keys: Mapping[str, str]) -> Newest:
    """`keys`: their names by id."""
    page = Page("created_at", descending=True, limit=MOST)
    found = lists.calls(engine, project, wanted, page, _CALL_COLUMNS)
    facets = {name: _common(_value(row, name, keys) for row in found.rows) for name in _OF_CALLS}
    rows = [(row.created_at, 1, int(row.status in FAILED), row.cost or 0) for row in found.rows]
    return Newest(rows, facets, found.after is not None or found.newest is not None)


def bars(rows: Iterable[tuple[int, int, int, int]], width: int) -> Sums:
    """`width` in microseconds."""
    found: Sums = {}
    for at, *sums in rows:
        bar = found.setdefault(at - at % width, [0, 0, 0])
        for n, more in enumerate(sums):
            bar[n] += more
    return found


def _each(rows: Sequence[Any], column: str) -> Iterable[str]:
    for row in rows:
        value = row._mapping[column]
        if column == "clients":
            yield from {program(client) for client in value}
        else:
            yield from [value] if isinstance(value, str) else value


def _value(row: Any, field: str, keys: Mapping[str, str]) -> str:
    if field == "status":
        return call_status(row.status)
    if field == "key":
        return keys.get(row.key_id, row.key_id)
    if field == "client":
        return program(row.client or "")
    return row._mapping[field] or ""


def call_status(status: str) -> Literal["errors", "cut", "live", "ok"]:
    return "errors" if status in FAILED else "cut" if status in CUT else "live" if status == "live" else "ok"


def _common(values: Iterable[str]) -> list[tuple[str, int]]:
    return Counter(filter(None, values)).most_common(VALUES)
