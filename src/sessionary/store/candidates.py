"""What an index finds for a filter, where that is little: then these rows are looked at, and not one after another.

Each of these is bounded: by words the newest documents are found, a value of a facet counts as rare up to so many
sessions. What is common need not be found: walking the list by time meets it soon.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import sqlalchemy as sa

from sessionary import ids
from sessionary.store import conditions, schema, search, values
from sessionary.store.many import among
from sessionary.store.questions import present
from sessionary.store.terms import Condition

RARE = 3000
"""Sessions that have a value, up to which it is rare."""
_RARE_CALLS = 20_000
"""Calls of the sessions that have a value, up to which it is rare among calls."""
WORDS = 5000
"""Documents that have the words of a query: the newest."""
_TITLES = 5000
"""Sessions whose titles are looked at for words: the newest."""
Found = dict[int, set[str]]
"""Ids by project."""
Find = Callable[[sa.Connection, Sequence[int], str], tuple[Found, bool]]
Said = tuple[Found | None, bool]
_s, _c, _d, _f = schema.sessions.c, schema.calls.c, schema.search_docs.c, schema.facets.c


def queries(wanted: Sequence[Condition]) -> list[list[str]]:
    """What text has to match: one of each list. Words that stand alone belong to one message, together."""
    texts = [[str(v) for v in c.values] for c in wanted if c.field == "text" and not c.negated]
    together = " ".join(text[0] for text in texts if len(text) == 1)
    return ([[together]] if together else []) + [text for text in texts if len(text) > 1]


def named(connection: sa.Connection, project: int, name: str) -> set[str]:
    """The ids of the sessions that `name` names, ours or the client's, also of what was merged into another."""
    m, ours = schema.merged.c, ids.session_id(project, name)
    found = [
        sa.select(_s.id).where(_s.project == project, _s.id.in_({name, ours})),
        sa.select(_s.id).where(_s.project == project, _s.session_id == name),
        sa.select(m.session).where(m.project == project, m.id.in_({name, ours})),
    ]
    return {id for one in found for id in connection.scalars(one)}


def is_name(c: Condition, field: str) -> bool:
    """Whether it is a condition on `field` that names sessions outright: what `of_names` finds meets it."""
    return c.field == field and not c.negated and (c.operator == "=" or not any("*" in str(v) for v in c.values))


def of_names(connection: sa.Connection, project: int, wanted: Sequence[Condition], field: str) -> set[str] | None:
    """The sessions that the conditions on `field` name; None where they name none, but may with a `*`."""
    found: set[str] | None = None
    for c in wanted:
        if is_name(c, field):
            those = {id for value in c.values for id in named(connection, project, str(value))}
            found = those if found is None else found & those
    return found


def sessions_saying(connection: sa.Connection, projects: Sequence[int], query: str) -> tuple[Found, bool]:
    """Sessions in which a message, or the title, has all the words; and whether older messages were not looked at."""
    said, cut = calls_saying(connection, projects, query)
    found = {p: {row.session for row in present(connection, schema.calls, "id", p, said[p], "session")} for p in said}
    for project, id in _titled(connection, projects, query):
        found[project].add(id)
    return found, cut


def _titled(connection: sa.Connection, projects: Sequence[int], query: str) -> Sequence[Any]:
    newest = sa.select(_s.project, _s.id, _s.title).order_by(_s.last_at.desc(), _s.id.desc()).limit(_TITLES)
    if len(projects) == 1:
        newest = newest.where(_s.project == projects[0])
    some = newest.subquery().c
    titled = (some.title.icontains(part, autoescape=True) for part in search.phrases(query))
    return connection.execute(sa.select(some.project, some.id).where(some.project.in_(projects), *titled)).all()


def calls_saying(connection: sa.Connection, projects: Sequence[int], query: str) -> tuple[Found, bool]:
    """As `sessions_saying`, without titles."""
    docs = search.newest(connection, projects, query, WORDS)
    said = sa.select(_d.project, _d.call_id).where(among(connection, _d.id, docs))
    return _grouped(connection.execute(said).all() if docs else [], projects), len(docs) == WORDS


def saying(connection: sa.Connection, projects: Sequence[int], wanted: Sequence[Condition], find: Find) -> Said:
    """What the conditions on texts leave, by project; None where there are none."""
    found: Found | None = None
    cut = False
    for alternatives in queries(wanted):
        each = [find(connection, projects, query) for query in alternatives]
        cut = cut or any(more for _, more in each)
        those = {p: set().union(*(ids.get(p, ()) for ids, _ in each)) for p in projects}
        found = those if found is None else {p: found[p] & those[p] for p in projects}
    return found, cut


def _grouped(rows: Iterable[Any], projects: Sequence[int]) -> Found:
    """Those of these projects: an index by project is none for a few rows that are known."""
    found: Found = {project: set() for project in projects}
    for project, id in rows:
        if project in found:
            found[project].add(id)
    return found


def with_value(connection: sa.Connection, project: int, wanted: Sequence[Condition]) -> list[str] | None:
    """The sessions that have the rarest of the wanted values, None where all of them are common."""
    rarest: list[str] | None = None
    for c in wanted:
        if c.field not in conditions.FACETS or c.negated:
            continue
        exact = _exact(connection, project, conditions.kept(c))
        if exact is None:
            continue
        most = RARE if rarest is None else len(rarest)
        having = sa.select(_f.session).where(_f.project == project, _f.kind == c.field, _f.value.in_(exact))
        found = connection.scalars(having.limit(most + 1)).all()
        if len(found) <= most:
            rarest = list(dict.fromkeys(found))
    return rarest


def _exact(connection: sa.Connection, project: int, condition: Condition) -> list[str] | None:
    """The values that are meant; None where there are too many to know."""
    texts = [str(v) for v in condition.values]
    wild = condition.operator != "=" and any("*" in text for text in texts)
    if not wild and not any(conditions.names_program(condition, text) for text in texts):
        return texts
    known = values.of_sessions(connection, project, condition.field)
    if len(known) == values.MOST:
        return None
    return [v for v in known if any(conditions.matches(condition, text, v) for text in texts)]


def few_calls(connection: sa.Connection, project: int, sessions: Sequence[str]) -> bool:
    """Whether these sessions have so few calls that all of them can be looked at."""
    size = sa.select(sa.func.sum(_s.calls)).where(_s.project == project, among(connection, _s.id, sessions))
    return (connection.scalar(size) or 0) <= _RARE_CALLS
