"""What the API and the pages show, from the store. Blocking: called in threads."""

import time
from collections.abc import Sequence
from typing import Any, TypeVar, get_args

import msgspec
import sqlalchemy as sa
from starlette.datastructures import QueryParams

from sessionary import ids
from sessionary.api import evidence, health, lineage, params, thread_types, transcript, types
from sessionary.api.gauges import Gauge
from sessionary.api.health import Counted
from sessionary.api.ledger import Books
from sessionary.auth import Principal
from sessionary.errors import BadRequest, NotFound
from sessionary.store import corrections, lists, reads, search, tree, within
from sessionary.store import health as rates
from sessionary.store.engine import snapshot
from sessionary.store.walk import Found, Page
from sessionary.store.writes import clean

Row = sa.Row[Any]
T = TypeVar("T")


def seen(engine: sa.Engine, principal: Principal, query: QueryParams) -> int | None:
    """The project that is looked at. None: all, for the master, who may narrow its view to one; -1: none has that name.
    For others the parameter changes nothing."""
    name = query.get("project")
    if principal.project is not None or not name:
        return principal.project
    found = reads.project_id(engine, clean({"name": name})["name"])
    return -1 if found is None else found


class Views:
    """Every method takes the principal, and shows it nothing of other projects."""

    def __init__(self, engine: sa.Engine, books: Books | None = None, gauge: Gauge | None = None) -> None:
        self.engine = engine
        self._books = books
        self._gauge = gauge

    def sessions(self, principal: Principal, query: QueryParams) -> types.SessionPage:
        params.only(query, *params.FILTERS, *params.PAGING)
        page = params.page(query, lists.SESSION_SORTS, "-last_at")
        wanted = params.filters(query, "sessions")
        found = lists.sessions(self.engine, seen(self.engine, principal, query), wanted, page)
        return types.SessionPage(self.shown(found.rows), _cursor(found, page), found.newest)

    def session_row(self, principal: Principal, name: str) -> Row:
        row = reads.session(self.engine, principal.project, clean({"name": name})["name"], principal.call_project)
        if row is None:
            raise NotFound("There is no such session.")
        return row

    def session(self, principal: Principal, name: str) -> dict[str, Any]:
        """The session's fields; `calls` is the list of its calls in order, `call_count` their number."""
        row = self.session_row(principal, name)
        names, keys = self.names()
        with self.engine.connect() as connection:
            calls = [types.call(c, names, keys) for c in reads.session_calls(connection, row.project, row.id)]
        shown = msgspec.structs.asdict(self.shown([row])[0])
        return shown | {"call_count": shown["calls"], "calls": calls}

    def transcript(self, principal: Principal, name: str) -> types.Transcript:
        row = self.session_row(principal, name)
        shown, (names, keys) = self.shown([row])[0], self.names()
        with snapshot(self.engine) as connection:
            return types.Transcript(shown, transcript.read(connection, row, names, keys))

    def tree(self, principal: Principal, name: str) -> thread_types.Tree:
        row = self.session_row(principal, name)
        with self.engine.connect() as connection:
            calls = reads.session_calls(connection, row.project, row.id)
        return lineage.tree(self.shown([row])[0], calls)

    def calls(self, principal: Principal, query: QueryParams) -> types.CallPage:
        params.only(query, *params.FILTERS, *params.PAGING)
        page = params.page(query, lists.CALL_SORTS, "-created_at")
        wanted = params.filters(query, "calls")
        found = lists.calls(self.engine, seen(self.engine, principal, query), wanted, page)
        names, keys = self.names()
        return types.CallPage([types.call(r, names, keys) for r in found.rows], _cursor(found, page), found.newest)

    def call_row(self, principal: Principal, call_id: str) -> Row:
        row = reads.call(self.engine, principal.project, clean({"id": call_id})["id"])
        if row is None:
            raise NotFound("There is no such call.")
        return row

    def call(self, principal: Principal, call_id: str) -> types.Call:
        return types.call(self.call_row(principal, call_id), *self.names())

    def evidence(self, principal: Principal, call_id: str) -> thread_types.Evidence:
        row = self.call_row(principal, call_id)
        home = reads.session(self.engine, row.project, row.home, row.project) if row.home else None
        with self.engine.connect() as connection:
            related = reads.related(connection, evidence.mentioned(row))
        return evidence.evidence(row, related, home)

    def move(self, principal: Principal, call_id: str, asked: thread_types.Move) -> thread_types.Corrected:
        call = self.call_row(principal, call_id)
        session = self._session_in(call.project, asked.session)
        done = corrections.move(self.engine, call.project, call.id, session, principal.actor)
        return self._corrected(call.project, done)

    def split(self, principal: Principal, name: str, asked: thread_types.Split) -> thread_types.Corrected:
        session = self.session_row(principal, name)
        call_id = clean({"id": asked.call})["id"]
        done = corrections.split(self.engine, session.project, session.id, call_id, principal.actor)
        return self._corrected(session.project, done)

    def merge(self, principal: Principal, asked: thread_types.Merge) -> thread_types.Corrected:
        """The first session says which project it is."""
        project = self.session_row(principal, asked.sessions[0]).project
        sessions = [self._session_in(project, name) for name in asked.sessions]
        into = self._session_in(project, asked.into) if asked.into else None
        return self._corrected(project, corrections.merge(self.engine, project, sessions, into, principal.actor))

    def followed(self, principal: Principal, name: str) -> str:
        """What the live tail knows a session by that `name` names: another id, where it was merged into another."""
        row = reads.session(self.engine, principal.project, clean({"name": name})["name"], principal.call_project)
        return name if row is None or name in (row.id, row.session_id) else str(row.id)

    def watched(self, principal: Principal, name: str) -> tuple[int, str]:
        """Project and id of the session that `name` names; also where there is none yet."""
        named = clean({"name": name})["name"]
        row = reads.session(self.engine, principal.project, named, principal.call_project)
        if row is None:
            return principal.call_project, ids.session_id(principal.call_project, named)
        return row.project, str(row.id)

    def _session_in(self, project: int, name: str) -> str:
        row = reads.session(self.engine, project, clean({"name": name})["name"], project)
        if row is None:
            raise NotFound("There is no such session.")
        return str(row.id)

    def _corrected(self, project: int, done: corrections.Corrected) -> thread_types.Corrected:
        row = reads.session(self.engine, project, done.session, project)
        if row is None:
            raise NotFound("There is no such session.")
        return thread_types.Corrected(self.shown([row])[0], done.moved, done.gone)

    def request(self, principal: Principal, call_id: str) -> bytes:
        row = self.call_row(principal, call_id)
        with self.engine.connect() as connection:
            return tree.request_body(connection, row)

    def response(self, principal: Principal, call_id: str, *, raw: bool) -> tuple[bytes, bool]:
        """The answer's bytes, and whether they are events. Raises NotFound while there is none."""
        row = self.call_row(principal, call_id)
        with self.engine.connect() as connection:
            if raw and (events := tree.raw_events(connection, row)) is not None:
                return events, True
            body = tree.response_body(connection, row)
        if body is not None:
            return body, False
        if row.status == "live":
            raise NotFound("This call has not finished.", code="not_finished")
        raise NotFound("This call got no answer.", code="no_response")

    def search(self, principal: Principal, query: QueryParams) -> types.HitPage:
        params.only(query, *params.SEARCH)
        if "q" not in query:
            raise BadRequest("q, the words to search for, is missing", param="q")
        limit = params.limit(query)
        before = params.decode_cursor(query["cursor"], "search", int)[1] if query.get("cursor") else None
        q = clean({"q": query["q"]})["q"]
        if query.get("session"):
            row = self.session_row(principal, query["session"])
            found = within.find(self.engine, row.project, row.id, q, limit, before)
        else:
            found = search.find(self.engine, seen(self.engine, principal, query), q, limit, before)
        names = reads.project_names(self.engine) if found.hits else {}
        cursor = params.cursor("search", 0, found.after) if found.after is not None else None
        return types.HitPage([types.hit(h, names) for h in found.hits], cursor)

    def health(self, principal: Principal, query: QueryParams) -> health.Health:
        params.only(query, "project")
        project = seen(self.engine, principal, query)
        today = int(time.time()) // 86400
        since = health.first_day(today)
        with self.engine.connect() as connection:
            by_day = rates.by_day(connection, project, since)
            programs, missing = (self._counted(connection, project, since, each) for each in get_args(rates.Each))
            count = rates.count_programs(connection, project, since)
        mastering = principal.project is None
        ledger = self._books() if self._books is not None and mastering else None
        gauges = self._gauge() if self._gauge is not None and mastering else None
        return health.health(today, by_day, programs, missing, count, ledger, gauges)

    def _counted(self, connection: sa.Connection, project: int | None, since: int, each: rates.Each) -> Counted:
        """Programs: also the busiest. One version by itself is looked at only for what is not found of it."""
        names = rates.missing(connection, project, since, params.MOST, each)
        if each == "program":
            names = list(dict.fromkeys((*rates.busiest(connection, project, since, params.MOST), *names)))
        rows = rates.of(connection, project, since, names, each)
        return Counted(rows, rates.first_days(connection, project, names, each))

    def changed(self, since: int) -> list[tuple[int, int, types.Session]]:
        """(project, when, session) of what was written at or after `since`, oldest first; of all projects."""
        rows = reads.changed_sessions(self.engine, since)
        return [(r.project, r.updated_at, shown) for r, shown in zip(rows, self.shown(rows), strict=True)]

    def shown(self, rows: Sequence[Row]) -> list[types.Session]:
        """Rows of the sessions table."""
        if not rows:
            return []
        names = reads.project_names(self.engine)
        continued = [(row.project, row.continues) for row in rows if row.continues]
        before: dict[tuple[int, str], Row] = {}
        if continued:
            with self.engine.connect() as connection:
                before = reads.related(connection, continued)
        return [types.session(row, names, before.get((row.project, row.continues))) for row in rows]

    def names(self) -> tuple[dict[int, str], dict[str, str]]:
        return reads.project_names(self.engine), reads.key_names(self.engine)


def _cursor(found: Found, page: Page) -> str | None:
    if found.after is None:
        return None
    return params.cursor(("-" if page.descending else "") + page.sort, *found.after)
