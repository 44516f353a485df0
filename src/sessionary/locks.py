"""Locks of files: a process has one until it lets go of it or ends, whatever ends it."""

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path


@contextlib.contextmanager
def alone(path: Path) -> Iterator[bool]:
    """Whether nobody else has the file's lock: then it is had here, for as long as this lasts. Waits for nobody; makes
    the file where there is none."""
    lock = os.open(path, os.O_CREAT | os.O_RDWR, 0o600)
    try:
        yield _had(lock)
    finally:
        os.close(lock)


def _had(lock: int) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
