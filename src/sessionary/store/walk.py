"""Pages of a list at a cost that does not grow with the store: by walking an index, or looking at few rows.

The index is walked from where the page begins: at most so many rows, each held against the checks. A page may therefore
have fewer rows than it was asked for, and say where to go on. Pages are told apart by keyset: a cursor is a row's sort
value and id. What is not known sorts below zero, on both engines; an index has it apart.
"""

from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from sessionary.store.many import among

Row = sa.Row[Any]
Check = sa.ColumnElement[bool]
Position = tuple[int, str]
"""A row's sort value (-1 where it is not known) and id."""
WALK = 20_000
"""Rows that are looked at for one page."""
WINDOW = 10_000
"""Rows, the newest, that are sorted where no index has their order."""
SLOW_WALK = 500
"""Where each needs a look-up of its texts."""


class Page(msgspec.Struct, frozen=True):
    sort: str
    descending: bool
    limit: int
    after: Position | None = None
    """Of the last row seen."""


class Found(msgspec.Struct, frozen=True):
    """`after`: where the list goes on, None at its end. `newest`: where only so many were looked at: the newest
    messages that have the words, or, in an order that has no index, the newest rows."""

    rows: Sequence[Row]
    after: Position | None
    newest: int | None = None


class Over(msgspec.Struct, frozen=True):
    """What is listed, and how."""

    base: sa.Select[Any]
    project: sa.Column[int]
    id: sa.Column[str]
    by_time: sa.Column[int]
    unindexed: sa.Column[str]
    """One that no index has: asked for, lest SQLite take an index for having all columns and not for finding rows."""
    sort: sa.ColumnElement[Any]
    indexed: bool
    """Whether there is an index by project, sort and id."""
    page: Page
    checks: Sequence[Check]
    ranges: Sequence[Check]
    """Of the checks, those that an index by time can do."""
    stretches: Sequence[Sequence[Check]]
    """Parts of the list, in its order, where they are walked by different indexes."""
    walk: int

    @property
    def position(self) -> sa.ColumnElement[int]:
        return sa.func.coalesce(self.sort, -1)


def each(
    connection: sa.Connection,
    over: Over,
    projects: Sequence[int],
    listed: Callable[[int], Found | None],
    *,
    whole: bool,
) -> Found:
    """Of each project what is `listed`, else what walking it finds; of the `whole` store in one walk, where that can be
    by time."""
    found = {project: listed(project) for project in projects}
    if (
        whole
        and len(projects) > 1
        and len(over.stretches) == 1
        and over.by_time is over.sort
        and not any(found.values())
    ):
        return walked(connection, over, [])
    every = [f or walked(connection, over, [over.project == project]) for project, f in found.items()]
    return every[0] if len(every) == 1 else _merged(every, over.page)


def _merged(every: Sequence[Found], page: Page) -> Found:
    """None of them has told of what comes after its own end."""
    ends = [f.after for f in every if f.after is not None]
    end = (max(ends) if page.descending else min(ends)) if ends else None
    rows = sorted((r for f in every for r in f.rows), key=_place, reverse=page.descending)
    if end is not None:
        rows = [r for r in rows if (_place(r) >= end if page.descending else _place(r) <= end)]
    newest = next((f.newest for f in every if f.newest is not None), None)
    return _page(rows, page, end, newest)


def _place(row: Row) -> Position:
    return row.position, row.id


def _page(rows: Sequence[Row], page: Page, end: Position | None, newest: int | None = None) -> Found:
    """`rows` may have one more than the page; `end` is up to where it has been looked."""
    if len(rows) > page.limit:
        return Found(rows[: page.limit], _place(rows[page.limit - 1]), newest)
    return Found(rows, end, newest)


def looked_at(
    connection: sa.Connection, over: Over, project: int, column: sa.Column[str], ids: Collection[str]
) -> Found:
    """Of the rows of a project whose `column` is among `ids`."""
    if not ids:
        return Found([], None)
    opaque = [sa.func.coalesce(one, sa.false()) for one in over.ranges]  # as conditions._negated
    return _sorted(connection, over, [over.project == project, among(connection, column, ids), *opaque])


def _sorted(connection: sa.Connection, over: Over, within: Sequence[Check], newest: int | None = None) -> Found:
    """Of few rows: all are looked at, sorted by value and id alone, and those of the page read."""
    page, value = over.page, over.position
    places = sa.select(over.id, over.project, over.unindexed).where(
        *within, *over.checks, *_beyond(value, over.id, page)
    )
    places = _ordered(places.add_columns(value.label("position")), page, value, over.id)
    found: Sequence[Any] = connection.execute(places.limit(page.limit + 1)).all()
    end = _place(found[page.limit - 1]) if len(found) > page.limit else None
    if not found:
        return Found([], None, newest)
    mine = (over.project == found[0].project, among(connection, over.id, [row.id for row in found[: page.limit]]))
    rows = connection.execute(over.base.add_columns(value.label("position")).where(*mine)).all()
    return Found(sorted(rows, key=_place, reverse=page.descending), end, newest)


def walked(connection: sa.Connection, over: Over, scope: list[Check]) -> Found:
    """Of the rows within `scope`, along an index."""
    page = over.page
    if not over.indexed:
        last = _nth(connection, over, scope, over.by_time, [*over.ranges], WINDOW, descending=True)
        within = [] if last is None else [sa.tuple_(over.by_time, over.id) >= _values(last)]
        return _sorted(connection, over, [*scope, *over.ranges, *within], None if last is None else WINDOW)
    opaque = [sa.func.coalesce(one, sa.false()) for one in over.ranges]  # as conditions._negated
    checks = [*over.checks] if over.sort is over.by_time else [*over.checks, *opaque]
    ranges = [*over.ranges] if over.sort is over.by_time else []
    rows: list[Row] = []
    for inside, value in _stages(over):
        within, end = [*ranges, *inside], None
        if checks:
            end = _nth(connection, over, scope, value, within, over.walk, descending=page.descending)
            if end is not None:
                here = (sa.tuple_(value, over.id), _values(end)) if value is not None else (over.id, sa.literal(end[1]))
                within.append(here[0] >= here[1] if page.descending else here[0] <= here[1])
        some = over.base.add_columns(over.position.label("position")).where(*scope, *within, *checks)
        rows += connection.execute(_ordered(some, page, value, over.id).limit(page.limit + 1 - len(rows))).all()
        if end is not None or len(rows) > page.limit:
            return _page(rows, page, end)
    return _page(rows, page, None)


def _stages(over: Over) -> Iterator[tuple[list[Check], sa.ColumnElement[Any] | None]]:
    """The list's parts, in its order, each with what it is ordered by before the id: an index has what is not known
    apart. Without what was seen already."""
    page, column, after = over.page, over.sort, over.page.after
    known: sa.ColumnElement[Any] | None
    for known in (column, None) if page.descending else (None, column):
        if known is None:
            if not _nullable(column) or (after is not None and after[0] >= 0 and not page.descending):
                continue
            seen = (
                []
                if after is None or after[0] >= 0
                else [over.id < after[1] if page.descending else over.id > after[1]]
            )
            yield [column.is_(None), *seen], None
        elif after is None or after[0] >= 0 or not page.descending:
            beyond = _beyond(column, over.id, page) if after is None or after[0] >= 0 else []
            for stretch in over.stretches:
                yield [*([column.is_not(None)] if _nullable(column) else []), *stretch, *beyond], column


def _nullable(column: sa.ColumnElement[Any]) -> bool:
    return isinstance(column, sa.Column) and bool(column.nullable)


def _nth(
    connection: sa.Connection,
    over: Over,
    scope: Sequence[Check],
    value: sa.ColumnElement[Any] | None,
    within: Sequence[Check],
    n: int,
    *,
    descending: bool,
) -> Position | None:
    """Where the n-th row is, None where there are not so many: read from the index alone."""
    page = msgspec.structs.replace(over.page, descending=descending)
    place = sa.select(value if value is not None else sa.literal(-1), over.id).where(*scope, *within)
    found = connection.execute(_ordered(place, page, value, over.id).limit(1).offset(n - 1)).first()
    return None if found is None else (found[0], found[1])


def _values(position: Position) -> Any:
    return sa.tuple_(sa.literal(position[0]), sa.literal(position[1]))


def _beyond(value: sa.ColumnElement[Any], id: sa.Column[str], page: Page) -> list[Check]:
    if page.after is None:
        return []
    mine, last = sa.tuple_(value, id), _values(page.after)
    return [mine < last if page.descending else mine > last]


def _ordered(
    select: sa.Select[Any], page: Page, value: sa.ColumnElement[Any] | None, id: sa.Column[str]
) -> sa.Select[Any]:
    columns = [id] if value is None else [value, id]
    return select.order_by(*(c.desc() if page.descending else c.asc() for c in columns))
