"""Settling calls with the limits of their keys, as their ends are stored: just before that is committed.

So what a call really used is never known to the store alone; what is read again after a failure is settled already.
Where the counters cannot be reached storing goes on, and the ends wait here; should this process end before, they stay
as they were reserved until their worker is gone.
"""

import logging
import time
from collections.abc import Collection, Mapping
from typing import Any

import sqlalchemy as sa

from sessionary.limits.arithmetic import Sums
from sessionary.limits.counters import Counters, End
from sessionary.metrics import Metrics

log = logging.getLogger("sessionary.drain")
_FORGET_EVERY = 3600.0
"""Seconds."""
_MOST = 100_000
"""Ends that wait: the oldest are let go of."""


class Settling:
    def __init__(self, counters: Counters, metrics: Metrics) -> None:
        self._counters = counters
        self._metrics = metrics
        self._ends: dict[str, End] = {}
        self._gone: set[str] = set()
        self._forgot_at = time.monotonic()

    def close(self) -> None:
        self._counters.close()

    def settle(self, ends: Collection[End], gone: Collection[str] = ()) -> None:
        """`gone`: writers of which everything is stored."""
        self._ends |= {end.call_id: end for end in ends}
        self._gone |= set(gone)
        if not self._ends and not self._gone:
            return
        try:
            self._counters.settle(self._ends.values())
            self._ends.clear()
            self._counters.settle_writers(self._gone)
            self._gone.clear()
            if time.monotonic() - self._forgot_at > _FORGET_EVERY:
                self._forgot_at = time.monotonic()
                self._counters.forget(time.time_ns() // 1000)
        except sa.exc.SQLAlchemyError as error:
            self._metrics.limits_unreached.inc()
            log.error("limits cannot be settled: %s", error.__class__.__name__)
            for call_id in list(self._ends)[: max(0, len(self._ends) - _MOST)]:
                del self._ends[call_id]


def end(call: Mapping[str, Any]) -> End:
    """Of a row of the calls table that has ended. A rejected call does not count; an unknown price is none."""
    tokens = (call["input_tokens"] or 0) + (call["output_tokens"] or 0)
    counts = int(call["status"] != "rejected")
    return End(call["id"], call["session"], Sums(counts, tokens, call["cost"] or 0))
