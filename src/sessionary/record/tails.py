"""Answers that somebody watches while they are said: their bytes, beside the log, in files that grow as they come.

Who watches leaves a mark, a file with the name of a session or a call, and touches it while it does. Each worker looks
for marks while it has streams, and writes what comes of those that are marked into a file each, from the moment that it
sees the mark to the call's end, or to the mark's. What came before is in the log. Where nobody watches, nothing is
written.
"""

import contextlib
import os
import shutil
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec

from sessionary.record.exchange import Begin

_FRESH = 3.0
"""Seconds for which a mark holds."""
_FORGOTTEN = 60.0
"""Seconds after which a mark is removed by whoever sees it."""


class Tail(msgspec.Struct, frozen=True):
    """A file that is being written. `offset`: how many bytes of the answer came before its first."""

    call_id: str
    project: int
    session: str
    """As the call names it, before content decides."""
    endpoint: str
    offset: int

    @property
    def name(self) -> str:
        return "~".join((self.call_id, str(self.project), self.session, self.endpoint, str(self.offset)))


class Tails:
    def __init__(self, root: Path) -> None:
        self._marks = root / "marks"
        self._files = root / "tails"

    # -- who watches

    def mark(self, names: Iterable[str]) -> None:
        """Sessions and calls, by our ids. Holds for three seconds."""
        self._marks.mkdir(mode=0o700, parents=True, exist_ok=True)
        for name in names:
            (self._marks / name).touch(mode=0o600)

    def found(self) -> list[Tail]:
        """The files that are there."""
        found = []
        for name in _names(self._files):
            with contextlib.suppress(ValueError):
                call_id, project, session, endpoint, offset = name.split("~")
                found.append(Tail(call_id, int(project), session, endpoint, int(offset)))
        return found

    def open(self, tail: Tail) -> int | None:
        """A file descriptor to read from; None where it is gone."""
        try:
            return os.open(self._files / tail.name, os.O_RDONLY)
        except FileNotFoundError:
            return None

    def remove(self, tail: Tail) -> None:
        (self._files / tail.name).unlink(missing_ok=True)

    # -- who records

    def marked(self) -> set[str]:
        """What is watched now."""
        now, found = time.time(), set()
        for name in _names(self._marks):
            with contextlib.suppress(FileNotFoundError):
                age = now - (self._marks / name).stat().st_mtime
                if age < _FRESH:
                    found.add(name)
                elif age > _FORGOTTEN:
                    (self._marks / name).unlink(missing_ok=True)
        return found

    def clear(self) -> None:
        """What is left of workers that were killed; while none is running."""
        shutil.rmtree(self._marks, ignore_errors=True)
        shutil.rmtree(self._files, ignore_errors=True)

    def write(self, begin: Begin, offset: int) -> "Writing":
        """Raises OSError."""
        self._files.mkdir(mode=0o700, parents=True, exist_ok=True)
        tail = Tail(begin.call_id, begin.project, begin.session_id, begin.endpoint, offset)
        return Writing(self._files / tail.name)


class Writing:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = os.open(path, os.O_CREAT | os.O_TRUNC | os.O_WRONLY, 0o600)

    def write(self, data: bytes) -> None:
        """Raises OSError."""
        while data:
            data = data[os.write(self._fd, data) :]

    def close(self) -> None:
        """The file is gone; who reads it has it to its end."""
        os.close(self._fd)
        self._path.unlink(missing_ok=True)


def _names(folder: Path) -> list[str]:
    try:
        return os.listdir(folder)
    except FileNotFoundError:
        return []
