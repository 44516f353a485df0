"""Databases with very many calls, made once by bench/fill.py and kept in .bench/; what measures takes a copy."""

import dataclasses
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

from bench import fill
from bench.measuring import KEPT, Running

A_SESSION = 3
"""Calls, about."""


def filled(calls: int) -> Path:
    """A SQLite file with about so many calls."""
    path = KEPT / f"filled-{calls}.db"
    if not path.exists():
        KEPT.mkdir(exist_ok=True)
        began, half = time.monotonic(), path.with_suffix(".half")
        half.unlink(missing_ok=True)
        fill.fill(half, max(1, calls // A_SESSION), 0.35, 90, Random(1))
        half.rename(path)
        half.with_name(f"{half.name}.migrate.lock").unlink(missing_ok=True)
        took, size = time.monotonic() - began, path.stat().st_size
        print(f"filled {calls:,} calls: {size / 1e9:.2f} GB in {took:.0f} s", file=sys.stderr, flush=True)
    return path


def copied(calls: int, folder: Path) -> Path:
    """Where a gateway in `folder` looks for its database."""
    to = folder / "data" / "sessionary.db"
    to.parent.mkdir()
    shutil.copyfile(filled(calls), to)
    return to


def from_now_on(running: Running) -> Running:
    """Whose stored calls are counted without those that it has already."""
    stored = running.stored
    assert stored is not None
    calls, live = stored()

    def since(stored: Callable[[], tuple[int, int]] = stored) -> tuple[int, int]:
        now = stored()
        return now[0] - calls, now[1] - live

    return dataclasses.replace(running, stored=since)
