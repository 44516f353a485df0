"""How much may wait in the spool, over all its writers. For calls that begin: those that have begun are recorded to
their end.

What is there is looked up once a second, and what this process appends meanwhile is added. So other processes' bytes
of the last second are not known yet: that much more may come to be there.
"""

import contextlib

from sessionary.spool.reader import Reader
from sessionary.spool.writer import MAX_SEGMENT

_PIECES = 16
_SMALLEST = 64 << 10


class Quota:
    def __init__(self, reader: Reader, most: int | None) -> None:
        """`most`: bytes; None: as many as the disk takes."""
        self._reader = reader
        self._most = most
        self._there = 0
        self._added = 0

    def look(self) -> None:
        """How much is there. Blocking; for a thread. What cannot be read is as it was."""
        if self._most is None:
            return
        added = self._added
        with contextlib.suppress(OSError):
            self._there = sum(self._reader.size(writer) for writer in self._reader.writers())
            self._added -= added

    def add(self, size: int) -> None:
        self._added += size

    def has_room(self, size: int = 0) -> bool:
        return self._most is None or self._there + self._added + size <= self._most

    @property
    def is_low(self) -> bool:
        """Whether stored bytes are to go soon: a segment can be removed when it is not written to any more."""
        return self._most is not None and self._there + self._added > self._most // 2


def max_segment(most: int | None) -> int:
    """Bytes of a segment where `most` may wait: what is removed is small beside that."""
    return MAX_SEGMENT if most is None else min(MAX_SEGMENT, max(most // _PIECES, _SMALLEST))
