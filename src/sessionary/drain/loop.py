"""The drain's process: rounds, one after another, until told to stop."""

import logging
import select
import signal
import time
from pathlib import Path

import sqlalchemy as sa

from sessionary import locks
from sessionary.bell import Bell
from sessionary.drain.drain import PAUSE, Drain

log = logging.getLogger("sessionary.drain")
REST = 1.0
"""Seconds at most: so long nobody sees what comes without a ring."""
_FEW = 200
"""Records, with fewer of which it is the round itself that costs most."""


def run(drain: Drain, spool: Path, lifeline: int, bell: Bell, *, pause: float = PAUSE, rest: float = REST) -> None:
    """Until `lifeline`, a pipe's read end, says that the parent is gone; then once more all there is.

    What is appended rings. Without that it looks after `pause`, and then less and less often, up to once in `rest`
    seconds: for what others append, for records that it has seen and not taken yet, and for a ring that was lost.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with locks.turn(spool / "drain.lock"):
        _rounds(drain, lifeline, bell, pause, rest)


def _rounds(drain: Drain, lifeline: int, bell: Bell, pause: float, rest: float) -> None:
    trouble, told = 0, ""
    stopping = False
    wait = pause
    while True:
        bell.listen()
        looked = time.monotonic()
        try:
            busy = drain.round()
            if trouble:
                log.info("store is back")
            trouble, told = 0, ""
        except Exception as error:  # whatever it is, what was recorded waits for it to be over
            trouble += 1
            busy = 0
            if _said(error) != told or trouble % 100 == 0:
                known, told = isinstance(error, sa.exc.SQLAlchemyError), _said(error)
                log.error("no round can be stored (%d in a row): %s", trouble, told, exc_info=not known)
        if stopping and not busy:
            return
        ready: list[int | Bell] = []
        if trouble:
            ready = _ready([lifeline], min(5.0, 0.1 * 2 ** min(trouble, 6)))
        elif not busy:
            ready = _ready([lifeline, bell], pause if drain.is_freeing else wait)
            wait = pause if bell in ready else min(1.5 * wait, rest)
        else:
            wait = pause
        if ready == [bell] or 0 < busy < _FEW:
            ready = _ready([lifeline], looked + drain.gather - time.monotonic())
        stopping = stopping or lifeline in ready


def _ready(files: list[int | Bell], seconds: float) -> list[int | Bell]:
    return select.select(files, [], [], max(0.0, seconds))[0]


def drain_all(drain: Drain, spool: Path) -> None:
    """Stores what is in the spool, where no server does; does nothing where one has begun to."""
    with locks.alone(spool / "drain.lock") as ours:
        while ours and drain.round():
            pass


def _said(error: Exception) -> str:
    return getattr(error, "orig", error).__class__.__name__
