"""Whether a data folder is served, and where: what the gateway was told at its start, other commands learn from it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from sessionary import locks

_NAME = "address"


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


def told(folder: Path) -> tuple[str, int] | None:
    """Of the gateway that was started last; None where none was."""
    try:
        host, port = (folder / _NAME).read_text().split()
        return host, int(port)
    except (OSError, ValueError):
        return None
