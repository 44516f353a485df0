"""The summary above a list: its bars over time and its facets, from what passed where that tells, else from the newest
matches. Blocking: called in threads."""

import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from sessionary.api import list_types, types
from sessionary.api.fields import Of
from sessionary.store import conditions, reads, summary, traffic
from sessionary.store.programs import program
from sessionary.store.terms import Condition
from sessionary.store.traffic import SECOND, Dimension

_WIDTHS = (
    *(60 * n for n in (1, 2, 5, 10, 15, 30)),
    *(3600 * n for n in (1, 2, 3, 6, 12)),
    *(86400 * n for n in (1, 2, 7, 14, 28, 91, 364)),
)
"""Seconds that a bar may stand for."""
_FEWEST = 15
"""Bars of what began just now: one alone would fill the plot."""
_COUNTED: dict[str, Dimension] = {
    "model": "model",
    "client": "client",
    "key": "key_id",
    "provider": "provider",
    "status": "status",
}
"""The fields that traffic is counted by."""
_EXACT_FACETS = 2 * 86400 * SECOND
"""How long a time may be for its facets to be counted whole: each combination of values is looked at."""
_NONE = (0, 0, 0)
Facets = dict[str, list[tuple[str, int]]]
Names = Mapping[str, str]


class _Span(msgspec.Struct, frozen=True):
    """Microseconds, both where a bar begins; `width` of a bar in seconds."""

    since: int
    until: int
    width: int


def of(engine: sa.Engine, project: int | None, of: Of, wanted: Sequence[Condition], bars: int) -> list_types.Summary:
    """About `bars` of them. What `wanted` has no place in traffic is counted from the newest matches."""
    now, keys = time.time_ns() // 1000, reads.key_names(engine)
    if of == "sessions":
        newest = summary.sessions(engine, project, wanted)
    else:
        newest = summary.calls(engine, project, wanted, keys)
    exact = all(_is_counted(c, of) for c in wanted)
    facets = {name: (values, not newest.more) for name, values in newest.facets.items()}
    matched, more = len(newest.rows), newest.more
    with engine.connect() as connection:
        oldest = traffic.first(connection, project) if exact else min((row[0] for row in newest.rows), default=None)
        span = _span(wanted, now if oldest is None else oldest, now, bars, exact=exact)
        if exact:
            counted = _passed(connection, project, wanted, span, now, keys)
            if of == "calls":
                if span.until - span.since <= _EXACT_FACETS:
                    passed = _common(connection, project, wanted, span, now, keys)
                    facets |= {name: (values, True) for name, values in passed.items()}
                matched, more = sum(bar[0] for bar in counted.values()), False
        else:
            counted = summary.bars(newest.rows, span.width * SECOND)
    return list_types.Summary(
        since=types.iso(span.since),
        until=types.iso(span.until),
        step_ms=span.width * 1000,
        bars=[_bar(at, counted.get(at, _NONE)) for at in range(span.since, span.until, span.width * SECOND)],
        facets=[
            list_types.Facet(name, [list_types.Value(*pair) for pair in values], whole)
            for name, (values, whole) in facets.items()
        ],
        matched=matched,
        more=more,
        exact=exact or not newest.more,
        counted=matched if exact else len(newest.rows),
    )


def _bar(at: int, sums: Sequence[int]) -> list_types.Bar:
    return list_types.Bar(types.iso(at), sums[0], sums[1], sums[2] / 1e9)


def _is_counted(condition: Condition, of: Of) -> bool:
    if condition.field in ("since", "until"):
        return True
    if condition.field == "status" and (of == "sessions" or not {*condition.values} <= {"ok", "errors", "cut"}):
        return False
    return condition.field in _COUNTED


def _span(wanted: Sequence[Condition], oldest: int, now: int, bars: int, *, exact: bool) -> _Span:
    since = max([int(c.values[0]) for c in wanted if c.field == "since"], default=oldest)
    until = min([int(c.values[0]) for c in wanted if c.field == "until"] + [now])
    since = max(0, min(since, until))
    width = next((w for w in _WIDTHS if until - since <= w * SECOND * bars), _WIDTHS[-1])
    since = max(since, until - width * SECOND * bars)
    if exact:
        width = max(width, traffic.step_for(width, since, now))
    step = width * SECOND
    if not any(c.field == "since" for c in wanted):
        since = max(0, min(since, until - (min(_FEWEST, bars) - 1) * step))
    return _Span(since - since % step, until - until % step + step, width)


def _passed(
    connection: sa.Connection, project: int | None, wanted: Sequence[Condition], span: _Span, now: int, keys: Names
) -> summary.Sums:
    asked = [c for c in wanted if c.field in _COUNTED]
    by = {"status": _COUNTED["status"]} | {c.field: _COUNTED[c.field] for c in asked}
    step = traffic.step_for(span.width, span.since, now)
    found: summary.Sums = {}
    for row in traffic.sums(
        connection, project, step, span.since, span.until, by.values(), span.width, ("calls", "cost")
    ):
        if _holds(asked, _named(row, by, keys)):
            bar = found.setdefault(row.at, [0, 0, 0])
            bar[0] += row.calls
            bar[1] += row.calls if row.status == "errors" else 0
            bar[2] += row.cost
    return found


def _common(
    connection: sa.Connection, project: int | None, wanted: Sequence[Condition], span: _Span, now: int, keys: Names
) -> Facets:
    """The commonest values of what passed."""
    asked = [c for c in wanted if c.field in _COUNTED]
    counts: dict[str, Counter[str]] = {name: Counter() for name in _COUNTED}
    step = traffic.step_for(span.width, span.since, now)
    for row in traffic.sums(connection, project, step, span.since, span.until, _COUNTED.values(), of=("calls",)):
        named = _named(row, _COUNTED, keys)
        if _holds(asked, named):
            for name, value in named.items():
                counts[name][program(value) if name == "client" else value] += row.calls
    return {
        name: [(v, n) for v, n in c.most_common(summary.VALUES + 1) if v][: summary.VALUES]
        for name, c in counts.items()
    }


def _named(row: sa.Row[Any], by: Mapping[str, Dimension], keys: Names) -> dict[str, str]:
    """By field; a key by its name."""
    found = {name: str(row._mapping[column]) for name, column in by.items()}
    return found | {"key": keys.get(found["key"], found["key"])} if "key" in found else found


def _holds(asked: Sequence[Condition], values: Mapping[str, str]) -> bool:
    return all(any(conditions.matches(c, str(v), values[c.field]) for v in c.values) != c.negated for c in asked)
