"""Trouble that comes again with each request, as any with the store does. The log has it when it begins, then now and
then how often it came, and when it is over.
"""

import asyncio
import logging

EVERY = 30.0
"""Seconds between two lines of the same trouble; after so many without it, it is over."""


class Repeated:
    def __init__(self, log: logging.Logger, level: int = logging.WARNING, *, every: float = EVERY) -> None:
        self._log = log
        self._level = level
        self._every = every
        self._more: dict[str, int] = {}
        """Of each trouble that is not over: how often it came since its last line."""

    def tell(self, trouble: str) -> None:
        """In an event loop. `trouble`: one of a few texts, which are kept apart."""
        if trouble in self._more:
            self._more[trouble] += 1
            return
        self._log.log(self._level, "%s", trouble)
        self._wait(trouble)

    def _wait(self, trouble: str) -> None:
        self._more[trouble] = 0
        asyncio.get_running_loop().call_later(self._every, self._look, trouble)

    def _look(self, trouble: str) -> None:
        if more := self._more.pop(trouble):
            self._log.log(self._level, "%s (%d more within %g s)", trouble, more, self._every)
            self._wait(trouble)
        else:
            self._log.info("not again within %g s: %s", self._every, trouble)
