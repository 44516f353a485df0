"""The begins of a round's calls: taken apart together, then placed one by one, in the order of time."""

from collections.abc import Mapping, Sequence
from typing import Any

from sessionary.drain import deleted, link, requests, rollup, rows
from sessionary.drain.batch import Batch
from sessionary.drain.link import Placed, Ref
from sessionary.drain.picture import Picture, Row
from sessionary.drain.requests import Base, Parsed, Step
from sessionary.drain.seen import Lookup, Seen
from sessionary.drain.threads import Threads
from sessionary.record.exchange import Begin
from sessionary.store import edits, schema
from sessionary.store.questions import present
from sessionary.store.schema import LONGEST
from sessionary.wire import text
from sessionary.wire.reading import FORMATS

Begun = tuple[Begin, str]
"""With its writer."""


class Begins:
    def __init__(
        self, picture: Picture, batch: Batch, threads: Threads, key_names: Mapping[str, str], seen: Seen
    ) -> None:
        """`seen`: what earlier rounds have seen. What is found goes into `picture` and `batch`."""
        self._picture = picture
        self._batch = batch
        self._threads = threads
        self._key_names = key_names
        self._seen = seen
        self.parsed: dict[str, Parsed] = {}
        self._lookups: dict[str, Lookup] = {}
        """What was known of calls' histories when they were taken apart."""
        self._following: dict[str, Begun] = {}
        """Begun calls that go on from another: taken apart when that one has been seen to its end."""

    @property
    def calls(self) -> set[str]:
        """Those that begin in this round."""
        return self.parsed.keys() | self._following.keys()

    @property
    def parents(self) -> set[str]:
        """Calls whose answers they name."""
        return {begin.context.parent for begin, _ in self._following.values()}

    def take_apart(self, begins: Sequence[Begun]) -> None:
        """Calls that are about to begin."""
        by_project: dict[int, list[Begun]] = {}
        for begin, writer in begins:
            by_project.setdefault(begin.project, []).append((begin, writer))
        for project, found in by_project.items():
            ids = [begin.call_id for begin, _ in found]
            stored = {row.id for row in present(self._picture.db, schema.calls, "id", project, ids)}
            self._picture.there |= stored
            unstored = (begin for begin, _ in found if begin.call_id not in stored)
            late = deleted.among(self._picture.db, project, unstored)
            self._hide([(begin, writer) for begin, writer in found if begin.call_id in late])
            fresh = [(begin, writer) for begin, writer in found if begin.call_id not in stored | late]
            self._following |= {begin.call_id: (begin, writer) for begin, writer in fresh if begin.context.parent}
            self._give_meaning(project, [self._parse(*begun) for begun in fresh if not begun[0].context.parent])

    def begin(self, call_id: str) -> None:
        """Of what was taken apart: places it and adds its rows. What is stored already, or hidden, is passed over."""
        if call_id in self._following:
            begin, writer = self._following[call_id]
            before = self._picture.calls.get(begin.context.parent)
            self._give_meaning(begin.project, [self._parse(begin, writer, self._base(before))])
        if call_id in self.parsed:
            self._begin(self.parsed[call_id])

    def committed(self) -> None:
        """What was taken apart is stored: later rounds know the steps, but hardly ask what they say."""
        for parsed in self.parsed.values():
            for step in parsed.steps:
                if step.read is not None:
                    step.read = None

    # -- together

    def _hide(self, late: Sequence[Begun]) -> None:
        """Calls of sessions that are deleted."""
        nowhere = edits.hidden()
        for begin, writer in late:
            self._picture.calls[begin.call_id] = deleted.row(begin, writer, nowhere)
            self._batch.forgotten.append({"project": begin.project, "call_id": begin.call_id})
            self._batch.hidden.append({"project": begin.project, "kind": "session", "ref": nowhere.encode()})

    def _parse(self, begin: Begin, writer: str, base: Base | None = None) -> Parsed:
        if begin.context.added:
            return requests.parse(begin, writer, base)
        lookup = self._seen.lookup(begin.project, base.id if base else b"", begin.endpoint)
        parsed = requests.parse(begin, writer, base, lookup)
        self._seen.add(lookup, parsed.parts.preamble, parsed.steps)
        self._lookups[begin.call_id] = lookup
        return parsed

    def _give_meaning(self, project: int, parsed: list[Parsed]) -> None:
        """Gives steps their nodes: from the store, else by reading them. Changes `parsed` in place."""
        stored = self._stored(project, [step for p in parsed for step in p.steps[max(0, p.known - 1) :]])
        for n, p in enumerate(parsed):
            last = p.steps[p.known - 1] if p.known else None
            if last is not None and last.node != self._node(project, last.id, stored):
                self._seen.forget(self._lookups[p.begin.call_id])  # deleted, hashed anew, or never committed
                parsed[n] = requests.parse(p.begin, p.writer, p.base)
                stored |= self._stored(project, parsed[n].steps)
            for step in requests.give_meaning(parsed[n], stored):
                self._message(project, step, FORMATS[p.begin.endpoint])
        self.parsed |= {p.begin.call_id: p for p in parsed}
        # In this order: a call that is not found in its session must not have come there meanwhile.
        self._picture.load_sessions(project, self._threads.homes(project, parsed))
        self._picture.load_sessions(project, self._threads.expect(project, parsed))

    def _node(self, project: int, id: bytes, stored: Mapping[bytes, tuple[bytes, str]]) -> bytes | None:
        """Of a message in the store or in this round; None where it is in neither."""
        if id in stored:
            return stored[id][0]
        row = self._batch.messages.get((project, id))
        return None if row is None else row["node"]

    def _stored(self, project: int, steps: Sequence[Step]) -> dict[bytes, tuple[bytes, str]]:
        """Node and role of those that are in the store."""
        ids = [step.id for step in steps]
        found = present(self._picture.db, schema.messages, "id", project, ids, "node", "role")
        return {row.id: (row.node, row.role) for row in found}

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

    # -- one by one

    def _base(self, before: Mapping[str, Any] | None) -> Base | None:
        """The last that was said in the call `before`: its answer, or where that was lost its question."""
        end = (before["output"] or before["leaf"]) if before is not None else None
        if before is None or end is None:
            return None
        row = self._batch.messages.get((before["project"], end))
        if row is not None:
            return Base(end, row["node"], row["depth"])
        found = present(self._picture.db, schema.messages, "id", before["project"], [end], "node", "depth")
        return Base(end, found[0].node, found[0].depth) if found else None

    def _begin(self, parsed: Parsed) -> None:
        begin = parsed.begin
        before = self._picture.calls.get(begin.context.parent)
        placed = self._threads.place(parsed, Ref.of(before) if before is not None else None)
        session = self._session(parsed, placed)
        titled = session["title"] or placed.side or placed.agent(begin)[0]
        turn = link.turn(placed, parsed, session["turns"])
        summary = begin.call_id in self._threads.summaries
        call = self._picture.calls[begin.call_id] = rows.begun(parsed, placed, turn, summary=summary)
        self._fold(session, call, parsed, placed, "" if titled else _title(parsed))
        if placed.gone_on is not None and not placed.gone_on.continued:
            self._gone_on(begin.project, placed.gone_on.id)
        self._batch.count(begin, placed)
        if placed.source == "content" and (placed.parent is None or begin.endpoint == "responses"):
            # The client was told a session of its own, or is told it by what goes on from here.
            self._batch.merged.append({"project": begin.project, "id": begin.session_id, "session": placed.session})
        self._threads.known.add(begin.project, Ref.of(call), leaf_node=call["leaf_node"])
        self._batch.add_request(call, parsed)
        added = [requests.message(step, begin.endpoint) for step in parsed.deeper(placed.base_depth)]
        self._batch.add_words(call, added, answer=False)

    def _session(self, parsed: Parsed, placed: Placed) -> Row:
        project = parsed.begin.project
        self._picture.changed.add((project, placed.session))
        found = self._picture.session(project, placed.session)
        if found is None:
            found = rollup.new_session(parsed.begin, "") | {"id": placed.session}
            if (
                placed.source not in ("none", "content")
                and (ref := self._threads.continues(parsed, placed)) is not None
            ):
                found["continues"] = ref.id
            self._picture.sessions[project, placed.session] = found
        return found

    def _fold(self, session: Row, call: Row, parsed: Parsed, placed: Placed, title: str) -> None:
        """Adds the call to its session's row."""
        begin, agent = parsed.begin, call["agent"]
        name = self._key_names.get(begin.key_id, begin.key_id)
        new_agent = agent if agent and self._picture.is_new_agent(begin.project, placed.session, agent) else ""
        branches = self._branches(session, begin, placed)
        for kind, value in rollup.begun(
            session, begin, placed, name, call["turn"], title, new_agent, branches=branches
        ):
            facet = {"project": begin.project, "kind": kind, "value": value[:LONGEST]}
            self._batch.facets.append(facet | {"session": placed.session})

    def _branches(self, session: Row, begin: Begin, placed: Placed) -> bool:
        """Whether it begins a branch beside the first that people talk on; what only agents said is none of these."""
        if not placed.begins or begin.agent or not session["turns"]:
            return placed.branches
        return (
            not session["agents"] or self._threads.known.newest(begin.project, placed.session, "", begin.at) is not None
        )

    def _gone_on(self, project: int, call_id: str) -> None:
        call = self._picture.calls.get(call_id)
        if call is not None:
            call["continued"] = True  # also for those that go on from it in this round
        if call is None or not call.get("new"):
            self._batch.continued.add((project, call_id))


def _title(parsed: Parsed) -> str:
    for step in parsed.steps:
        if step.role == "user" and (found := text.title(requests.message(step, parsed.begin.endpoint))):
            return found
    return ""
