"""A bell, by which processes wake one that waits for them.

It is made before they are forked. Who waits listens, looks, and waits for the ring: what happens after it listened
rings, so nothing that it did not see goes unheard. Who rings does so once for each time that somebody listens, and else
looks at one byte of shared memory; it never waits. A ring is lost where a process is killed just then: who must see
what happened looks by itself now and then.
"""

import asyncio
import contextlib
import mmap
import os
from collections.abc import Callable

_SOON = 0.005
"""Seconds: by then the provider has its request, or the client its answer."""


class Bell:
    def __init__(self) -> None:
        self._heard, self._rung = os.pipe()
        os.set_blocking(self._heard, False)
        os.set_blocking(self._rung, False)
        self._listens = mmap.mmap(-1, 1)
        """1 from when somebody listens until the first ring."""

    def ring(self) -> None:
        if self._listens[0]:
            self._listens[0] = 0  # before it rings: whoever hears that listens anew
            with contextlib.suppress(BlockingIOError):
                os.write(self._rung, b"\0")

    def listen(self) -> None:
        """What rang before is over."""
        with contextlib.suppress(BlockingIOError):
            os.read(self._heard, 4096)
        self._listens[0] = 1

    def fileno(self) -> int:
        """Readable when it has rung."""
        return self._heard


class Soon:
    """Rings a moment later, once for all that happened until then: what is woken would else compete for the processor
    with the call that woke it, and with its provider. Outside of a loop it rings at once."""

    def __init__(self, ring: Callable[[], None]) -> None:
        self._ring = ring
        self._due = False

    def __call__(self) -> None:
        if self._due:
            return
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return self._ring()
        self._due = True
        loop.call_later(_SOON, self._rings)

    def _rings(self) -> None:
        self._due = False
        self._ring()
