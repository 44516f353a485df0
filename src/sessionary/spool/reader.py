"""Reading the spool for the drain. Keeps no state of its own: where to go on is the store's cursor."""

import contextlib
import errno
from collections.abc import Iterator
from pathlib import Path

import msgspec

from sessionary.spool import frame
from sessionary.spool.files import Disk, Files
from sessionary.spool.frame import Damage, Frame, Framing

UNSEEN = "."
"""A folder whose name begins so is being made, or done with: nobody reads it."""
_FORGOTTEN = 60.0
"""Seconds after which a folder that is being made, and that nobody holds, is not being made any more."""
_BLOCK = 4096
"""Of a disk: it is readable as a whole, or not."""
_MAGIC = len(frame.MAGIC)
_PIECE = 2 << 20
"""Bytes that are read at once, unless a record is longer."""


def segment_name(number: int) -> str:
    return f"{number:08d}.seg"


class Cursor(msgspec.Struct, frozen=True, order=True):
    """The next byte to read of one writer. Segment 0 means nothing read yet."""

    segment: int = 0
    offset: int = 0


class Chunk(msgspec.Struct, frozen=True):
    """What was read of one writer in one go; `cursor` is where to go on once it is stored."""

    writer: str
    items: list[tuple[int, Frame | Damage]]
    """(segment number, frame or damage)"""
    cursor: Cursor
    more: bool
    """Whether there may be more behind the cursor already."""


class Head(msgspec.Struct, frozen=True):
    """A record as it is met on the way, unproven; `end` is the offset after it."""

    segment: int
    offset: int
    end: int
    first: bytes | None
    """Of the payload; None: what is here is no record."""


class Reader:
    """All writers' segments under `root`. What was there a moment ago may be gone; else OSError is raised."""

    def __init__(self, root: Path, files: Files | None = None) -> None:
        self._root = root
        self._files = files or Disk()

    def writers(self) -> list[str]:
        """Oldest first: writer names sort by the time they were made."""
        return sorted(n for n in self._names(self._root) if not n.startswith(UNSEEN) and self._is_writer(n))

    def alive(self, writer: str) -> bool:
        """Whether the writer's process still holds its lock."""
        try:
            fd = self._files.open(self._root / writer / "lock")
        except FileNotFoundError:
            return False
        try:
            return not self._files.lock(fd, shared=True)
        finally:
            self._files.close(fd)

    def read(
        self, writer: str, cursor: Cursor, *, alive: bool, limit: int = 16 << 20, enough: int | None = None
    ) -> Chunk:
        """The next records of `writer`: about `limit` bytes of them, or one record if that is longer; and not many more
        than are `enough`."""
        items: list[tuple[int, Frame | Damage]] = []
        left, full = limit, False
        numbers = self.segments(writer)
        for number in numbers:
            if number < cursor.segment:
                continue
            if number > cursor.segment:
                cursor = Cursor(number, 0)
            growing, whole = alive and number == numbers[-1], False
            while not whole and not full:
                found, whole = self._scan(writer, cursor, final=not growing, limit=max(min(left, _PIECE), 1))
                items += [(number, item) for item in found]
                left -= sum(item.end - item.offset for item in found)
                if found:
                    cursor = Cursor(number, found[-1].end)
                full = left <= 0 or (enough is not None and len(items) >= enough)
            if not whole or (full and number != numbers[-1]):
                return Chunk(writer, items, cursor, more=True)
        return Chunk(writer, items, cursor, more=False)

    def at(self, writer: str, number: int, offset: int) -> Frame | None:
        """The record that `read` found there; None where it is gone."""
        with self._opened(writer, number) as fd:
            if fd is None:
                return None
            framing = self._framing(fd, writer, number)
            head = self._files.read(fd, framing.head, offset)
            data = head + self._files.read(fd, framing.length(head), offset + framing.head)
        found = next(framing.scan(data, final=False, start=offset), None)
        return found if isinstance(found, Frame) else None

    def discard(self, writer: str, before: int) -> None:
        """Deletes the segments with numbers under `before`; they must be stored."""
        for number in self.segments(writer):
            if number < before:
                with contextlib.suppress(FileNotFoundError):
                    self._files.remove(self._path(writer, number))

    def retire(self, writer: str) -> None:
        """A dead writer's folder of which all is stored: from here on nobody reads it, and its cursor may go."""
        with contextlib.suppress(FileNotFoundError):
            self._files.rename(self._root / writer, self._root / f"{UNSEEN}{writer}")

    def remove(self, writer: str) -> None:
        """Deletes a folder that was retired, or was never finished."""
        folder = self._root / f"{UNSEEN}{writer}"
        for name in sorted(self._names(folder), key=lambda name: name == "lock"):
            with contextlib.suppress(FileNotFoundError):
                self._files.remove(folder / name)
        with contextlib.suppress(FileNotFoundError):
            self._files.remove_folder(folder)

    def leftovers(self, now: float) -> list[str]:
        """Writers' names whose folders a kill has left while they were being made, or removed. `now`: seconds."""
        return [n[1:] for n in self._names(self._root) if n.startswith(UNSEEN) and self._is_left(n, now)]

    def pending_bytes(self, writer: str, cursor: Cursor) -> int:
        total = 0
        for number in self.segments(writer):
            if number >= cursor.segment:
                read = cursor.offset if number == cursor.segment else 0
                total += max(0, self._size(writer, number) - max(read, _MAGIC))
        return total

    def size(self, writer: str) -> int:
        """Bytes of its segments, stored or not."""
        return sum(self._size(writer, number) for number in self.segments(writer))

    def heads(self, writer: str, cursor: Cursor, size: int) -> Iterator[Head]:
        """Of each record behind the cursor the first `size` bytes, by hopping from one to the next. Where one is
        damaged its segment ends. What is being written is left out."""
        for number in self.segments(writer):
            if number < cursor.segment:
                continue
            at = max(cursor.offset if number == cursor.segment else 0, _MAGIC)
            with self._opened(writer, number) as fd:
                if fd is None:
                    continue
                framing, end = self._framing(fd, writer, number), self._size(writer, number)
                while at + framing.head <= end:
                    head = self._read(fd, framing.head + size, at)
                    if not head.startswith(framing.mark):
                        yield Head(number, at, at, None)
                        break
                    following = at + framing.head + framing.length(head)
                    if following > end:
                        break
                    yield Head(number, at, following, head[framing.head : following - at])
                    at = following

    def segments(self, writer: str) -> list[int]:
        names = self._names(self._root / writer)
        return sorted(int(n[:-4]) for n in names if n.endswith(".seg") and n[:-4].isdigit())

    def _names(self, folder: Path) -> list[str]:
        try:
            return self._files.names(folder)
        except FileNotFoundError:
            return []

    def _is_writer(self, name: str) -> bool:
        """Any folder is: one whose lock was lost has a dead writer."""
        return (self._root / name).is_dir()

    def _is_left(self, name: str, now: float) -> bool:
        try:
            old = self._files.changed(self._root / name) < now - _FORGOTTEN
        except FileNotFoundError:
            return False
        return old and not self.alive(name)

    def _path(self, writer: str, number: int) -> Path:
        return self._root / writer / segment_name(number)

    def _size(self, writer: str, number: int) -> int:
        try:
            return self._files.size(self._path(writer, number))
        except FileNotFoundError:
            return 0

    @contextlib.contextmanager
    def _opened(self, writer: str, number: int) -> Iterator[int | None]:
        try:
            fd = self._files.open(self._path(writer, number))
        except FileNotFoundError:
            yield None
            return
        try:
            yield fd
        finally:
            self._files.close(fd)

    def _framing(self, fd: int, writer: str, number: int) -> Framing:
        return frame.of_segment(self._read(fd, _MAGIC, 0), writer, number)

    def _scan(self, writer: str, cursor: Cursor, *, final: bool, limit: int) -> tuple[list[Frame | Damage], bool]:
        """Items with offsets within the file, and whether its end was reached. Reads more than `limit` only where one
        record needs it."""
        with self._opened(writer, cursor.segment) as fd:
            if fd is None:
                return [], True
            size, start = self._size(writer, cursor.segment), cursor.offset
            magic = self._read(fd, min(_MAGIC, size), 0)
            if not start and len(magic) == size and not final:
                return [], True
            if not start and (frame.begins(magic) or not magic):
                start = len(magic)
            framing = frame.of_segment(magic, writer, cursor.segment)
            while True:
                data = self._read(fd, max(0, min(limit, size - start)), start)
                whole = start + len(data) >= size
                found = list(framing.scan(data, final=final and whole, start=start))
                if found or whole:
                    return found, whole
                limit *= 4

    def _read(self, fd: int, size: int, offset: int) -> bytes:
        """What the disk cannot give back reads as zeros: that damages the records it lies in, and no others."""
        try:
            return self._files.read(fd, size, offset)
        except OSError as error:
            if error.errno != errno.EIO:
                raise
        parts, end = [], offset + size
        while offset < end:
            following = min(end, (offset // _BLOCK + 1) * _BLOCK)
            try:
                parts.append(self._files.read(fd, following - offset, offset))
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                parts.append(bytes(following - offset))
            offset = following
        return b"".join(parts)
