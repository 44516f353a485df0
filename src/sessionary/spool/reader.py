"""Reading the spool for the drain. Keeps no state of its own: where to go on is the store's cursor."""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sessionary.spool import frame
from sessionary.spool.frame import Damage, Frame


@dataclass(frozen=True, slots=True, order=True)
class Cursor:
    """The next byte to read of one writer. Segment 0 means nothing read yet."""

    segment: int = 0
    offset: int = 0


@dataclass(frozen=True, slots=True)
class Chunk:
    """What was read of one writer in one go; `cursor` is where to go on once it is stored."""

    writer: str
    items: list[tuple[int, Frame | Damage]]
    """(segment number, frame or damage)"""
    cursor: Cursor


class Reader:
    """All writers' segments under `root`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def writers(self) -> list[str]:
        """Oldest first: writer names sort by the time they were made."""
        with contextlib.suppress(FileNotFoundError):
            return sorted(e.name for e in os.scandir(self._root) if e.is_dir())
        return []

    def alive(self, writer: str) -> bool:
        """Whether the writer's process still holds its lock."""
        try:
            fd = os.open(self._root / writer / "lock", os.O_RDWR)
        except FileNotFoundError:
            return False
        try:
            fcntl.flock(fd, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(fd)
        return False

    def read(self, writer: str, cursor: Cursor, *, alive: bool, limit: int = 16 << 20) -> Chunk:
        """The next records of `writer`: about `limit` bytes of them, or one record if that is longer."""
        items: list[tuple[int, Frame | Damage]] = []
        left = limit
        numbers = self.segments(writer)
        for number in numbers:
            if number < cursor.segment:
                continue
            if number > cursor.segment:
                cursor = Cursor(number, 0)
            final = number != numbers[-1] or not alive
            for item in self._scan(writer, cursor, final=final, limit=max(left, 1)):
                items.append((number, item))
                cursor = Cursor(number, item.end)
                left -= item.end - item.offset
            if left <= 0 or (not final and number == numbers[-1]):
                break
            if cursor.offset < self._size(writer, number):
                break  # more to read here before the next segment
        return Chunk(writer, items, cursor)

    def at(self, writer: str, number: int, offset: int) -> Frame | None:
        """The record that `read` found there; None where it is gone."""
        try:
            with self._path(writer, number).open("rb") as file:
                file.seek(offset)
                head = file.read(frame.HEAD)
                data = head + file.read(frame.length(head))
        except FileNotFoundError:
            return None
        found = next(frame.scan(data, final=False), None)
        return Frame(offset, offset + found.end, found.payload) if isinstance(found, Frame) else None

    def drained(self, writer: str, cursor: Cursor) -> bool:
        """Whether everything in the files is before `cursor`."""
        numbers = self.segments(writer)
        if not numbers:
            return True
        last = numbers[-1]
        return cursor.segment == last and cursor.offset >= self._size(writer, last)

    def discard(self, writer: str, before: int) -> None:
        """Deletes the segments with numbers under `before`; they must be stored."""
        for number in self.segments(writer):
            if number < before:
                self._path(writer, number).unlink(missing_ok=True)

    def remove(self, writer: str) -> None:
        """Deletes a dead and drained writer's folder."""
        shutil.rmtree(self._root / writer, ignore_errors=True)

    def pending_bytes(self, writer: str, cursor: Cursor) -> int:
        total = 0
        for number in self.segments(writer):
            if number >= cursor.segment:
                total += self._size(writer, number) - (cursor.offset if number == cursor.segment else 0)
        return total

    def segments(self, writer: str) -> list[int]:
        try:
            names = os.listdir(self._root / writer)
        except FileNotFoundError:
            return []
        return sorted(int(n[:-4]) for n in names if n.endswith(".seg") and n[:-4].isdigit())

    def _path(self, writer: str, number: int) -> Path:
        return self._root / writer / f"{number:08d}.seg"

    def _size(self, writer: str, number: int) -> int:
        try:
            return self._path(writer, number).stat().st_size
        except FileNotFoundError:
            return 0

    def _scan(self, writer: str, cursor: Cursor, *, final: bool, limit: int) -> Iterator[Frame | Damage]:
        """Items with offsets within the file. Reads more than `limit` only where one record needs it."""
        try:
            with self._path(writer, cursor.segment).open("rb") as file:
                start = cursor.offset
                if start == 0:
                    magic = file.read(len(frame.MAGIC))
                    if len(magic) < len(frame.MAGIC) and not final:
                        return
                    start = len(frame.MAGIC) if magic == frame.MAGIC else 0
                while True:
                    file.seek(start)
                    data = file.read(limit)
                    whole = len(data) < limit
                    found = False
                    for item in frame.scan(data, final=final and whole):
                        found = True
                        if isinstance(item, Frame):
                            yield Frame(start + item.offset, start + item.end, item.payload)
                        else:
                            yield Damage(start + item.offset, start + item.end)
                    if found or whole:
                        return
                    limit *= 4
        except FileNotFoundError:
            return
