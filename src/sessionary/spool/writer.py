"""Appending to the spool. Owned by one worker process; not shared between threads, except for the fsync."""

import contextlib
import fcntl
import os
import threading
from pathlib import Path

from sessionary.ids import uuid7
from sessionary.spool import frame


class Writer:
    """One worker's part of the spool.

    `append` costs one write(2) into the page cache. A thread of its own makes what was written durable
    each `fsync_interval` seconds; an fsync that failed is never repeated on the same file: the segment is
    sealed and a new one begun, because the kernel may have dropped the pages that it could not write.
    """

    def __init__(self, root: Path, *, fsync_interval: float = 0.5, max_segment: int = 64 << 20) -> None:
        self.name = uuid7().hex()
        self.appended = 0
        self.fsync_failures = 0
        self._folder = root / self.name
        self._folder.mkdir(parents=True, mode=0o700)
        self._lock = os.open(self._folder / "lock", os.O_CREAT | os.O_RDWR, 0o600)
        fcntl.flock(self._lock, fcntl.LOCK_EX)
        self._max_segment = max_segment
        self._number = 0
        self._size = 0
        self._fd = -1
        self._dirty = False
        self._seal = False
        self._begin_segment()
        self._stop = threading.Event()
        self._interval = fsync_interval
        self._syncer = threading.Thread(target=self._sync_loop, name="spool-fsync", daemon=True)
        self._syncer.start()

    def append(self, payload: bytes) -> None:
        """Raises OSError where the file system will not take the record; nothing of it remains then."""
        if self._size >= self._max_segment or self._seal:
            self._begin_segment()
        data = frame.encode(payload)
        written = 0
        try:
            while written < len(data):
                written += os.write(self._fd, data[written:] if written else data)
        except OSError:
            if written:
                with contextlib.suppress(OSError):
                    os.ftruncate(self._fd, self._size)
            raise
        self._size += len(data)
        self.appended += 1
        self._dirty = True

    def close(self) -> None:
        self._stop.set()
        self._syncer.join()
        self._sync()
        os.close(self._fd)
        os.close(self._lock)

    def _begin_segment(self) -> None:
        """The new file is there before the old one is let go, so a full disk leaves a usable writer."""
        path = self._folder / f"{self._number + 1:08d}.seg"
        fd = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            os.write(fd, frame.MAGIC)
        except OSError:
            os.close(fd)
            path.unlink()
            raise
        old, self._fd = self._fd, fd
        self._number += 1
        self._size = len(frame.MAGIC)
        self._seal = False
        if old != -1:
            with contextlib.suppress(OSError):
                os.fdatasync(old)
            os.close(old)

    def _sync(self) -> None:
        if not self._dirty:
            return
        self._dirty = False
        try:
            fd = os.dup(self._fd)  # the loop may begin a new segment while this one is being written out
        except OSError:
            return
        try:
            os.fdatasync(fd)
        except OSError:
            self.fsync_failures += 1
            self._seal = True
        finally:
            os.close(fd)

    def _sync_loop(self) -> None:
        while not self._stop.wait(self._interval):
            self._sync()
