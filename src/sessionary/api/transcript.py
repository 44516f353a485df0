"""A session as a person reads it: what each call added, in order."""

import sqlalchemy as sa

from sessionary.api import types
from sessionary.store import reads, tree
from sessionary.store.tree import Stored
from sessionary.wire import chat
from sessionary.wire.message import Message
from sessionary.wire.reading import read_answer, read_message


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
        output = outputs.get(call.id)
        calls.append(
            types.Added(
                call=types.call(call, projects, keys),
                resent=call.base_depth,
                retry=call.leaf_node is not None and call.leaf_node in asked,
                system=[_system(bodies[h]) for h in preamble] if preamble != before else [],
                messages=[
                    _shown(s, read_message(s.raw, call.endpoint)[0], first_sent.setdefault(s.id, call.created_at))
                    for s in messages.get(call.id, [])
                ],
                output=_answer(output, call) if output is not None else None,
            )
        )
        before = preamble
        if call.leaf_node is not None:
            asked.add(call.leaf_node)
    return types.Transcript(types.session(row, projects), calls)


def _answer(stored: Stored, call: types.Row) -> types.Shown:
    return _shown(stored, read_answer(stored.raw, call.endpoint)[0], call.finished_at)


def _system(raw: bytes) -> Message:
    return chat.read(raw)[0]


def _shown(stored: Stored, message: Message, at: int) -> types.Shown:
    return types.Shown(stored.id.hex(), types.iso(at), message.role, message.pieces, message.name)
