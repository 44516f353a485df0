"""What a session's page asks for, made for very long sessions: an outline of all, and parts. Blocking, as `Views`."""

import sqlalchemy as sa
from starlette.datastructures import QueryParams

from sessionary.api import params, transcript, types
from sessionary.api.broke import Breaks
from sessionary.api.export import KINDS, Export, Form
from sessionary.api.views import Views
from sessionary.auth import Principal
from sessionary.errors import BadRequest
from sessionary.store import audit, reads, tree
from sessionary.store.engine import snapshot
from sessionary.store.writes import clean

MOST = 100
"""Calls of which a transcript can be asked for by name."""
_CURSOR = "transcript"


class SessionViews:
    def __init__(self, views: Views, noting: sa.Engine) -> None:
        """`noting`: the engine that is told of exports."""
        self._views = views
        self._engine = views.engine
        self._noting = noting
        self._breaks = Breaks()

    def outline(self, principal: Principal, name: str, query: QueryParams) -> types.Outline:
        """Of all calls; or of those that began, ended or go on `since` a time."""
        params.only(query, "since")
        since = params.time_of(query, "since")
        row = self._views.session_row(principal, name)
        shown, (projects, keys) = self._views.shown([row])[0], self._views.names()
        with self._engine.connect() as connection:
            if since is None:
                calls = reads.session_calls(connection, row.project, row.id)
            else:
                calls = reads.session_since(connection, row.project, row.id, since)
            return types.Outline(shown, [types.call(call, projects, keys) for call in calls])

    def transcript(self, principal: Principal, name: str, query: QueryParams) -> types.Transcript:
        """Of all calls; of those that `calls` names, as far as they are in the session; or a page of them."""
        params.only(query, "calls", "limit", "cursor")
        if "calls" in query:
            return self._some(principal, name, query)
        if "limit" in query or "cursor" in query:
            after = params.decode_cursor(query["cursor"], _CURSOR, str) if query.get("cursor") else None
            return self.page(principal, name, params.limit(query), after)
        return self._views.transcript(principal, name)

    def page(
        self, principal: Principal, name: str, limit: int, after: tuple[int, str] | None = None
    ) -> types.Transcript:
        """`limit` calls at most, those that follow the call with that time and id."""
        row = self._views.session_row(principal, name)
        shown, (projects, keys) = self._views.shown([row])[0], self._views.names()
        with snapshot(self._engine) as connection:
            calls = reads.session_page(connection, row.project, row.id, limit + 1, after)
            some, last = calls[:limit], calls[limit - 1 : limit]
            more = params.cursor(_CURSOR, last[0].created_at, last[0].id) if len(calls) > limit else None
            return types.Transcript(shown, transcript.read(connection, row, projects, keys, some, self._breaks), more)

    def export(self, principal: Principal, name: str, query: QueryParams) -> tuple[Export, Form]:
        params.only(query, "format")
        form = query.get("format") or "json"
        if form not in KINDS:
            raise BadRequest(f"format must be one of {', '.join(KINDS)}", param="format")
        row = self._views.session_row(principal, name)
        audit.tell(self._noting, principal.actor, "session.export", row.id, project=row.project, format=form)
        return Export(self._engine, row, self._views.shown([row])[0], self._views.names()), form

    def headers(self, principal: Principal, call_id: str) -> types.Headers:
        """As they were recorded: credentials never are. An answer that has none yet, or was never given, has none."""
        row = self._views.call_row(principal, call_id)
        with self._engine.connect() as connection:
            return types.Headers(*tree.headers(connection, row))

    def _some(self, principal: Principal, name: str, query: QueryParams) -> types.Transcript:
        if "limit" in query or "cursor" in query:
            raise BadRequest("calls cannot be asked for together with limit or cursor", param="calls")
        ids = list(dict.fromkeys(filter(None, clean({"calls": query["calls"]})["calls"].split(","))))
        if not 0 < len(ids) <= MOST:
            raise BadRequest(f"calls must be 1 to {MOST} ids, with commas between them", param="calls")
        row = self._views.session_row(principal, name)
        shown, (projects, keys) = self._views.shown([row])[0], self._views.names()
        with snapshot(self._engine) as connection:
            calls = reads.session_calls(connection, row.project, row.id, ids)
            return types.Transcript(shown, transcript.read(connection, row, projects, keys, calls, self._breaks))
