"""One question, asked for many values at once: a batch looks up what each of its calls needs at the price of one.

`present` asks which rows there are by a column's values; a `Question` may be any other.

PostgreSQL is asked in one statement, a lateral join that answers each set of values by the same index as if it were
asked alone. SQLite has no round trip to save: it is asked set by set, by its driver, since what lies above that costs
ten times what the look-up does. Either way the statement is compiled once, when it is first asked.
"""

import json
from collections import namedtuple
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import cache, cached_property
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql import visitors

from sessionary.store.bulk import driver

_SLICES = (8, 64, 512)
"""Values that SQLite is asked for at once: as many, filled up with the last, so that there are few statements."""
Values = Mapping[str, Any]
Rows = list[Sequence[Any]]
V = TypeVar("V")


class Question:
    """A select of plain columns, with bind parameters that have types. Not to be changed once it is made."""

    def __init__(self, one: sa.Select[Any]) -> None:
        self.one = one
        self._any: dict[int, tuple[str, list[str]]] = {}

    @cached_property
    def many(self) -> sa.Select[Any]:
        return _many(self.one)

    @cached_property
    def _driven(self) -> tuple[str, list[tuple[str, Any]]]:
        return _compiled(self.one)

    def ask(self, connection: sa.Connection, each: Sequence[Values]) -> list[Rows]:
        """The rows for each set of values, in any order. Raises what SQLAlchemy raises."""
        if not each:
            return []
        if connection.dialect.name == "sqlite":
            return self._ask_sqlite(connection, each)
        found: list[Rows] = [[] for _ in each]
        names = each[0].keys()
        for row in connection.execute(self.many, {name: [values[name] for values in each] for name in names}):
            found[row[0] - 1].append(row[1:])
        return found

    def any(self, connection: sa.Connection, each: Sequence[Values]) -> list[bool]:
        """Of each set of values, whether there is a row. Raises what SQLAlchemy raises."""
        if connection.dialect.name != "sqlite":
            return [bool(rows) for rows in self.ask(connection, each)]
        there = [False] * len(each)
        for start, some, size in _slices(each):
            statement, names = self._driven_any(size)
            given = [values[name] for values in some for name in names]
            for (n,) in _driven(connection, statement, tuple(given)):
                if start + n < len(each):
                    there[start + n] = True
        return there

    def _driven_any(self, size: int) -> tuple[str, list[str]]:
        if size not in self._any:
            self._any[size] = _any_of(self.one, size)
        return self._any[size]

    def _ask_sqlite(self, connection: sa.Connection, each: Sequence[Values]) -> list[Rows]:
        statement, names = self._driven
        asked = ([values[name] if fixed is None else fixed for name, fixed in names] for values in each)
        with driver(connection, statement) as cursor:
            return [cursor.execute(statement, parameters).fetchall() for parameters in asked]


class Listed:
    """The rows of `select` whose `column` is among some values. Not to be changed once it is made."""

    def __init__(self, select: sa.Select[Any], column: sa.ColumnElement[Any]) -> None:
        self._select = select
        self._column = column
        self._sqlite: dict[int, str] = {}
        picked = select.selected_columns
        self._row: Any = namedtuple("Row", picked.keys())  # type: ignore[misc]
        self._reading = [(n, read) for n, column in enumerate(picked) if (read := _reading(column.type)) is not None]

    @cached_property
    def _any(self) -> sa.Select[Any]:
        some = sa.bindparam("some", type_=postgresql.ARRAY(self._column.type))
        return self._select.where(self._column == sa.any_(some))

    def ask(self, connection: sa.Connection, values: Iterable[Any], **others: Any) -> list[Any]:
        """Rows with their columns by name. `others`: the select's own parameters, in the order in which it has them."""
        wanted = sorted(set(values))
        if not wanted:
            return []
        if connection.dialect.name != "sqlite":
            return [*connection.execute(self._any, {**others, "some": wanted})]
        found: list[Any] = []
        for _, some, size in _slices(wanted):
            found += _driven(connection, self._statement(size), (*others.values(), *some))
        for n, read in self._reading:
            found = [(*row[:n], read(row[n]), *row[n + 1 :]) for row in found]
        return [*map(self._row._make, found)]

    def _statement(self, size: int) -> str:
        if size not in self._sqlite:
            some = self._column.in_([sa.bindparam(f"some_{n}") for n in range(size)])
            self._sqlite[size] = str(self._select.where(some).compile(dialect=sqlite.dialect()))
        return self._sqlite[size]


def _driven(connection: sa.Connection, statement: str, parameters: tuple[Any, ...]) -> Iterable[tuple[Any, ...]]:
    """Whoever reads beside who writes has statements that may take no longer than `engine` says: SQLAlchemy tells it of
    them."""
    if connection.get_execution_options().get("sqlite_begin") != "IMMEDIATE":
        return map(tuple, connection.exec_driver_sql(statement, parameters))
    with driver(connection, statement) as cursor:
        return cursor.execute(statement, parameters).fetchall()


def _reading(kind: sa.types.TypeEngine[Any]) -> Callable[[Any], Any] | None:
    """What is to be done to what SQLite's driver gives; None: nothing."""
    if isinstance(kind, sa.JSON):
        return lambda value: None if value is None else json.loads(value)
    return (lambda value: None if value is None else bool(value)) if isinstance(kind, sa.Boolean) else None


def _compiled(one: sa.Select[Any]) -> tuple[str, list[tuple[str, Any]]]:
    """For SQLite: the text, and of each of its parameters the name, with the value where it has one already."""
    compiled = one.compile(dialect=sqlite.dialect())
    return compiled.string, [(name, compiled.params[name]) for name in compiled.positiontup or ()]


def _many(one: sa.Select[Any]) -> sa.Select[Any]:
    """`one` for each of many sets: every parameter is a list, and the row's first column says of which it is."""
    types = {p.key: p.type for p in _parameters(one)}
    lists = (sa.bindparam(name, type_=postgresql.ARRAY(kind)) for name, kind in types.items())
    columns = (sa.column(f"the_{name}", kind) for name, kind in types.items())
    asked = sa.func.unnest(*lists).table_valued(*columns, with_ordinality="n").render_derived(name="asked")
    answer = _put(one).lateral("answer")
    return sa.select(asked.c.n, *answer.c).select_from(asked.join(answer, sa.true()))


def _any_of(one: sa.Select[Any], size: int) -> tuple[str, list[str]]:
    """For SQLite: of so many sets the numbers of those that have a row, and the names of a set's parameters."""
    names = list(dict.fromkeys(parameter.key for parameter in _parameters(one)))
    inner = _put(one).compile(dialect=sqlite.dialect(), compile_kwargs={"literal_binds": True})
    columns, marks = (", ".join(some) for some in ([f"the_{name}" for name in names], ["?"] * len(names)))
    sets = ", ".join(f"({n}, {marks})" for n in range(size))
    asked = f"WITH asked(n, {columns}) AS (VALUES {sets})"
    return f"{asked} SELECT n FROM asked WHERE EXISTS ({inner})", names  # noqa: S608 — names of ours


def _put(one: sa.Select[Any]) -> sa.Select[Any]:
    """`one`, of the values in a row of `asked`."""
    types = {p.key: p.type for p in _parameters(one)}

    def of_list(element: Any, **_: Any) -> Any:
        """As text: however deep it stands, it is no reason to read from the lists once more."""
        if isinstance(element, sa.BindParameter) and element.key in types:
            return sa.literal_column(f"asked.the_{element.key}", element.type)
        return None

    return cast("sa.Select[Any]", visitors.replacement_traverse(one, {}, of_list))


def _parameters(one: sa.Select[Any]) -> list[sa.BindParameter[Any]]:
    """Those that have no value yet."""
    found = (element for element in visitors.iterate(one) if isinstance(element, sa.BindParameter))
    return [parameter for parameter in found if parameter.required]


def present(
    connection: sa.Connection, table: sa.Table, column: str, project: int, values: Iterable[Any], *columns: str
) -> list[Any]:
    """The rows of a project whose `column` is among `values`: `column`, then `columns`, by name."""
    return _present(table, (column, *columns)).ask(connection, values, project=project)


@cache
def _present(table: sa.Table, names: tuple[str, ...]) -> Listed:
    picked = [table.c[name] for name in dict.fromkeys(names)]
    return Listed(sa.select(*picked).where(table.c.project == sa.bindparam("project")), picked[0])


def _slices(values: Sequence[V]) -> Iterator[tuple[int, Sequence[V], int]]:
    """Where each begins, its values, filled up with the last of them, and how many these are."""
    for start in range(0, len(values), _SLICES[-1]):
        some = values[start : start + _SLICES[-1]]
        size = next(size for size in _SLICES if size >= len(some))
        yield start, [*some, *[some[-1]] * (size - len(some))], size
