"""What the API and the pages show, from the store. Blocking: called in threads."""

from typing import Any

import msgspec
import sqlalchemy as sa
from starlette.datastructures import QueryParams

from sessionary.api import params, types
from sessionary.auth import Principal
from sessionary.errors import NotFound
from sessionary.store import reads, schema, search, tree
from sessionary.store.tree import Stored
from sessionary.wire import chat, completions
from sessionary.wire.message import Message

Row = sa.Row[Any]


class Views:
    """Every method takes the principal, and shows it nothing of other projects."""

    def __init__(self, engine: sa.Engine) -> None:
        self.engine = engine

    def sessions(self, principal: Principal, query: QueryParams) -> types.SessionPage:
        page = params.page(query, reads.SESSION_SORTS, "-last_at")
        rows = reads.list_sessions(self.engine, self._project(principal, query), params.filters(query), page)
        names = reads.project_names(self.engine)
        last = rows[-1] if len(rows) == page.limit else None
        return types.SessionPage([types.session(r, names) for r in rows], _cursor(last, page, query))

    def session_row(self, principal: Principal, name: str) -> Row:
        row = reads.session(self.engine, principal.project, name, principal.call_project)
        if row is None:
            raise NotFound("There is no such session.")
        return row

    def session(self, principal: Principal, name: str) -> dict[str, Any]:
        """The session's fields; `calls` is the list of its calls in order, `call_count` their number."""
        row = self.session_row(principal, name)
        keys = reads.key_names(self.engine)
        with self.engine.connect() as connection:
            calls = [types.call(c, row.session_id, keys) for c in reads.session_calls(connection, row.project, row.id)]
        shown = msgspec.structs.asdict(types.session(row, reads.project_names(self.engine)))
        return shown | {"call_count": shown["calls"], "calls": calls}

    def transcript(self, principal: Principal, name: str) -> types.Transcript:
        row = self.session_row(principal, name)
        keys = reads.key_names(self.engine)
        added: list[types.Added] = []
        system: list[bytes] = []
        seen: set[bytes] = set()
        with self.engine.connect() as connection:
            calls = reads.session_calls(connection, row.project, row.id)
            recipes = self._recipes(connection, row.project, [c.id for c in calls])
            for call in calls:
                preamble = recipes[call.id].preamble if call.id in recipes else []
                added.append(
                    types.Added(
                        call=types.call(call, row.session_id, keys),
                        resent=call.base_depth,
                        retry=call.leaf_node is not None and call.leaf_node in seen,
                        system=self._system(connection, row.project, preamble) if preamble != system else [],
                        messages=[_read(s, call.endpoint) for s in tree.path(connection, row.project, call.leaf, call.base_depth)],
                        output=self._output(connection, call),
                    )
                )
                system = preamble
                if call.leaf_node is not None:
                    seen.add(call.leaf_node)
        return types.Transcript(types.session(row, reads.project_names(self.engine)), added)

    def calls(self, principal: Principal, query: QueryParams) -> types.CallPage:
        page = params.page(query, reads.CALL_SORTS, "-created_at")
        rows = reads.list_calls(self.engine, self._project(principal, query), params.filters(query), page)
        last = rows[-1] if len(rows) == page.limit else None
        return types.CallPage(self._shown(rows), _cursor(last, page, query))

    def call_row(self, principal: Principal, call_id: str) -> Row:
        row = reads.call(self.engine, principal.project, call_id)
        if row is None:
            raise NotFound("There is no such call.")
        return row

    def call(self, principal: Principal, call_id: str) -> types.Call:
        return self._shown([self.call_row(principal, call_id)])[0]

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
        if body is None:
            raise NotFound("This call has no answer (yet).", code="no_response")
        return body, False

    def search(self, principal: Principal, query: QueryParams) -> types.HitPage:
        after = query.get("cursor")
        before = params.decode_cursor(after, "search") if after else None
        limit = params.limit(query)
        found = search.find(self.engine, self._project(principal, query), query.get("q", ""), limit, before)
        hits = [types.Hit(h.session_id, h.call_id, h.title, types.iso(h.at), h.snippet, h.marks) for _, h in found]
        more = len(found) == limit
        return types.HitPage(hits, params.cursor("search", found[-1][1].at, found[-1][0]) if more else None)

    def _project(self, principal: Principal, query: QueryParams) -> int | None:
        """The master may narrow its view to one project; for others the parameter changes nothing."""
        name = query.get("project")
        if principal.project is not None or not name:
            return principal.project
        found = reads.project_id(self.engine, name)
        return -1 if found is None else found

    def _shown(self, rows: Any) -> list[types.Call]:
        keys = reads.key_names(self.engine)
        wanted = {(r.project, r.session) for r in rows}
        s = schema.sessions.c
        with self.engine.connect() as connection:
            texts = {
                (r.project, r.id): r.session_id
                for r in connection.execute(
                    sa.select(s.project, s.id, s.session_id).where(sa.tuple_(s.project, s.id).in_(wanted))
                )
            } if wanted else {}
        return [types.call(r, texts.get((r.project, r.session), r.session), keys) for r in rows]

    def _recipes(self, connection: sa.Connection, project: int, call_ids: list[str]) -> dict[str, Any]:
        from sessionary.store.writes import present

        rows = present(connection, schema.exchanges, "call_id", project, call_ids, "request")
        return {r.call_id: tree.recipe(r.request) for r in rows}

    def _system(self, connection: sa.Connection, project: int, hashes: list[bytes]) -> list[Message]:
        bodies = tree.load_bodies(connection, project, set(hashes))
        return [chat.read(bodies[h])[0] for h in hashes]

    def _output(self, connection: sa.Connection, call: Row) -> Message | None:
        if call.output is None:
            return None
        raw = tree.one(connection, call.project, call.output)
        return completions.read_output(raw)[0] if call.endpoint == "completions" else chat.read_output(raw)[0]


def _read(stored: Stored, endpoint: str) -> Message:
    return completions.read(stored.raw)[0] if endpoint == "completions" else chat.read(stored.raw)[0]


def _cursor(last: Row | None, page: reads.Page, query: QueryParams) -> str | None:
    if last is None:
        return None
    value = last._mapping[page.sort]
    given = ("-" if page.descending else "") + page.sort
    return params.cursor(given, -1 if value is None else value, last.id)
