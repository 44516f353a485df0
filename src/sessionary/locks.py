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
    with _open(path, os.O_CREAT) as lock:
        yield _had(lock, fcntl.LOCK_EX)


@contextlib.contextmanager
def turn(path: Path) -> Iterator[None]:
    """Waits until the file's lock is had; makes the file where there is none."""
    with _open(path, os.O_CREAT) as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def is_had(path: Path) -> bool:
    """Whether somebody has the file's lock."""
    try:
        with _open(path, 0) as lock:
            return not _had(lock, fcntl.LOCK_SH)
    except FileNotFoundError:
        return False


@contextlib.contextmanager
def _open(path: Path, flags: int) -> Iterator[int]:
    lock = os.open(path, os.O_RDWR | flags, 0o600)
    try:
        yield lock
    finally:
        os.close(lock)


def _had(lock: int, kind: int) -> bool:
    try:
        fcntl.flock(lock, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
