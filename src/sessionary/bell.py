"""A bell, by which processes wake one that waits for them.

It is made before they are forked. Who waits listens, looks, and waits for the ring: what happens after it listened
rings, so nothing that it did not see goes unheard. Who rings does so once for each time that somebody listens, and else
looks at one byte of shared memory; it never waits. A ring is lost where a process is killed just then: who must see
what happened looks by itself now and then.
"""

import contextlib
import mmap
import os


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
