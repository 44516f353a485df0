"""What passed through the gateway, counted by minute, hour and day as calls end. Deleted sessions stay counted.

A call counts in the step in which it began, by its project, key, model, client, provider and kind of end. Each step of
time has rows of its own, so that a year is read from days and a quarter of an hour from minutes; minutes are kept for
two days. Times are microseconds, multiples of the step (UTC); `project` None is all of them.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Literal

import sqlalchemy as sa

from sessionary.store import schema, writes
from sessionary.store.rollups import CUT, FAILED

Row = sa.Row[Any]
Key = tuple[Any, ...]
"""What calls are counted by: values of `_KEY`, at least."""
Dimension = Literal["project", "key_id", "model", "client", "provider", "status"]
SECOND = 1_000_000
STEPS = (60, 3600, 86400)
"""Seconds."""
MINUTES_KEPT = 2 * 86400 * SECOND
_TOKENS = ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens")
SUMS = ("calls", *_TOKENS, "cost", "unpriced", "duration")
_KEY = ("project", "step", "at", "key_id", "model", "client", "provider", "status")
_LONGEST = 200
"""Characters of a name: clients choose them, and a key of PostgreSQL has an end."""
_t = schema.traffic.c


def kind(status: str) -> str:
    """`errors`, `cut` or `ok`, of a call that has ended."""
    return "errors" if status in FAILED else "cut" if status in CUT else "ok"


class Counts:
    """What a round has seen end. `add` takes rows of the calls table, `write` adds them to what was counted before."""

    def __init__(self) -> None:
        self._minutes: dict[Key, list[int]] = {}
        """By project, minute, and the rest of the key."""

    def add(self, call: Mapping[str, Any]) -> None:
        began, cost, status = call["created_at"], call["cost"], call["status"]
        model, client, provider = (call["model"], call["client"], call["provider"] or "")
        named = (call["key_id"], model[:_LONGEST], client[:_LONGEST], provider[:_LONGEST], kind(status))
        sums = self._minutes.setdefault((call["project"], began // (STEPS[0] * SECOND), *named), [0] * len(SUMS))
        sums[0] += 1
        for n, tokens in enumerate(_TOKENS, 1):
            sums[n] += call[tokens] or 0
        sums[5] += cost or 0
        sums[6] += cost is None and status == "ok"
        sums[7] += max(0, call["finished_at"] - began)

    def write(self, connection: sa.Connection) -> None:
        if not self._minutes:
            return
        counted: dict[Key, list[int]] = {}
        for (project, minute, *named), sums in self._minutes.items():
            began = minute * STEPS[0]
            for step in STEPS:
                _add(counted, (project, step, (began - began % step) * SECOND, *named), sums)
        rows = [dict(zip((*_KEY, *SUMS), (*key, *sums), strict=True)) for key, sums in sorted(counted.items())]
        writes.add(connection, schema.traffic, rows)


def _add(counted: dict[Key, list[int]], key: Key, sums: Sequence[int]) -> None:
    so_far = counted.get(key)
    counted[key] = list(sums) if so_far is None else [one + more for one, more in zip(so_far, sums, strict=True)]


def step_for(width: int, since: int, now: int) -> int:
    """The widest step, in seconds, of which bars `width` seconds wide are made, where it is still kept at `since`."""
    wide = max(s for s in STEPS if s == STEPS[0] or width % s == 0)
    return max(wide, STEPS[1]) if since < now - MINUTES_KEPT else wide


def sums(
    connection: sa.Connection,
    project: int | None,
    step: int,
    since: int,
    until: int,
    by: Collection[Dimension] = (),
    width: int | None = None,
    of: Sequence[str] = SUMS,
) -> Sequence[Row]:
    """Rows of `by`, then `at` where `width` (seconds, a multiple of `step`) is given, then the sums of `of`.

    Of the steps that begin in [since, until).
    """
    columns: list[sa.ColumnElement[Any]] = [_t[name] for name in by]
    if width is not None:
        columns.append((_t.at - _t.at % (width * SECOND)).label("at"))
    wanted = sa.select(*columns, *(_sum(name) for name in of)).where(
        *_within(connection, project), _t.step == step, _t.at >= since, _t.at < until
    )
    return connection.execute(wanted.group_by(*columns).order_by(*columns)).all()


def first(connection: sa.Connection, project: int | None) -> int | None:
    """When calls were counted first, as finely as is kept of then."""
    projects = _projects(connection) if project is None else [project]
    firsts = (_first(connection, one) for one in projects)
    return min((at for at in firsts if at is not None), default=None)


def _first(connection: sa.Connection, project: int) -> int | None:
    first: int | None = None
    within: tuple[sa.ColumnElement[bool], ...] = ()
    for step in reversed(STEPS):
        at = connection.scalar(sa.select(sa.func.min(_t.at)).where(_t.project == project, _t.step == step, *within))
        if at is None:
            break
        first, within = at, (_t.at >= at, _t.at < at + step * SECOND)
    return first


def forget_minutes(connection: sa.Connection, now: int, most: int) -> int:
    """Deletes about `most` rows of minutes that are kept no longer; returns how many there were."""
    gone = 0
    for project in _projects(connection):
        old = (_t.project == project, _t.step == STEPS[0], _t.at < now - MINUTES_KEPT)
        some = connection.scalars(sa.select(_t.at).where(*old).order_by(_t.at).limit(most)).all()
        if some:
            gone += connection.execute(sa.delete(schema.traffic).where(*old, _t.at <= some[-1])).rowcount
        if gone >= most:
            break
    return gone


def _sum(name: str) -> sa.Label[Any]:
    return sa.cast(sa.func.sum(_t[name]), sa.BigInteger).label(name)


def _projects(connection: sa.Connection) -> Sequence[int]:
    return connection.scalars(sa.select(schema.projects.c.id)).all()


def _within(connection: sa.Connection, project: int | None) -> tuple[sa.ColumnElement[bool], ...]:
    """Every project is named, so that the primary key serves."""
    if project is not None:
        return (_t.project == project,)
    return (_t.project.in_(sa.select(schema.projects.c.id)),)
