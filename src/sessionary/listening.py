"""Where the gateway of a data folder listens: what it was told at its start, other commands learn from the folder."""

import contextlib
from pathlib import Path

_NAME = "address"


def tell(folder: Path, host: str, port: int) -> None:
    """Raises nothing: who is not told finds what the configuration says."""
    with contextlib.suppress(OSError):
        (folder / _NAME).write_text(f"{host} {port}\n")


def told(folder: Path) -> tuple[str, int] | None:
    """Of the gateway that was started last; None where none was."""
    try:
        host, port = (folder / _NAME).read_text().split()
        return host, int(port)
    except (OSError, ValueError):
        return None
