"""A session as a person reads it: what each call added, in order."""

import sqlalchemy as sa

from sessionary.api import types
from sessionary.store import reads, tree
from sessionary.store.tree import Stored
from sessionary.wire import chat
from sessionary.wire.message import Message


def read(connection: sa.Connection, row: types.Row, projects: dict[int, str], keys: dict[str, str]) -> types.Transcript:
    """`row` is the session's. A handful of queries, however many calls there are."""
    messages = tree.added(connection, row.project, row.id)
    outputs = tree.answers(connection, row.project, row.id)
    preambles = tree.preambles(connection, row.project, row.id)
    bodies = tree.load_bodies(connection, row.project, {h for hashes in preambles.values() for h in hashes})
    first_sent: dict[bytes, int] = {}
    asked: set[bytes] = set()
    before: list[bytes] = []
    calls: list[types.Added] = []
    for call in reads.session_calls(connection, row.project, row.id):
        preamble = preambles.get(call.id, [])
        calls.append(
            types.Added(
                call=types.call(call, projects, keys),
                resent=call.base_depth,
                retry=call.leaf_node is not None and call.leaf_node in asked,
                system=[_system(bodies[h]) for h in preamble] if preamble != before else [],
                messages=[_shown(s, first_sent.setdefault(s.id, call.created_at)) for s in messages.get(call.id, [])],
                output=_answer(outputs[call.id], call) if call.id in outputs else None,
            )
        )
        before = preamble
        if call.leaf_node is not None:
            asked.add(call.leaf_node)
    return types.Transcript(types.session(row, projects), calls)


def _answer(said: list[Stored], call: types.Row) -> types.Shown:
    """What the model said, as one message: in some formats it comes as several items."""
    pieces = [piece for stored in said for piece in stored.message().pieces]
    return types.Shown(said[-1].id.hex(), types.iso(call.finished_at), "assistant", pieces, "")


def _system(raw: bytes) -> Message:
    return chat.read(raw)[0]


def _shown(stored: Stored, at: int) -> types.Shown:
    message = stored.message()
    return types.Shown(stored.id.hex(), types.iso(at), message.role, message.pieces, message.name)
