"""The records of a call that the drain has not stored yet, whichever worker of this host wrote them.

What was appended since the last question is read once and its call ids are remembered, so that a question costs
what is new, not what is there. Blocks; made for threads.
"""

import threading
from collections.abc import Iterator

import msgspec

from sessionary.record import exchange
from sessionary.record.exchange import Begin, Record
from sessionary.spool.frame import Frame
from sessionary.spool.reader import Cursor, Reader

Segment = tuple[str, int]
"""Writer, and the number of a segment of it."""


class Spooled:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self._cursors: dict[str, Cursor] = {}
        self._places: dict[Segment, dict[str, list[int]]] = {}
        """Segment -> call id -> offsets of its records."""
        self._conversations: dict[Segment, dict[tuple[int, str], list[str]]] = {}
        """Segment -> project and conversation -> its calls that begin there."""

    def of(self, call_id: str) -> list[Record]:
        """In the order they were written; empty for a call that is stored, or was never made."""
        with self._lock:
            self._look_again()
            places = [(s, offset) for s, calls in self._places.items() for offset in calls.get(call_id, ())]
        return [record for place in places if (record := self._read(*place)) is not None]

    def alive(self, call_id: str) -> bool:
        """Whether the process that makes the call still runs."""
        with self._lock:
            writer = next((segment[0] for segment, calls in self._places.items() if call_id in calls), None)
        return writer is not None and self._reader.alive(writer)

    def of_conversation(self, project: int, conversation: str) -> list[str]:
        """The ids of its calls."""
        with self._lock:
            self._look_again()
            return [c for calls in self._conversations.values() for c in calls.get((project, conversation), ())]

    def _look_again(self) -> None:
        writers = self._reader.writers()
        self._cursors = {w: self._cursors.get(w, Cursor()) for w in writers}
        there = {(w, number) for w in writers for number in self._reader.segments(w)}
        self._places = {s: calls for s, calls in self._places.items() if s in there}
        self._conversations = {s: calls for s, calls in self._conversations.items() if s in there}
        for writer in writers:
            for number, frame in self._new(writer):
                try:
                    self._note((writer, number), frame.offset, exchange.decode(frame.payload))
                except msgspec.DecodeError:
                    continue  # the drain sets it aside

    def _note(self, segment: Segment, offset: int, record: Record) -> None:
        self._places.setdefault(segment, {}).setdefault(record.call_id, []).append(offset)
        if isinstance(record, Begin) and (conversation := record.context.conversation):
            calls = self._conversations.setdefault(segment, {})
            calls.setdefault((record.project, conversation), []).append(record.call_id)

    def _new(self, writer: str) -> Iterator[tuple[int, Frame]]:
        while True:
            chunk = self._reader.read(writer, self._cursors[writer], alive=True)
            yield from ((number, item) for number, item in chunk.items if isinstance(item, Frame))
            if chunk.cursor == self._cursors[writer]:
                return
            self._cursors[writer] = chunk.cursor

    def _read(self, segment: Segment, offset: int) -> Record | None:
        """Nothing where the drain was faster and has removed the segment."""
        writer, number = segment
        chunk = self._reader.read(writer, Cursor(number, offset), alive=True, limit=1 << 14)
        match chunk.items:
            case [(at, Frame() as frame), *_] if at == number and frame.offset == offset:
                return exchange.decode(frame.payload)
        return None
