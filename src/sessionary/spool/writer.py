"""Appending to the spool. Owned by one worker process; not shared between threads, except for `sync`."""

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path

from sessionary.ids import uuid7
from sessionary.spool import frame
from sessionary.spool.files import Disk, Files
from sessionary.spool.reader import UNSEEN, segment_name

MAX_SEGMENT = 64 << 20
_ROOM = 1 << 20


class Writer:
    """One worker's part of the spool.

    `append` costs one write(2) into the page cache. A thread of its own makes what was written durable
    each `fsync_interval` seconds; where that is 0, `append` does so itself.
    """

    def __init__(
        self,
        root: Path,
        *,
        fsync_interval: float = 0.5,
        max_segment: int = MAX_SEGMENT,
        files: Files | None = None,
        ring: Callable[[], None] = lambda: None,
        at_once: bool = True,
    ) -> None:
        """`ring` tells who reads that there is something new. `at_once`: whether it is there before its first record;
        one that hardly ever writes is not, for what several write is not stored at once. Raises OSError."""
        self.name = uuid7().hex()
        self.appended = 0
        self.sync_failures = 0
        """What could not be made durable: a power failure may cost what came before."""
        self._files = files or Disk()
        self._ring = ring
        self._root = root
        self._folder = root / f"{UNSEEN}{self.name}"
        self._lock = -1
        self._max_segment = max_segment
        self._number = 0
        self._size = 0
        self._fd = -1
        self._framing = frame.framing(self.name, 0)
        self._dirty = False
        self._sealed = True
        """Nothing is appended to this segment any more."""
        self._past: list[int] = []
        """Segments that were let go of and may not be durable yet; closed by whoever syncs."""
        self._listed = 0
        """The newest segment whose name is durable, as far as that can be had."""
        self._always = fsync_interval <= 0
        self._stop = threading.Event()
        self._syncer = threading.Thread(target=self._keep_syncing, args=(fsync_interval,), name="spool", daemon=True)
        if at_once:
            self._open()

    def _open(self) -> None:
        """Raises OSError; then nothing of it is there, and it may be tried again."""
        try:
            self._files.make_folder(self._folder)
            self._lock = self._files.create(self._folder / "lock")
            self._files.lock(self._lock)
            self._begin_segment()
            # Only now can it be seen, whole and locked: a folder whose lock is free is a dead writer's, and is removed.
            self._files.rename(self._folder, self._root / self.name)
        except OSError:
            self._undo()
            raise
        self._folder = self._root / self.name
        self._ring()
        if not self._always:
            self._syncer.start()

    def _undo(self) -> None:
        for fd in (self._fd, self._lock):
            with contextlib.suppress(OSError):
                self._files.close(fd)
        self._fd = self._lock = -1
        self._number = self._size = 0
        self._sealed = True
        for path in (self._folder / segment_name(1), self._folder / "lock"):
            with contextlib.suppress(OSError):
                self._files.remove(path)
        with contextlib.suppress(OSError):
            self._files.remove_folder(self._folder)

    def append(self, payload: bytes) -> None:
        """Raises OSError where the file system will not take the record; nothing of it remains then."""
        if self._sealed or self._size >= self._max_segment:
            self.rotate()
        data = self._framing.encode(payload)
        written = 0
        try:
            while written < len(data):
                written += self._files.write(self._fd, data[written:] if written else data)
        except OSError:
            # What the kernel keeps of a file that failed nobody knows: the next record goes into another.
            self._sealed = True
            if written:
                with contextlib.suppress(OSError):
                    self._files.truncate(self._fd, self._size)
            raise
        self._size += len(data)
        self.appended += 1
        self._dirty = True
        self._ring()
        if self._always:
            self.sync()

    def rotate(self) -> None:
        """Begins a new segment, so that the drain can remove this one. Raises OSError."""
        if self._lock == -1:
            self._open()
        else:
            self._begin_segment()

    def _begin_segment(self) -> None:
        """The new file is there before the old one is let go of. One that never got a record does not stay."""
        path = self._folder / segment_name(self._number + 1)
        fd = self._files.create(path)
        try:
            magic = frame.MAGIC
            while magic:
                magic = magic[self._files.write(fd, magic) :]
        except OSError:
            with contextlib.suppress(OSError):
                self._files.close(fd)
            with contextlib.suppress(OSError):
                self._files.remove(path)
            raise
        old, self._fd = self._fd, fd
        empty, self._size = self._size <= len(frame.MAGIC), len(frame.MAGIC)
        self._number += 1
        self._framing = frame.framing(self.name, self._number)
        self._sealed = False
        if old != -1:
            if empty:
                with contextlib.suppress(OSError):
                    self._files.remove(self._folder / segment_name(self._number - 1))
            self._past.append(old)
            self._dirty = True
            self._ring()

    def recovers(self) -> bool:
        """Whether records may be taken again, after one was not: there is room, and a new segment can be begun."""
        try:
            if self._files.free(self._root) < _ROOM:
                return False
            self.rotate()
        except OSError:
            return False
        return True

    @property
    def empty(self) -> bool:
        """Whether nothing was appended to the segment that is being written."""
        return self._size <= len(frame.MAGIC)

    def sync(self) -> None:
        """Makes what was appended durable. What fails is not tried again: the kernel may have dropped the pages that it
        could not write, and would say that all is well. The segment is sealed."""
        if not self._dirty:
            return
        self._dirty = False
        while self._past:
            self._try_sync(self._past[-1])
            with contextlib.suppress(OSError):
                self._files.close(self._past.pop())
        if not self._try_sync(self._fd):  # it stays open: only here files are closed
            self._sealed = True
        if self._listed < (number := self._number):
            for folder in (self._folder,) if self._listed else (self._folder, self._root):
                self._sync_folder(folder)
            self._listed = number

    def close(self) -> None:
        self._stop.set()
        if self._syncer.is_alive():
            self._syncer.join()
        self.sync()
        for fd in (*self._past, self._fd, self._lock):
            with contextlib.suppress(OSError):
                self._files.close(fd)

    def _try_sync(self, fd: int) -> bool:
        try:
            self._files.sync(fd)
        except OSError:
            self.sync_failures += 1
            return False
        return True

    def _sync_folder(self, folder: Path) -> None:
        try:
            fd = self._files.open(folder)
        except OSError:
            self.sync_failures += 1
            return
        self._try_sync(fd)
        with contextlib.suppress(OSError):
            self._files.close(fd)

    def _keep_syncing(self, interval: float) -> None:
        while not self._stop.wait(interval):
            self.sync()
