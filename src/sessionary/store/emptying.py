"""What was said in a session goes, and what was spent stays: its calls with their times, models, tokens, costs and
kinds of errors.

`begin` says so at once, in the session's row. Then `step` takes the contents of some of its calls, and goes on until
all are gone that were there when it began; how far it is stands in `unneeded`:

    kind      ref
    contents  session, the time until which calls are emptied, time and id of the last that was; blanks between

Of a call go: request, answer, events and headers (its row of `exchanges`, so that a call without one is an emptied
call), the messages and bodies that no other call needs, its words in the search index, and what providers said of its
errors. Nodes stay: they say which calls asked the same, and that what comes later goes on from here.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa

from sessionary.store import attempts, conversations, edits, rollups, scan, schema
from sessionary.store.freeing import COLUMNS, contents
from sessionary.store.scan import Bounds
from sessionary.store.writes import update_calls

_SLICE = 500


class _Place(NamedTuple):
    """How far a session is."""

    session: str
    until: int
    at: int = 0
    last: str = "-"

    @classmethod
    def of(cls, ref: bytes) -> "_Place":
        session, until, at, last = ref.decode().split()
        return cls(session, int(until), int(at), last)

    @property
    def ref(self) -> bytes:
        return " ".join(map(str, self)).encode()


def begin(connection: sa.Connection, project: int, sessions: Sequence[Any], now: int) -> None:
    """`sessions` have `id` and `last_at`; no call of theirs is in flight. Titles are something that was said."""
    c, s = schema.calls.c, schema.sessions.c
    names = [session.id for session in sessions]
    gone = {"emptied_at": now, "updated_at": now, "contents": False, "title": "", "title_set": False}
    connection.execute(sa.update(schema.sessions).where(s.project == project, s.id.in_(names)).values(gone))
    edits.forget(connection, project, names)
    mine = sa.select(c.id).where(c.project == project, c.session.in_(names))
    conversations.restart(connection, project, mine)
    scan.note(connection, project, "contents", [_Place(one.id, one.last_at).ref for one in sessions])


def step(connection: sa.Connection, project: int, bounds: Bounds) -> int:
    """Takes the contents of some calls of the sessions that are listed as `contents`; returns of how many."""
    refs = scan.refs(connection, project, "contents", bounds.sessions)
    places = {place.session: place for place in map(_Place.of, sorted(refs))}
    found = _following(connection, project, list(places.values()), bounds.calls)
    calls = [call for call in found if call.created_at <= places[call.session].until]
    done = contents(connection, project, calls, bounds)
    _unsay(connection, project, done)
    over, cut = list(dict.fromkeys(call.session for call in found)), ""
    if len(done) < len(calls):
        cut = calls[len(done)].session
        over = over[: over.index(cut)]
    elif len(found) < bounds.calls:
        over = list(places)
    elif calls and calls[-1] is found[-1]:
        cut = over.pop()
    reached = [places[call.session]._replace(at=call.created_at, last=call.id) for call in done if call.session == cut]
    left = [*over, cut] if reached else over
    scan.drop(connection, project, "contents", [places[session].ref for session in left])
    scan.note(connection, project, "contents", [place.ref for place in reached[-1:]])
    _settle(connection, project, over)
    return len(done)


def _following(connection: sa.Connection, project: int, places: Sequence[_Place], most: int) -> Sequence[Any]:
    """The next calls of the sessions, one session after another, each in the order of time. Of those that are not begun
    yet there may be calls among them that are too young."""
    c = schema.calls.c
    calls = sa.select(*COLUMNS, c.attempts).where(c.project == project).order_by(c.session, c.created_at, c.id)
    found: list[Any] = []
    for place in places:
        if place.at and len(found) < most:
            after = sa.tuple_(c.created_at, c.id) > sa.tuple_(sa.literal(place.at), sa.literal(place.last))
            mine = calls.where(c.session == place.session, c.created_at <= place.until, after)
            found += connection.execute(mine.limit(most - len(found))).all()
    new = {place.session: place.until for place in places if not place.at}
    if new and len(found) < most:
        mine = calls.where(c.session.in_(new), c.created_at <= max(new.values()))
        found += connection.execute(mine.limit(most - len(found))).all()
    return found


def _unsay(connection: sa.Connection, project: int, calls: Sequence[Any]) -> None:
    """What stands in the calls' rows of what was said."""
    c = schema.calls.c
    gone = dict.fromkeys(("leaf", "output", "answer_key", "summary_key", "prompt_key", "error_message"))
    mine = (c.project == project, c.id.in_([call.id for call in calls]))
    connection.execute(sa.update(schema.calls).where(*mine).values(gone))
    told = [call for call in calls if any(map(attempts.tells, call.attempts or []))]
    rows = [{"project": project, "id": call.id, "attempts": [*map(attempts.untold, call.attempts)]} for call in told]
    update_calls(connection, rows)


def _settle(connection: sa.Connection, project: int, sessions: Sequence[str]) -> None:
    """Lets go of the bodies beside the tree that no call of these sessions needs any more."""
    b, c, e = schema.session_bodies.c, schema.calls.c, schema.exchanges.c
    noted = sa.select(b.session, b.hash).where(b.project == project, b.session.in_(sessions))
    listed = [tuple(row) for row in connection.execute(noted)]
    said = sa.exists(sa.select(e.call_id).where(e.project == c.project, e.call_id == c.id))
    mine = sa.select(c.session).where(c.project == project, c.session.in_({session for session, _ in listed}), said)
    needed = {session: rollups.needed(connection, project, session) for session in set(connection.scalars(mine))}
    gone = [(session, hashed) for session, hashed in listed if hashed not in needed.get(session, ())]
    those = sa.tuple_(b.session, b.hash)
    for start in range(0, len(gone), _SLICE):
        some = (b.project == project, those.in_(gone[start : start + _SLICE]))
        connection.execute(sa.delete(schema.session_bodies).where(*some))
    scan.note(connection, project, "body", {hashed for _, hashed in gone})
