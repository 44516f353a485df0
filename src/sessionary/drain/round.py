"""One round of the drain: from records to rows, within one transaction. Idempotent by call id."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa

from sessionary.drain import rows
from sessionary.drain.batch import Batch
from sessionary.drain.begins import Begins
from sessionary.drain.ends import Ends
from sessionary.drain.intake import Intake, Item, Unreadable, unreadable
from sessionary.drain.picture import Picture
from sessionary.drain.seen import Seen
from sessionary.drain.threads import WINDOW_US, Threads
from sessionary.drain.tracing import Ended
from sessionary.limits.counters import End
from sessionary.record.exchange import Begin, Finish, Part
from sessionary.store import writes


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
        self._now = now
        self._batch = Batch()
        self._picture = Picture(connection)
        self._threads = Threads(connection, self._picture.states, window)
        self._begins = Begins(self._picture, self._batch, self._threads, key_names, seen or Seen())
        self._ends = Ends(self._picture, self._batch, self._threads, self._begins.parsed)

    def run(self, intake: Intake) -> None:
        """Raises what a record does to it, or the database, or Overtaken: then nothing of the round is stored."""
        self.read(intake)
        self.write()

    def read(self, intake: Intake) -> None:
        """The first half of `run`, after which `lacking` is known."""
        self._begins.take_apart([(i.record, i.writer) for i in intake.items if isinstance(i.record, Begin)])
        later = {i.record.call_id for i in intake.items if not isinstance(i.record, Begin)} - {""}
        self._picture.load_calls((later | self._begins.parents) - self._begins.calls)
        for item in intake.items:
            self._record(item)
        self._ends.keep_parts()

    def write(self) -> None:
        self._batch.sessions = [self._picture.sessions[key] for key in sorted(self._picture.changed)]
        self._batch.calls = [call for call in self._picture.calls.values() if call.pop("new", False)]
        self._batch.spawns = self._threads.spawns.rows
        self._batch.taken = self._threads.spawns.taken
        self._batch.write(self._picture.db, self._picture.states, self._now)

    def _record(self, item: Item) -> None:
        match item.record:
            case Begin() as begin:
                self._begins.begin(begin.call_id)
            case Unreadable() as lost:
                self._set_aside(lost)
            case (Part() | Finish()) as more if more.call_id in self._picture.aside:
                self._set_aside(unreadable(item, "its call is set aside"))
            case Part() as part:
                self._ends.part(part)
            case Finish() as finish:
                self._ends.finish(finish)

    def _set_aside(self, lost: Unreadable) -> None:
        row = {"id": lost.place, "at": self._now, "reason": lost.reason, "payload": lost.payload}
        self._batch.set_aside.append(row | {"call_id": lost.call_id or None})
        if lost.kind == "begin":
            self._picture.aside.add(lost.call_id)
        elif lost.kind == "finish" and lost.call_id not in self._picture.aside:
            if lost.with_parts and lost.call_id in self._picture.with_parts:
                self._set_parts_aside(lost.call_id, row | {"id": f"{lost.place}/parts"})
            self._ends.finish(rows.interrupted(lost.call_id, self._now, "How the call ended could not be stored."))

    def _set_parts_aside(self, call_id: str, row: Mapping[str, object]) -> None:
        db, project = self._picture.db, self._picture.calls[call_id]["project"]
        self._batch.set_aside.append({**row, "payload": writes.partial_bytes(db, project, call_id), "call_id": call_id})
        writes.delete_partials(db, [(project, call_id)])
        self._picture.with_parts.discard(call_id)

    def has(self, call_id: str) -> bool:
        """Whether a call that began is in the store once the round is committed."""
        return call_id in self._picture.there or call_id in self._picture.calls

    def committed(self) -> None:
        """What the round has read is let go of."""
        self._begins.committed()

    @property
    def stored(self) -> int:
        """Calls that have ended."""
        return self._ends.stored

    @property
    def ends(self) -> list[End]:
        """Of calls, for the limits of their keys."""
        return self._ends.ends

    @property
    def ended(self) -> list[Ended]:
        """Calls that have, of sessions that are not deleted."""
        return self._ends.ended

    @property
    def set_aside(self) -> int:
        return len(self._batch.set_aside)

    @property
    def lacking(self) -> Sequence[int]:
        """When calls began whose histories end with an answer that is not known."""
        return self._threads.lacking

    @property
    def rates(self) -> Mapping[tuple[int, int, str, str], list[int]]:
        """As `Batch.rates`."""
        return self._batch.rates
