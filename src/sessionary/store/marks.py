"""What threading notes beside calls and sessions: who went on, which agents began, how often each rule held. Runs
inside the drain's transaction."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from sessionary.store import schema, writes

_c, _s = schema.calls.c, schema.spawns.c
_CONTINUED = (
    sa.update(schema.calls)
    .where(_c.project == sa.bindparam("b_project"), _c.id == sa.bindparam("b_id"))
    .values(continued=True)
)
_TAKEN = sa.update(schema.spawns).where(
    _s.project == sa.bindparam("b_project"),
    _s.call_id == sa.bindparam("b_call"),
    _s.tool_call == sa.bindparam("b_tool"),
)


def mark_continued(connection: sa.Connection, calls: Iterable[tuple[int, str]]) -> None:
    """Calls, by project and id, that another goes on from."""
    if rows := [{"b_project": project, "b_id": call_id} for project, call_id in sorted(calls)]:
        connection.execute(_CONTINUED, rows)


def take_spawns(connection: sa.Connection, taken: Mapping[tuple[int, str, str], str]) -> None:
    """Project, call, tool call -> the first call of the agent that it started."""
    if rows := [{"b_project": p, "b_call": c, "b_tool": t, "taken": by} for (p, c, t), by in sorted(taken.items())]:
        connection.execute(_TAKEN, rows)


def add_rates(connection: sa.Connection, rates: Mapping[tuple[int, int, str, str], Sequence[int]]) -> None:
    """Project, day, client, rule -> calls, ambiguous ones; added to what was counted before."""
    rows: list[dict[str, Any]] = [
        {"project": p, "day": d, "client": c, "rule": r, "calls": calls, "ambiguous": ambiguous}
        for (p, d, c, r), (calls, ambiguous) in sorted(rates.items())
    ]
    writes.add(connection, schema.rates, rows)
