"""What the API and the pages show, from the store. Blocking: called in threads."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import msgspec
import sqlalchemy as sa
from starlette.datastructures import QueryParams

from sessionary.api import params, transcript, types
from sessionary.auth import Principal
from sessionary.errors import BadRequest, NotFound
from sessionary.store import reads, search, tree
from sessionary.store.writes import clean

Row = sa.Row[Any]
T = TypeVar("T")


class Views:
    """Every method takes the principal, and shows it nothing of other projects."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    def sessions(self, principal: Principal, query: QueryParams) -> types.SessionPage:
        params.only(query, *params.FILTERS, *params.PAGING)
        page = params.page(query, reads.SESSION_SORTS, "-last_at")
        filters = params.filters(query, params.SESSION_STATUSES)
        rows, cursor = _cut(
            reads.list_sessions(self.engine, self._project(principal, query), filters, _one_more(page)),
            page.limit,
            lambda row: _cursor(row, page),
        )
        names = reads.project_names(self.engine) if rows else {}
        return types.SessionPage([types.session(r, names) for r in rows], cursor)

    def session_row(self, principal: Principal, name: str) -> Row:
        row = reads.session(self.engine, principal.project, clean({"name": name})["name"], principal.call_project)
        if row is None:
            raise NotFound("There is no such session.")
        return row

    def session(self, principal: Principal, name: str) -> dict[str, Any]:
        """The session's fields; `calls` is the list of its calls in order, `call_count` their number."""
        row = self.session_row(principal, name)
        names, keys = self._names()
        with self.engine.connect() as connection:
            calls = [types.call(c, names, keys) for c in reads.session_calls(connection, row.project, row.id)]
        shown = msgspec.structs.asdict(types.session(row, names))
        return shown | {"call_count": shown["calls"], "calls": calls}

    def transcript(self, principal: Principal, name: str) -> types.Transcript:
        row = self.session_row(principal, name)
        names, keys = self._names()
        with self.engine.connect() as connection:
            return transcript.read(connection, row, names, keys)

    def calls(self, principal: Principal, query: QueryParams) -> types.CallPage:
        params.only(query, *params.FILTERS, *params.PAGING)
        page = params.page(query, reads.CALL_SORTS, "-created_at")
        filters = params.filters(query, params.CALL_STATUSES)
        rows, cursor = _cut(
            reads.list_calls(self.engine, self._project(principal, query), filters, _one_more(page)),
            page.limit,
            lambda row: _cursor(row, page),
        )
        names, keys = self._names()
        return types.CallPage([types.call(r, names, keys) for r in rows], cursor)

    def call_row(self, principal: Principal, call_id: str) -> Row:
        row = reads.call(self.engine, principal.project, clean({"id": call_id})["id"])
        if row is None:
            raise NotFound("There is no such call.")
        return row

    def call(self, principal: Principal, call_id: str) -> types.Call:
        return types.call(self.call_row(principal, call_id), *self._names())

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
        before = params.decode_cursor(query["cursor"], "search", int) if query.get("cursor") else None
        q = clean({"q": query["q"]})["q"]
        found, cursor = _cut(
            search.find(self.engine, self._project(principal, query), q, limit + 1, before),
            limit,
            lambda hit: params.cursor("search", hit.at, hit.id),
        )
        names = reads.project_names(self.engine) if found else {}
        return types.HitPage([types.hit(h, names) for h in found], cursor)

    def changed(self, since: int) -> list[tuple[int, int, types.Session]]:
        """(project, when, session) of what was written at or after `since`, oldest first; of all projects."""
        rows = reads.changed_sessions(self.engine, since)
        names = reads.project_names(self.engine) if rows else {}
        return [(row.project, row.updated_at, types.session(row, names)) for row in rows]

    def _project(self, principal: Principal, query: QueryParams) -> int | None:
        """The master may narrow its view to one project; for others the parameter changes nothing."""
        name = query.get("project")
        if principal.project is not None or not name:
            return principal.project
        found = reads.project_id(self.engine, clean({"name": name})["name"])
        return -1 if found is None else found

    def _names(self) -> tuple[dict[int, str], dict[str, str]]:
        return reads.project_names(self.engine), reads.key_names(self.engine)


def _one_more(page: reads.Page) -> reads.Page:
    """Asked for one row more than shown, so that the last page says that it is the last."""
    return msgspec.structs.replace(page, limit=page.limit + 1)


def _cut(rows: Sequence[T], limit: int, cursor: Callable[[T], str]) -> tuple[Sequence[T], str | None]:
    return (rows[:limit], cursor(rows[limit - 1])) if len(rows) > limit else (rows, None)


def _cursor(last: Row, page: reads.Page) -> str:
    value = last._mapping[page.sort]
    return params.cursor(("-" if page.descending else "") + page.sort, -1 if value is None else value, last.id)
