"""Conditions as SQL over a row of sessions, or of calls: what each row that is walked is held against.

What only an index can tell quickly (words, rare values, sessions by name) is `store.candidates`'. Both engines take the
same expressions; what is not known fulfils nothing, so that its negation takes it.
"""

import operator
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from sessionary.store import schema, search
from sessionary.store.programs import program, program_of
from sessionary.store.rollups import CUT, FAILED
from sessionary.store.terms import Condition, Value

Check = sa.ColumnElement[bool]
FACETS = ("model", "client", "key", "user", "tag")
"""The fields of sessions that the table `facets` knows."""
LONGEST_CALL = 86_400_000_000
"""Microseconds that no call lasts: a call that overlaps a time began at most this long before it."""
_s, _c, _f, _d = schema.sessions.c, schema.calls.c, schema.facets.c, schema.search_docs.c
_COMPARED: dict[str, Callable[[Any, Any], Check]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}
_SESSION_NUMBERS: dict[str, sa.ColumnElement[Any]] = {
    **{name: _s[name] for name in ("cost", "calls", "turns", "errors", "branches", "agents", "active", "unpriced")},
    **{name: _s[f"{name}_tokens"] for name in ("input", "cached", "output", "reasoning")},
    "tokens": _s.input_tokens + _s.output_tokens,
    "wall": _s.last_at - _s.first_at,
    "first": _s.first_at,
    "last": _s.last_at,
}
_SESSION_FLAGS: dict[str, Check] = {"error": _s.errors > 0, "live": _s.live > 0}
_CALL_NUMBERS: dict[str, sa.ColumnElement[Any]] = {
    **{name: _c[f"{name}_tokens"] for name in ("input", "cached", "output", "reasoning")},
    "tokens": sa.func.coalesce(_c.input_tokens, 0) + sa.func.coalesce(_c.output_tokens, 0),
    "cost": _c.cost,
    "duration": _c.finished_at - _c.created_at,
    "ttft": _c.ttft,
    "http": _c.http_status,
}
_CALL_TEXTS: dict[str, tuple[sa.Column[Any], ...]] = {
    **{name: (_c[name],) for name in ("model", "client", "user", "source", "rule", "endpoint", "provider")},
    "deployment": (_c.deployment,),
    "finish": (_c.finish_reason,),
    "agent": (_c.agent, _c.agent_name),
}
_CALL_FLAGS = ("stream", "side", "ambiguous")
_STATUSES = {"errors": FAILED, "cut": CUT}
"""What names several."""


def same(column: sa.ColumnElement[str], value: str, *, literal: bool = False) -> Check:
    """Equal; or, where the value has a `*` that is not `literal`, alike in any case, with anything in its place."""
    if literal or "*" not in value:
        return column == value
    escaped = value.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return column.ilike(escaped.replace("*", "%"), escape="\\")


def kept(condition: Condition) -> Condition:
    """As what it is held against is kept: without what is cut off long texts."""
    values = (v[: schema.LONGEST] if isinstance(v, str) else v for v in condition.values)
    return msgspec.structs.replace(condition, values=tuple(values))


def of_session(condition: Condition, connection: sa.Connection, projects: dict[int, str]) -> Check:
    """`projects`: names by id."""
    return _negated(condition, _of_session(condition, connection, projects))


def of_call(condition: Condition, connection: sa.Connection, projects: dict[int, str], keys: dict[str, str]) -> Check:
    """`projects`, `keys`: names by id."""
    return _negated(condition, _of_call(condition, connection, projects, keys))


def _negated(condition: Condition, check: Check) -> Check:
    """Also hides from the engine that another index might serve the check: which one is walked is the list's to say."""
    known = sa.func.coalesce(check, sa.false())
    return sa.not_(known) if condition.negated else known


def _of_session(condition: Condition, connection: sa.Connection, projects: dict[int, str]) -> Check:
    name, values = condition.field, condition.values
    match name:
        case "since":
            return _s.last_at >= values[0]
        case "until":
            return _s.first_at <= values[0]
        case "text":
            return sa.or_(*(sa.or_(titled(str(v)), _session_says(connection, str(v))) for v in values))
        case "title":
            return _any(condition, lambda v, literal: _s.title == v if literal else _contains(_s.title, v))
        case "id":
            return sa.or_(_texts(condition, _s.id), _texts(condition, _s.session_id))
        case "project":
            return _s.project.in_(_ids(condition, projects))
        case "status" | "source":
            return _s[name].in_(values)
    if name in FACETS:
        at = (_f.project == _s.project, _f.session == _s.id, _f.kind == name)
        return _of_each(sa.select(_f.session).where(*at, _texts(kept(condition), _f.value)))
    if name in _SESSION_FLAGS:
        return _SESSION_FLAGS[name] if values[0] else sa.not_(_SESSION_FLAGS[name])
    return _numbers(condition, _SESSION_NUMBERS[name])


def _of_call(condition: Condition, connection: sa.Connection, projects: dict[int, str], keys: dict[str, str]) -> Check:
    name, values = condition.field, condition.values
    match name:
        case "since":
            ended = sa.or_(_c.finished_at >= values[0], _c.finished_at.is_(None))
            return sa.and_(ended, _c.created_at >= int(values[0]) - LONGEST_CALL)
        case "until":
            return _c.created_at <= values[0]
        case "text":
            return sa.or_(*(_call_says(connection, str(v)) for v in values))
        case "project":
            return _c.project.in_(_ids(condition, projects))
        case "key":
            return _c.key_id.in_({*_ids(condition, keys), *(str(v) for v in values)})
        case "status":
            return _c.status.in_({one for v in values for one in _STATUSES.get(str(v), {str(v)})})
        case "error":
            return sa.or_(*map(_error, values))
        case "session":
            s = schema.sessions.alias().c  # the list has joined that table already
            named = sa.select(s.id).where(s.project == _c.project, s.id == _c.session)
            return sa.or_(_texts(condition, _c.session), _of_each(named.where(_texts(condition, s.session_id))))
    if name in _CALL_FLAGS:
        return _c[name].is_(sa.true() if values[0] else sa.false())
    if name in _CALL_TEXTS:
        return sa.or_(*(_texts(kept(condition), column) for column in _CALL_TEXTS[name]))
    return _numbers(condition, _CALL_NUMBERS[name])


def _error(value: Value) -> Check:
    failed = _c.status.in_(FAILED)
    if value in ("yes", "no"):
        return failed if value == "yes" else sa.not_(failed)
    return sa.or_(*(sa.func.coalesce(_contains(c, str(value)), sa.false()) for c in (_c.error_type, _c.error_message)))


def _any(condition: Condition, check: Callable[[str, bool], Check]) -> Check:
    literal = condition.operator == "="
    return sa.or_(*(check(str(value), literal) for value in condition.values))


def _texts(condition: Condition, column: sa.ColumnElement[str]) -> Check:
    """Values that stand for themselves are one look-up in an index."""
    literal = condition.operator == "="
    plain = [str(v) for v in condition.values if literal or "*" not in str(v)]
    wild = [same(column, str(v)) for v in condition.values if str(v) not in plain]
    names = [v for v in plain if names_program(condition, v)]
    any_version = [program_of(column).in_(names)] if names else []
    return sa.or_(*([column.in_(plain)] if plain else []), *any_version, *wild)


def names_program(condition: Condition, value: str) -> bool:
    """Whether the value stands for a calling program of any version; with a version it means that one."""
    literal = condition.operator == "=" or "*" not in value
    return condition.field == "client" and literal and program(value) == value


def _contains(column: sa.ColumnElement[str], part: str) -> Check:
    return same(column, f"*{part.strip('*')}*")


def _numbers(condition: Condition, column: sa.ColumnElement[Any]) -> Check:
    if condition.operator in _COMPARED:
        return _COMPARED[condition.operator](column, condition.values[0])
    return column.in_(condition.values)


def _ids(condition: Condition, names: dict[Any, str]) -> list[Any]:
    return [id for id, name in names.items() if any(matches(condition, str(v), name) for v in condition.values)]


def matches(condition: Condition, value: str, text: str) -> bool:
    """As `same`, of a text at hand."""
    if condition.operator == "=" or "*" not in value:
        return value == text or (names_program(condition, value) and value == program(text))
    first, *parts = value.lower().split("*")
    text = text.lower()
    at = len(first)
    if not text.startswith(first):
        return False
    for part in parts[:-1]:
        found = text.find(part, at)
        if found < 0:
            return False
        at = found + len(part)
    return len(text) - at >= len(parts[-1]) and text.endswith(parts[-1])


def titled(query: str) -> Check:
    """Sessions whose title has all of the query's words."""
    return sa.and_(sa.true(), *(_s.title.icontains(said, autoescape=True) for said in search.phrases(query)))


def _session_says(connection: sa.Connection, query: str) -> Check:
    """One question within another, so that either engine goes from the session to its calls and not the other way."""
    mine = (_c.project == _s.project, _c.session == _s.id)
    says = _call_says(connection, query)
    return _of_each(sa.select(_c.id).where(*mine, says).correlate(schema.sessions))


def _call_says(connection: sa.Connection, query: str) -> Check:
    mine = (_d.project == _c.project, _d.call_id == _c.id)
    says = _doc_says(connection, query)
    return _of_each(sa.select(_d.id).where(*mine, says).correlate(schema.calls))


def _doc_says(connection: sa.Connection, query: str) -> Check:
    """Of one document at hand: the index is asked whether it has the words."""
    match = search.matching(connection, query, _d.project, of=_d.id)
    return sa.false() if match is None else sa.exists(match)


def _of_each(found: sa.Select[Any]) -> Check:
    """Whether it finds something for the row at hand. PostgreSQL would rather find it for all rows at once, which takes
    long in a large store, were it not for the offset."""
    return sa.exists(found.offset(0))


def needs_text(conditions: Sequence[Condition]) -> bool:
    """Whether a row can be told only by looking its texts up: slow, each for itself."""
    return any(c.field == "text" for c in conditions)
