"""What threading notes beside calls and sessions: who went on, which agents began, how often each rule held. Runs
inside the drain's transaction."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from sessionary.store import schema
from sessionary.store.writes import clean


def mark_continued(connection: sa.Connection, calls: Iterable[tuple[int, str]]) -> None:
    """Calls, by project and id, that another goes on from."""
    c = schema.calls.c
    statement = sa.update(schema.calls).where(c.project == sa.bindparam("b_project"), c.id == sa.bindparam("b_id"))
    if rows := [{"b_project": project, "b_id": call_id} for project, call_id in sorted(calls)]:
        connection.execute(statement.values(continued=True), rows)


def take_spawns(connection: sa.Connection, taken: Mapping[tuple[int, str, str], str]) -> None:
    """Project, call, tool call -> the first call of the agent that it started."""
    s = schema.spawns.c
    statement = sa.update(schema.spawns).where(
        s.project == sa.bindparam("b_project"),
        s.call_id == sa.bindparam("b_call"),
        s.tool_call == sa.bindparam("b_tool"),
    )
    if rows := [{"b_project": p, "b_call": c, "b_tool": t, "taken": by} for (p, c, t), by in sorted(taken.items())]:
        connection.execute(statement, rows)


def add_rates(connection: sa.Connection, rates: Mapping[tuple[int, int, str, str], Sequence[int]]) -> None:
    """Project, day, client, rule -> calls, ambiguous ones; added to what was counted before."""
    if not rates:
        return
    rows: list[dict[str, Any]] = [
        clean({"project": p, "day": d, "client": c, "rule": r}) | {"calls": calls, "ambiguous": ambiguous}
        for (p, d, c, r), (calls, ambiguous) in sorted(rates.items())
    ]
    insert = (postgresql if connection.dialect.name == "postgresql" else sqlite).insert(schema.rates)
    keys = ["project", "day", "client", "rule"]
    added = {name: schema.rates.c[name] + insert.excluded[name] for name in ("calls", "ambiguous")}
    connection.execute(insert.on_conflict_do_update(index_elements=keys, set_=added), rows)
