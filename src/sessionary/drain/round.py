"""One round of the drain: from records to rows, within one transaction. Idempotent by call id."""

import logging
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from sessionary.drain import answers, compaction, link, requests, rollup, rows
from sessionary.drain.answers import Asked, Prefill
from sessionary.drain.batch import Batch
from sessionary.drain.intake import Intake, Unreadable
from sessionary.drain.link import Placed, Ref
from sessionary.drain.requests import Base, Parsed, Step
from sessionary.drain.seen import Seen
from sessionary.drain.threads import WINDOW_US, Threads
from sessionary.record.exchange import Begin, Finish, Part, Record, encode
from sessionary.store import pack, schema, search, tree, words, writes
from sessionary.store.conversations import Head
from sessionary.wire import meaning, text
from sessionary.wire.message import Message
from sessionary.wire.reading import FORMATS
from sessionary.wire.recipe import Recipe

log = logging.getLogger("sessionary.drain")
Key = tuple[int, str]
_SESSION = sa.select(schema.sessions).where(
    schema.sessions.c.project == sa.bindparam("project"), schema.sessions.c.id == sa.bindparam("id")
)


class Round:
    """Collects what a round writes. Used once."""

    def __init__(
        self,
        connection: sa.Connection,
        key_names: Mapping[str, str],
        now: int,
        window: int = WINDOW_US,
        seen: Seen | None = None,
    ) -> None:
        """`window`: microseconds for which threading remembers what was said. `seen`: what earlier rounds have seen."""
        self._seen = seen or Seen()
        self._db = connection
        self._key_names = key_names
        self._now = now
        self._parsed: dict[str, Parsed] = {}
        self._following: dict[str, tuple[Begin, str]] = {}
        """Begun calls that go on from another: taken apart when that one has been seen to its end."""
        self._sessions: dict[Key, dict[str, Any]] = {}
        self._calls: dict[str, dict[str, Any]] = {}
        self._threads = Threads(connection, window)
        self._agents: set[tuple[int, str, str]] = set()
        """Project, session, agent: those that have been counted."""
        self._partials: dict[str, list[Part]] = {}
        self._batch = Batch()
        self.stored = 0

    def run(self, intake: Intake) -> None:
        """A record that fails is set aside with its reason, and the others are stored."""
        begins = [(i.record, i.writer) for i in intake.items if isinstance(i.record, Begin)]
        later = {i.record.call_id for i in intake.items if isinstance(i.record, Finish | Part)}
        self._load(begins, later)
        for item in intake.items:
            try:
                self._record(item.record)
            except sa.exc.SQLAlchemyError:
                raise
            except Exception as error:
                log.exception("a record of %s is set aside", item.writer)
                place = f"{item.writer}/{item.cursor.segment}/{item.cursor.offset}"
                reason = f"{error.__class__.__name__}: {error}"[:500]
                payload = b"" if isinstance(item.record, Unreadable) else encode(item.record)
                self._set_aside_record(Unreadable(place, reason, payload))
        self._batch.sessions = self._sessions
        self._batch.calls = [c for c in self._calls.values() if c.get("new")]
        for call_id, parts in self._partials.items():
            if call_id in self._calls:
                self._batch.add_parts(self._calls[call_id]["project"], parts)
        self._batch.spawns = self._threads.spawns.rows
        self._batch.taken = self._threads.spawns.taken
        self._batch.write(self._db, self._now)

    def _record(self, record: Record | Unreadable) -> None:
        match record:
            case Begin():
                if record.call_id in self._following:
                    self._follow(*self._following[record.call_id])
                if record.call_id in self._parsed:
                    self._begin(self._parsed[record.call_id])
            case Part():
                self._partials.setdefault(record.call_id, []).append(record)
            case Finish():
                self._finish(record)
            case Unreadable():
                self._set_aside_record(record)

    def committed(self) -> None:
        """What the round has taken apart is stored: later rounds need not do it again."""
        for parsed in self._parsed.values():
            for step in parsed.steps:
                step.message = None
            self._seen.add(parsed.begin.project, parsed.root, parsed.steps)

    @property
    def set_aside(self) -> int:
        return len(self._batch.set_aside)

    @property
    def rates(self) -> Mapping[tuple[int, int, str, str], list[int]]:
        """As `Batch.rates`."""
        return self._batch.rates

    # -- reading what is stored already

    def _load(self, begins: list[tuple[Begin, str]], later: set[str]) -> None:
        by_project: dict[int, list[tuple[Begin, str]]] = {}
        for begin, writer in begins:
            by_project.setdefault(begin.project, []).append((begin, writer))
        for project, found in by_project.items():
            ids = [begin.call_id for begin, _ in found]
            stored = {row.id for row in writes.present(self._db, schema.calls, "id", project, ids)}
            fresh = [(begin, writer) for begin, writer in found if begin.call_id not in stored]
            self._following |= {begin.call_id: (begin, writer) for begin, writer in fresh if begin.context.parent}
            parsed = [self._parse(begin, writer) for begin, writer in fresh if not begin.context.parent]
            self._load_project(project, parsed)
            self._parsed |= {p.begin.call_id: p for p in parsed}
        before = {begin.context.parent for begin, _ in self._following.values()}
        self._load_earlier((later | before) - self._parsed.keys() - self._following.keys())

    def _parse(self, begin: Begin, writer: str, base: Base | None = None) -> Parsed:
        return requests.parse(begin, writer, base, self._seen.path)

    def _load_project(self, project: int, parsed: list[Parsed]) -> None:
        """Gives steps their nodes: from the store, else by reading them. Changes `parsed` in place."""
        stored = self._stored(project, [step for p in parsed for step in p.steps[max(0, p.known - 1) :]])
        for n, p in enumerate(parsed):
            last = p.steps[p.known - 1] if p.known else None
            if last is not None and stored.get(last.id, (b"",))[0] != last.node:
                parsed[n] = requests.parse(p.begin, p.writer, p.base)  # deleted meanwhile, or hashed anew
                stored |= self._stored(project, parsed[n].steps)
            for step in requests.give_meaning(parsed[n], stored):
                self._message(project, step, FORMATS[p.begin.endpoint])
        self._threads.expect(project, [p.begin for p in parsed])

    def _stored(self, project: int, steps: list[Step]) -> dict[bytes, tuple[bytes, str]]:
        """Node and role of those that are in the store."""
        rows = writes.present(self._db, schema.messages, "id", project, [s.id for s in steps], "node", "role")
        return {row.id: (row.node, row.role) for row in rows}

    def _load_sessions(self, project: int, ids: set[str]) -> None:
        wanted = ids - {i for p, i in self._sessions if p == project}
        names = [c.name for c in schema.sessions.c]
        for row in writes.present(self._db, schema.sessions, "id", project, wanted, *names):
            self._sessions[project, row.id] = {n: row._mapping[n] for n in names}

    def _load_earlier(self, call_ids: set[str]) -> None:
        """Calls that were begun in an earlier round and go on in this one; none whose session is deleted."""
        if not call_ids:
            return
        wanted = sorted(call_ids)
        for start in range(0, len(wanted), 500):
            c = schema.calls.c
            every = sa.select(schema.projects.c.id)  # named, so that the primary key serves the look-up
            m, s = schema.messages.c, schema.sessions.c
            leaf = sa.and_(m.project == c.project, m.id == c.leaf)
            query = sa.select(schema.calls, m.role.label("leaf_role")).outerjoin(schema.messages, leaf)
            query = query.join(schema.sessions, sa.and_(s.project == c.project, s.id == c.session))
            query = query.where(c.project.in_(every), c.id.in_(wanted[start : start + 500]))
            rows = self._db.execute(query).mappings()
            for row in rows:
                self._calls[row["id"]] = dict(row)
        for project in {c["project"] for c in self._calls.values()}:
            self._load_sessions(project, {c["session"] for c in self._calls.values() if c["project"] == project})

    # -- one record at a time

    def _follow(self, begin: Begin, writer: str) -> None:
        several = [self._parse(begin, writer, self._base(self._calls.get(begin.context.parent)))]
        self._load_project(begin.project, several)
        self._parsed[begin.call_id] = several[0]

    def _base(self, before: Mapping[str, Any] | None) -> Base | None:
        """The last that was said in the call `before`: its answer, or where that was lost its question."""
        end = (before["output"] or before["leaf"]) if before is not None else None
        if before is None or end is None:
            return None
        row = self._batch.messages.get((before["project"], end))
        if row is not None:
            return Base(end, row["node"], row["depth"])
        found = writes.present(self._db, schema.messages, "id", before["project"], [end], "node", "depth")
        return Base(end, found[0].node, found[0].depth) if found else None

    def _begin(self, parsed: Parsed) -> None:
        begin = parsed.begin
        before = self._calls.get(begin.context.parent)
        placed = self._threads.place(parsed, Ref.of(before) if before is not None else None)
        session = self._session(parsed, placed)
        titled = session["title"] or placed.side or placed.agent(begin)[0]
        title = "" if titled else _title(parsed)
        turn = link.turn(placed, parsed, session["turns"])
        summary = begin.call_id in self._threads.summaries
        call = self._calls[begin.call_id] = rows.begun(parsed, placed, turn, summary=summary)
        name = self._key_names.get(begin.key_id, begin.key_id)
        new_agent = bool(call["agent"]) and self._is_new_agent(begin.project, placed.session, call["agent"])
        for kind, value in rollup.begun(session, begin, placed, name, turn, title, call["agent"] if new_agent else ""):
            facet = {"project": begin.project, "kind": kind, "value": value, "session": placed.session}
            self._batch.facets.append(facet)
        if placed.gone_on is not None and not placed.gone_on.continued:
            self._gone_on(begin.project, placed.gone_on.id)
        self._batch.count(begin, placed)
        if placed.source == "content" and (placed.parent is None or begin.endpoint == "responses"):
            # The client was told a session of its own, or is told it by what goes on from here.
            self._batch.merged.append({"project": begin.project, "id": begin.session_id, "session": placed.session})
        self._threads.known.add(begin.project, Ref.of(call), leaf_node=call["leaf_node"])
        self._batch.add_bodies(begin.project, parsed.bodies)
        self._needs(call, parsed.recipe)
        self._batch.exchanges.append(
            {
                "project": begin.project,
                "call_id": begin.call_id,
                "request": pack.pack(requests.encode_recipe(parsed.recipe)),
                "request_headers": begin.headers,
            }
        )
        if not begin.resumable:
            self._batch.forgotten.append({"project": begin.project, "call_id": begin.call_id})
        added = [requests.message(s, begin.endpoint) for s in parsed.steps if s.depth > placed.base_depth]
        self._doc(call, added, answer=False)

    def _session(self, parsed: Parsed, placed: Placed) -> dict[str, Any]:
        key = (parsed.begin.project, placed.session)
        if key not in self._sessions:
            row = self._db.execute(_SESSION, {"project": parsed.begin.project, "id": placed.session}).mappings().first()
            if row is not None:
                self._sessions[key] = dict(row)
        if key not in self._sessions:
            new = rollup.new_session(parsed.begin, "") | {"id": placed.session}
            if placed.source not in ("none", "content") and (ref := self._threads.continues(parsed)) is not None:
                new["continues"] = ref.id
            self._sessions[key] = new
        return self._sessions[key]

    def _is_new_agent(self, project: int, session: str, agent: str) -> bool:
        key = (project, session, agent)
        if key in self._agents:
            return False
        self._agents.add(key)
        f = schema.facets.c
        mine = sa.and_(f.project == project, f.kind == "agent", f.value == agent, f.session == session)
        return self._db.scalar(sa.select(f.session).where(mine)) is None

    def _gone_on(self, project: int, call_id: str) -> None:
        call = self._calls.get(call_id)
        if call is not None and call.get("new"):
            call["continued"] = True
        else:
            self._batch.continued.add((project, call_id))

    def _finish(self, finish: Finish) -> None:
        call = self._calls.get(finish.call_id)
        if call is None or call["status"] != "live":
            return  # its session was deleted meanwhile, or it has ended already
        project = call["project"]
        data = b"".join(p.data for p in self._partials.pop(finish.call_id, []))
        if not call.get("new"):
            data = writes.partial_bytes(self._db, project, finish.call_id) + data
            self._batch.ended.append((project, finish.call_id))
        data += finish.body
        parsed = self._parsed.get(finish.call_id)

        def messages() -> list[bytes]:
            if parsed is not None:
                return [s.raw for s in parsed.steps]
            return [s.raw for s in tree.path(self._db, project, call["leaf"])]

        asked = Asked(
            project,
            call["endpoint"],
            call["model"],
            call["stream"],
            call["created_at"],
            call["leaf"],
            call["leaf_node"],
            call["input_depth"],
            messages,
            self._prefill(call, parsed),
        )
        answered = answers.answered(asked, finish, data)
        asked_for_summary = call["summary_key"] == rows.SUMMARY_WANTED
        answered.call["summary_key"] = compaction.key_of(project, answered.output) if asked_for_summary else None
        call.update(answered.call)
        for row in answered.messages:
            self._batch.messages[project, row["id"]] = row
        self._batch.add_bodies(project, answered.bodies)
        self._needs(call, answered.response)
        exchange = {
            "project": project,
            "call_id": finish.call_id,
            "response": pack.pack(requests.encode_recipe(answered.response)) if answered.response else None,
            "response_headers": finish.headers,
            "raw": pack.pack(answered.raw) if answered.raw is not None else None,
        }
        self._batch.finished_exchanges.append(exchange)
        if not call.get("new"):
            self._batch.finished_calls.append({"project": project, "id": finish.call_id, **answered.call})
        if call["conversation"] and call["output"] is not None:
            self._batch.heads.append(
                Head(project, call["conversation"], call["edit"], call["id"], call["parent"] or "")
            )
        session = self._sessions.get((project, call["session"]))
        if session is not None:
            rollup.ended(session, call)
        self._threads.answered(project, call, answered.output)
        if answered.output:
            self._doc(call, answered.output, answer=True)
        self.stored += 1

    def _prefill(self, call: Mapping[str, Any], parsed: Parsed | None) -> Prefill | None:
        """Where the last of the request is the beginning of the answer."""
        if parsed is not None:
            last = parsed.steps[-1] if parsed.steps else None
            if last is None or last.role != "assistant":
                return None
            before = parsed.steps[-2].node if len(parsed.steps) > 1 else parsed.base.node if parsed.base else None
            return Prefill(before, meaning.prefill(requests.message(last, call["endpoint"])))
        if call.get("leaf_role") != "assistant":
            return None
        last_stored = tree.path(self._db, call["project"], call["leaf"], call["input_depth"] - 1)[-1]
        before = tree.node_before(self._db, call["project"], call["leaf"])
        return Prefill(before, meaning.prefill(last_stored.message()))

    def _set_aside_record(self, record: Unreadable) -> None:
        row = {"id": record.place, "at": self._now, "reason": record.reason, "payload": record.payload}
        self._batch.set_aside.append(row)

    def _needs(self, call: Mapping[str, Any], recipe: Recipe | None) -> None:
        if recipe is not None:
            for hashed in (*recipe.lifted.values(), *recipe.preamble):
                self._batch.needs.add((call["project"], hashed, call["session"]))

    def _message(self, project: int, step: Step, format: str) -> None:
        self._batch.messages[project, step.id] = {
            "project": project,
            "id": step.id,
            "parent": step.parent,
            "node": step.node,
            "depth": step.depth,
            "role": step.role,
            "format": format,
            "answer": False,
            "frame": step.frame,
            "text": step.text,
        }

    def _doc(self, call: Mapping[str, Any], messages: list[Message], *, answer: bool) -> None:
        if said := words.of(messages):
            self._batch.docs.append(search.Doc(call["project"], call["id"], answer, said))


def _title(parsed: Parsed) -> str:
    for step in parsed.steps:
        if step.role == "user" and (found := text.title(requests.message(step, parsed.begin.endpoint))):
            return found
    return ""
