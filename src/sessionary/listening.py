"""Whether a data folder is served, and where: what the gateway was told at its start, other commands learn from it."""

import contextlib
import socket
from collections.abc import Iterator
from pathlib import Path

from sessionary import locks

_NAME = "address"
_PATIENCE = 0.5
"""Seconds."""


@contextlib.contextmanager
def at(folder: Path, host: str, port: int) -> Iterator[None]:
    """While this lasts, others know that the folder is served, and where. Raises nothing: who is not told finds what
    the configuration says."""
    with contextlib.ExitStack() as had:
        with contextlib.suppress(OSError):
            had.enter_context(locks.alone(folder / _NAME))
            (folder / _NAME).write_text(f"{host} {port}\n")
        yield


def is_served(folder: Path) -> bool:
    """Whether a server is there, from before it answers on; or what it has left at work."""
    return locks.is_had(folder / _NAME) or locks.is_had(folder / "spool" / "drain.lock")


def answers(folder: Path) -> tuple[str, int] | None:
    """Where a gateway that serves the folder takes calls now. One that is about to end has left its address."""
    if (address := served_at(folder)) is None:
        return None
    try:
        with socket.create_connection(address, timeout=_PATIENCE):
            return address
    except OSError:
        return None


def served_at(folder: Path) -> tuple[str, int] | None:
    """Of the gateway that serves the folder; None where none does."""
    return told(folder) if is_served(folder) else None


def told(folder: Path) -> tuple[str, int] | None:
    """Of the gateway that was started last; None where none was."""
    try:
        host, port = (folder / _NAME).read_text().split()
        return host, int(port)
    except (OSError, ValueError):
        return None
