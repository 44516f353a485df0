"""How much is in the spool behind the store: records and calls, whichever process wrote them.

What was counted is not read again, and what is new is only hopped over: a look costs what was written since the last
one, and never more than so many records. So a very long backlog is counted in several looks.
"""

import contextlib
import threading
from array import array
from bisect import bisect_left
from dataclasses import dataclass, field

import msgspec

from sessionary.record import exchange
from sessionary.record.exchange import Begin, Part
from sessionary.spool.reader import Cursor, Reader

_MOST = 20_000
"""Records that are hopped over in one look."""
_TAG = b"\xa5begin"
_FIRST = 16
"""Bytes of a record in which its tag is."""


@dataclass(frozen=True, slots=True)
class Depth:
    """What is behind a writer's cursor."""

    records: int
    calls: int
    """That begin there."""
    last: int
    """The number of the last of them, 0 where nobody counted."""
    exact: bool
    """False: there is more than was counted."""


@dataclass(slots=True)
class _Segment:
    records: "array[int]" = field(default_factory=lambda: array("Q"))
    """Where they begin."""
    begins: "array[int]" = field(default_factory=lambda: array("Q"))
    end: int = 0
    """So far it was looked at."""
    damaged: bool = False


class Backlog:
    """For threads; blocks."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._lock = threading.Lock()
        self._writers: dict[str, dict[int, _Segment]] = {}

    def depth(self, writer: str, cursor: Cursor) -> Depth:
        with self._lock:
            there = {n: s for n, s in self._writers.get(writer, {}).items() if n >= cursor.segment}
            self._writers[writer] = there
            try:
                whole = self._look(writer, cursor, there)
            except OSError:  # what cannot be read now is not counted now
                whole = False
            records = calls = last = 0
            for number, segment in sorted(there.items()):
                start = cursor.offset if number == cursor.segment else 0
                records += len(segment.records) - bisect_left(segment.records, start)
                begins = segment.begins[bisect_left(segment.begins, start) :]
                calls += len(begins)
                if begins:
                    last = self._number(writer, number, begins[-1]) or last
            return Depth(records, calls, last, whole and not any(s.damaged for s in there.values()))

    def keep(self, writers: list[str]) -> None:
        """Forgets all others."""
        with self._lock:
            self._writers = {w: there for w, there in self._writers.items() if w in writers}

    def oldest(self, writer: str, cursor: Cursor) -> int | None:
        """When the first record behind the cursor was made: microseconds since 1970. Pieces of streams do not say."""
        with contextlib.suppress(OSError):
            for n, head in enumerate(self._reader.heads(writer, cursor, 0)):
                if n == 100 or head.first is None:
                    break
                found = self._record(writer, head.segment, head.offset)
                if found is not None and not isinstance(found, Part):
                    return found.at
        return None

    def _look(self, writer: str, cursor: Cursor, there: dict[int, _Segment]) -> bool:
        """From where the last look ended; whether this one came to the end."""
        last = max(there, default=0)
        start = max(cursor, Cursor(last, there[last].end)) if there else cursor
        for n, head in enumerate(self._reader.heads(writer, start, _FIRST)):
            if n == _MOST:
                return False
            segment = there.setdefault(head.segment, _Segment())
            if head.first is None:
                segment.damaged = True
                continue
            segment.records.append(head.offset)
            if _TAG in head.first:
                segment.begins.append(head.offset)
            segment.end = head.end
        return True

    def _number(self, writer: str, segment: int, offset: int) -> int:
        found = self._record(writer, segment, offset)
        return found.number if isinstance(found, Begin) else 0

    def _record(self, writer: str, segment: int, offset: int) -> exchange.Record | None:
        try:
            frame = self._reader.at(writer, segment, offset)
            return exchange.decode(frame.payload) if frame is not None else None
        except (msgspec.DecodeError, RecursionError, OSError):
            return None
