"""The records of a call that the drain has not stored yet, whichever worker of this host wrote them.

What was appended since the last question is read once and indexed, so that a question costs what is new, not what
is there. Blocks; made for threads.
"""

import contextlib
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

import msgspec

from sessionary.record import exchange
from sessionary.record.exchange import Begin, Finish, Record
from sessionary.spool.frame import Frame
from sessionary.spool.reader import Cursor, Reader

_AT_ONCE = 1 << 20
"""Bytes that are held while they are indexed."""
Segment = tuple[str, int]
"""Writer, and the number of a segment of it."""


@dataclass(slots=True)
class _Index:
    """Of one segment."""

    records: dict[str, list[int]] = field(default_factory=dict)
    """Call id -> offsets of its records."""
    ended: set[str] = field(default_factory=set)
    """Calls that end here: nothing more will be written of them."""
    conversations: dict[tuple[int, str], list[str]] = field(default_factory=dict)
    """Project and conversation -> its calls that begin here."""

    def add(self, offset: int, record: Record) -> None:
        self.records.setdefault(record.call_id, []).append(offset)
        if isinstance(record, Finish):
            self.ended.add(record.call_id)
        elif isinstance(record, Begin) and (conversation := record.context.conversation):
            self.conversations.setdefault((record.project, conversation), []).append(record.call_id)


class Spooled:
    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self._cursors: dict[str, Cursor] = {}
        self._segments: dict[Segment, _Index] = {}

    def of(self, call_id: str) -> list[Record]:
        """In the order they were written; empty for a call that is stored, or was never made."""
        with self._lock:
            if not any(call_id in index.ended for index in self._segments.values()):
                self._look_again()
            frames = self._frames(call_id)
            if None in frames:  # the drain was faster, and has removed them
                self._look_again()
                frames = self._frames(call_id)
        return [exchange.decode(frame.payload) for frame in frames if frame is not None]

    def _frames(self, call_id: str) -> list[Frame | None]:
        places = [(s, offset) for s, index in self._segments.items() for offset in index.records.get(call_id, ())]
        return [self._reader.at(*segment, offset) for segment, offset in places]

    def alive(self, call_id: str) -> bool:
        """Whether the process that makes the call still runs; also where the call is not here any more."""
        with self._lock:
            writer = next((writer for (writer, _), index in self._segments.items() if call_id in index.records), None)
        return writer is None or self._reader.alive(writer)

    def has(self, writer: str) -> bool:
        """Whether it is one of this host's."""
        return writer in self._reader.writers()

    def of_conversation(self, project: int, conversation: str) -> list[str]:
        """The ids of its calls."""
        with self._lock:
            self._look_again()
            found = [index.conversations.get((project, conversation), []) for index in self._segments.values()]
        return [call_id for calls in found for call_id in calls]

    def _look_again(self) -> None:
        writers = self._reader.writers()
        there = {(writer, number) for writer in writers for number in self._reader.segments(writer)}
        self._cursors = {writer: self._cursors.get(writer, Cursor()) for writer in writers}
        self._segments = {segment: index for segment, index in self._segments.items() if segment in there}
        for writer in writers:
            with contextlib.suppress(OSError):  # one that cannot be read now: those who ask for others' calls go on
                self._index(writer)

    def _index(self, writer: str) -> None:
        for number, frame in self._new(writer):
            index = self._segments.setdefault((writer, number), _Index())
            try:
                index.add(frame.offset, exchange.decode(frame.payload))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                continue  # the drain sets it aside

    def _new(self, writer: str) -> Iterator[tuple[int, Frame]]:
        while True:
            chunk = self._reader.read(writer, self._cursors[writer], alive=True, limit=_AT_ONCE)
            yield from ((number, item) for number, item in chunk.items if isinstance(item, Frame))
            if chunk.cursor == self._cursors[writer]:
                return
            self._cursors[writer] = chunk.cursor
