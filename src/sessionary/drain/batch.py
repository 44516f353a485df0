"""What a round has found to write: rows by table, written in an order in which each finds what it refers to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from sessionary.drain.answers import Answered
from sessionary.drain.link import Placed
from sessionary.drain.requests import Parsed, encode_recipe
from sessionary.record.exchange import Begin, Part
from sessionary.store import conversations, marks, pack, scan, schema, search, words, writes
from sessionary.store.questions import present
from sessionary.store.states import States
from sessionary.store.traffic import Counts
from sessionary.wire.message import Message
from sessionary.wire.recipe import Recipe

_DAY_US = 86_400_000_000
Row = dict[str, Any]
Key = tuple[int, str]
"""Project, and the id of a session or call."""


@dataclass(slots=True)
class Batch:
    sessions: list[Row] = field(default_factory=list)
    """Whole rows, new or changed."""
    facets: list[Row] = field(default_factory=list)
    messages: dict[tuple[int, bytes], Row] = field(default_factory=dict)
    bodies: dict[int, dict[bytes, bytes]] = field(default_factory=dict)
    """Project -> hash -> bytes, stored already or not."""
    needs: set[tuple[int, bytes, str]] = field(default_factory=set)
    """(project, body hash, session): what sessions need beside the tree."""
    calls: list[Row] = field(default_factory=list)
    """Calls begun in this round, ended or not."""
    finished_calls: list[Row] = field(default_factory=list)
    """Of calls begun in earlier rounds: the columns that their end sets."""
    exchanges: dict[str, Row] = field(default_factory=dict)
    """Of calls begun in this round. These and the next are packed when they are written: one after another it takes
    half the time."""
    finished_exchanges: list[Row] = field(default_factory=list)
    partials: list[Row] = field(default_factory=list)
    ended: list[Key] = field(default_factory=list)
    """Calls whose checkpoints are not needed any more."""
    forgotten: list[Row] = field(default_factory=list)
    """Calls that nothing goes on from."""
    hidden: list[Row] = field(default_factory=list)
    """Of `unneeded`: names of deleted sessions that calls have come to."""
    heads: list[conversations.Head] = field(default_factory=list)
    merged: list[Row] = field(default_factory=list)
    """Ids of sessions that are another's."""
    continued: set[Key] = field(default_factory=set)
    """Calls of earlier rounds that another goes on from for the first time."""
    spawns: list[Row] = field(default_factory=list)
    taken: dict[tuple[int, str, str], str] = field(default_factory=dict)
    """Project, call, tool call -> the first call of the agent that it started."""
    rates: dict[tuple[int, int, str, str], list[int]] = field(default_factory=dict)
    """Project, day, client, rule -> calls, and those of them whose session was ambiguous."""
    traffic: Counts = field(default_factory=Counts)
    """What ended."""
    docs: list[search.Doc] = field(default_factory=list)
    set_aside: list[Row] = field(default_factory=list)

    def add_request(self, call: Row, parsed: Parsed) -> None:
        project, begin = call["project"], parsed.begin
        self._need(call, parsed.recipe, parsed.bodies)
        exchange = {"project": project, "call_id": call["id"], "request": encode_recipe(parsed.recipe)}
        self.exchanges[call["id"]] = exchange | {"request_headers": begin.headers}
        if not begin.resumable:
            self.forgotten.append({"project": project, "call_id": call["id"]})

    def add_answer(self, call: Row, answered: Answered, headers: Mapping[str, str]) -> None:
        project = call["project"]
        for row in answered.messages:
            self.messages[project, row["id"]] = row
        self._need(call, answered.response, answered.bodies)
        said = {
            "response": encode_recipe(answered.response) if answered.response else None,
            "response_headers": headers,
            "raw": answered.raw,
        }
        begun = self.exchanges.get(call["id"])
        if begun is None:
            self.finished_exchanges.append({"project": project, "call_id": call["id"], **said})
        else:
            begun |= said

    def _need(self, call: Row, recipe: Recipe | None, bodies: Mapping[bytes, bytes]) -> None:
        project, session = call["project"], call["session"]
        self.bodies.setdefault(project, {}).update(bodies)
        if recipe is not None and (recipe.lifted or recipe.preamble):
            self.needs.update((project, hashed, session) for hashed in (*recipe.lifted.values(), *recipe.preamble))

    def add_words(self, call: Row, messages: list[Message], *, answer: bool) -> None:
        """What search finds the call by."""
        if said := words.of(messages):
            self.docs.append(search.Doc(call["project"], call["id"], answer, said))

    def add_parts(self, project: int, parts: Iterable[Part]) -> None:
        self.partials += [{"project": project, "call_id": p.call_id, "seq": p.seq, "data": p.data} for p in parts]

    def count(self, begin: Begin, placed: Placed) -> None:
        """How the call found its session."""
        rule = "missed" if placed.missed else placed.rule
        counted = self.rates.setdefault((begin.project, begin.at // _DAY_US, begin.client, rule), [0, 0])
        counted[0] += 1
        counted[1] += placed.ambiguous

    def write(self, connection: sa.Connection, states: States, now: int) -> None:
        """`states`: of the sessions, as they were read. `now`, in microseconds, is when their rows were last written.

        Who writes at the same time takes the tables in the same order, and each table's rows in theirs, so that nobody
        waits in a circle; last come the rows that everybody writes. Raises Overtaken.
        """
        for project, bodies in sorted(self.bodies.items()):
            there = {row[0] for row in present(connection, schema.bodies, "hash", project, bodies)}
            rows = [
                {"project": project, "hash": h, "data": pack.pack(b)}
                for h, b in sorted(bodies.items())
                if h not in there
            ]
            writes.insert(connection, schema.bodies, rows)
            scan.spare(connection, project, bodies)
        messages = [self.messages[key] for key in sorted(self.messages)]
        if writes.insert(connection, schema.messages, messages) < len(messages):
            self._read_nodes(connection)
        self._settle_nodes()
        states.write(connection, self.sessions, now)
        writes.insert(connection, schema.facets, self.facets)
        needs = [{"project": p, "hash": h, "session": s} for p, h, s in sorted(self.needs)]
        writes.insert(connection, schema.session_bodies, needs)
        writes.insert(connection, schema.calls, self.calls)
        writes.update_calls(connection, self.finished_calls)
        exchanges = _packed(self.exchanges.values(), "request", "response", "raw")
        writes.insert(connection, schema.exchanges, [row for row in exchanges if "response" in row])
        writes.insert(connection, schema.exchanges, [row for row in exchanges if "response" not in row])
        writes.finish_exchanges(connection, _packed(self.finished_exchanges, "response", "raw"))
        writes.insert(connection, schema.partials, self.partials)
        writes.delete_partials(connection, self.ended)
        writes.insert(connection, schema.forgotten, self.forgotten)
        writes.insert(connection, schema.unneeded, self.hidden)
        conversations.move_heads(connection, self.heads)
        writes.insert(connection, schema.set_aside, self.set_aside)
        writes.insert(connection, schema.merged, self.merged)
        marks.mark_continued(connection, self.continued)
        writes.insert(connection, schema.spawns, self.spawns)
        marks.take_spawns(connection, self.taken)
        search.add(connection, self.docs)
        marks.add_rates(connection, self.rates)
        self.traffic.write(connection)

    def _read_nodes(self, connection: sa.Connection) -> None:
        """Some of the messages were there already. What was read as an answer may be there as a client's word, and then
        it may mean another thing."""
        by_project: dict[int, list[bytes]] = {}
        for project, id in self.messages:
            by_project.setdefault(project, []).append(id)
        for project, ids in by_project.items():
            for found in present(connection, schema.messages, "id", project, ids, "node"):
                self.messages[project, found.id]["node"] = found.node

    def _settle_nodes(self) -> None:
        """A call that ends at a message has the node that is stored with the message: sweeping looks it up by that."""
        for call in (*self.calls, *self.finished_calls):
            for end, node in (("leaf", "leaf_node"), ("output", "output_node")):
                message = self.messages.get((call["project"], call.get(end, b"")))
                if message is not None:
                    call[node] = message["node"]


def _packed(rows: Iterable[Row], *columns: str) -> list[Row]:
    packed = list(rows)
    for row in packed:
        for name in columns:
            if row.get(name) is not None:
                row[name] = pack.pack(row[name])
    return packed
