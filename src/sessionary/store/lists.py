"""Lists of sessions and calls: a filter's rows, in an order, a page at a time. `project` None is the master's view.

Either an index finds few candidates (`store.candidates`), and these are looked at, or the list is walked
(`store.walk`). Texts in conditions have gone through `writes.clean`, as the stored ones have.
"""

from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from sessionary.store import candidates, conditions, schema
from sessionary.store.terms import Condition
from sessionary.store.walk import SLOW_WALK, WALK, Found, Over, Page, each, looked_at, walked

LONG_SESSION = 86_400_000_000
"""Microseconds from begin to end of the sessions that the index `sessions_long` has."""
_s, _c = schema.sessions.c, schema.calls.c
SESSION_SORTS: dict[str, sa.Column[Any]] = {
    **{n: _s[n] for n in ("last_at", "first_at", "cost", "calls", "turns", "errors", "active")},
    **{n: _s[n] for n in ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens")},
}
CALL_SORTS: dict[str, sa.ColumnElement[Any]] = {
    **{n: _c[n] for n in ("created_at", "cost", "input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens")},
    "duration": _c.finished_at - _c.created_at,
    "ttft": _c.ttft,
}
_INDEXED = ("last_at", "first_at", "cost", "calls", "turns", "errors", "active", "input_tokens", "output_tokens")
"""The sorts of sessions that have an index."""


def sessions(
    engine: sa.Engine,
    project: int | None,
    wanted: Sequence[Condition],
    page: Page,
    columns: Sequence[sa.Column[Any]] | None = None,
) -> Found:
    """Rows of the sessions table, or these columns of it."""
    with engine.connect() as connection:
        projects, names, rest = _projects(connection, project, wanted)
        said, cut = candidates.saying(connection, projects, rest, candidates.sessions_saying)
        over = _over_sessions(connection, names, rest, page, columns)

        def listed(one: int) -> Found | None:
            ids = candidates.of_names(connection, one, rest, "id")
            if said is not None:
                ids = said[one] if ids is None else ids & said[one]
            rare = candidates.with_value(connection, one, rest) if ids is None else None
            found = ids if ids is not None else rare
            return None if found is None else looked_at(connection, over, one, over.id, found)

        every = each(connection, over, projects, listed, whole=project is None and len(projects) == len(names))
        return msgspec.structs.replace(every, newest=candidates.WORDS) if cut else every


def calls(
    engine: sa.Engine,
    project: int | None,
    wanted: Sequence[Condition],
    page: Page,
    columns: Sequence[sa.Column[Any]] | None = None,
) -> Found:
    """Rows of the calls table, or these columns of it, with `session_text` besides: the session's id as the client sent
    it. Calls whose session has no row are deleted already (see store.edits)."""
    with engine.connect() as connection:
        projects, names, rest = _projects(connection, project, wanted)
        said, cut = candidates.saying(connection, projects, rest, candidates.calls_saying)
        over = _over_calls(connection, names, rest, page, columns)

        def listed(one: int) -> Found | None:
            if said is not None:
                return looked_at(connection, over, one, over.id, said[one])
            named = candidates.of_names(connection, one, rest, "session")
            if named is not None and len(named) == 1:
                return walked(connection, over, [over.project == one, _c.session == min(named)])
            few = [*named] if named is not None else candidates.with_value(connection, one, rest)
            if few is None or (named is None and not candidates.few_calls(connection, one, few)):
                return None
            return looked_at(connection, over, one, _c.session, few)

        every = each(connection, over, projects, listed, whole=project is None and len(projects) == len(names))
        return msgspec.structs.replace(every, newest=candidates.WORDS) if cut else every


def _projects(
    connection: sa.Connection, project: int | None, wanted: Sequence[Condition]
) -> tuple[list[int], dict[int, str], list[Condition]]:
    """Those that may be looked at, the names of all, and the conditions that are left."""
    p = schema.projects.c
    names = {row.id: row.name for row in connection.execute(sa.select(p.id, p.name))}
    found = list(names) if project is None else [project]
    for c in wanted:
        if c.field == "project":
            having = {id for id, name in names.items() if any(conditions.matches(c, str(v), name) for v in c.values)}
            found = [id for id in found if (id in having) != c.negated]
    return found, names, [c for c in wanted if c.field != "project"]


def _over_sessions(
    connection: sa.Connection,
    names: dict[int, str],
    wanted: Sequence[Condition],
    page: Page,
    columns: Sequence[sa.Column[Any]] | None,
) -> Over:
    sort = SESSION_SORTS[page.sort]
    rest = [c for c in wanted if (c.field != "text" or c.negated) and c.field != "since"]
    rest = [c for c in rest if not candidates.is_name(c, "id")]  # a name of what was merged is in no row
    until = min((int(c.values[0]) for c in wanted if c.field == "until"), default=None)
    stretches: list[list[sa.ColumnElement[bool]]] = [[]]
    if until is not None and page.sort == "last_at":
        # Of what ended later, all but a few long sessions began later too: those have an index of their own.
        late = _s.last_at > until + LONG_SESSION
        stretches = [[late, _s.last_at - _s.first_at > sa.literal_column(str(LONG_SESSION))], [sa.not_(late)]]
    return Over(
        base=sa.select(*(columns or schema.sessions.c)),
        project=_s.project,
        id=_s.id,
        by_time=_s.last_at,
        unindexed=_s.source,
        sort=sort,
        indexed=page.sort in _INDEXED,
        page=page,
        checks=[conditions.of_session(c, connection, names) for c in rest],
        ranges=[_s.last_at >= c.values[0] for c in wanted if c.field == "since"],
        stretches=stretches if page.descending else stretches[::-1],
        walk=SLOW_WALK if conditions.needs_text(rest) else WALK,
    )


def _over_calls(
    connection: sa.Connection,
    names: dict[int, str],
    wanted: Sequence[Condition],
    page: Page,
    columns: Sequence[sa.Column[Any]] | None,
) -> Over:
    k = schema.keys.c
    keys = {"master": "master"} | {row.id: row.name for row in connection.execute(sa.select(k.id, k.name))}
    rest = [c for c in wanted if (c.field != "text" or c.negated) and c.field != "until"]
    rest = [c for c in rest if not candidates.is_name(c, "session")]
    named = sa.and_(_s.project == _c.project, _s.id == _c.session)
    base = sa.select(*(columns or schema.calls.c), _s.session_id.label("session_text"))
    early = [_c.created_at >= int(c.values[0]) - conditions.LONGEST_CALL for c in wanted if c.field == "since"]
    return Over(
        base=base.select_from(schema.calls.join(schema.sessions, named)),
        project=_c.project,
        id=_c.id,
        by_time=_c.created_at,
        unindexed=_c.endpoint,
        sort=CALL_SORTS[page.sort],
        indexed=page.sort == "created_at",
        page=page,
        checks=[conditions.of_call(c, connection, names, keys) for c in rest],
        ranges=[*early, *(_c.created_at <= c.values[0] for c in wanted if c.field == "until")],
        stretches=[[]],
        walk=SLOW_WALK if conditions.needs_text(rest) else WALK,
    )
