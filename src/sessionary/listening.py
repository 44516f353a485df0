"""Whether a data folder is served, and where: what the gateway was told at its start, other commands learn from it."""

import contextlib
from pathlib import Path

from sessionary import locks

_NAME = "address"


def tell(folder: Path, host: str, port: int) -> None:
    """Raises nothing: who is not told finds what the configuration says."""
    with contextlib.suppress(OSError):
        (folder / _NAME).write_text(f"{host} {port}\n")


def is_served(folder: Path) -> bool:
    """Whether a drain is at work, and with it a server."""
    return locks.is_had(folder / "spool" / "drain.lock")


def told(folder: Path) -> tuple[str, int] | None:
    """Of the gateway that was started last; None where none was."""
    try:
        host, port = (folder / _NAME).read_text().split()
        return host, int(port)
    except (OSError, ValueError):
        return None
