"""Limits, as a worker asks for them: off the event loop, so that no lock of the counters ever stops relaying.

Where the counters cannot be reached, calls go through uncounted: the failure is logged and shows in the metrics.
"""

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import msgspec
import sqlalchemy as sa

from sessionary.errors import GatewayError
from sessionary.limits import arithmetic, told
from sessionary.limits.arithmetic import Sums
from sessionary.limits.counters import BEAT, Call, Counters, End
from sessionary.limits.histories import History
from sessionary.metrics import Metrics
from sessionary.repeated import Repeated
from sessionary.settings import Limits

log = logging.getLogger("sessionary.limits")
_PATIENCE = 5.0
_UNREACHED = (sa.exc.SQLAlchemyError, OSError)
"""One that takes too long is an OSError, too."""
_KEYS = 10_000
"""So many keys' own limits are remembered."""
T = TypeVar("T")


class Admitted(msgspec.Struct, frozen=True):
    """What every answer of the call says of its limits; `problem`: it may not begin."""

    headers: dict[str, str] = {}
    problem: GatewayError | None = None
    holds: bool = False
    """Whether it counts as being answered, until it is released."""


class Admission:
    def __init__(
        self, counters: Counters, defaults: Limits, metrics: Metrics, writer: str, *, patience: float = _PATIENCE
    ) -> None:
        """`writer`: this worker's name in the spool. `patience`: seconds until the counters count as out of reach."""
        self.writer = writer
        self._counters = counters
        self._effective = functools.lru_cache(_KEYS)(functools.partial(arithmetic.effective, defaults))
        self._metrics = metrics
        self._patience = patience
        self._trouble = Repeated(log, logging.ERROR)
        self._threads = ThreadPoolExecutor(2, thread_name_prefix="limits")

    def limits_of(self, own: Limits | None) -> Limits | None:
        """Of a key with these limits of its own; None: there are none."""
        return self._effective(own)

    async def ask(
        self,
        call: Call,
        limits: Limits,
        most: Callable[[], Sums],
        history: Callable[[], History | None],
        *,
        anthropic: bool,
    ) -> Admitted:
        """`most`: what the call may use at most, worked out in a thread. That counts until the drain stores the end.
        `history`: of a call that names no session."""
        now = time.time_ns() // 1000
        answer = await self._off(
            lambda: self._counters.reserve(call, limits, most(), now, history()),
            late=lambda: self._counters.settle([End(call.call_id, used=Sums())]),
        )
        if answer is None:
            return Admitted()
        used, refused = answer
        headers = told.headers(limits, used, now, anthropic=anthropic)
        if refused is not None:
            self._metrics.limited.labels(limit=refused.limit).inc()
            return Admitted(headers, told.refusal(refused))
        return Admitted(headers, holds=limits.concurrent is not None)

    async def release(self, call_id: str) -> None:
        await self._off(lambda: self._counters.release(call_id))

    async def keep_alive(self) -> None:
        """Runs as long as the worker does: gateways of other hosts are told that it lives."""
        while self._counters.shared:
            with contextlib.suppress(*_UNREACHED):  # nothing is uncounted by that
                await self._in_time(lambda: self._counters.seen(self.writer, time.time_ns() // 1000))
            await asyncio.sleep(BEAT)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def _off(self, work: Callable[[], T], late: Callable[[], None] | None = None) -> T | None:
        """None where it could not be done in time: should it be done after all, `late` undoes it. A call that went
        through uncounted may be over by then, and nobody else would settle it."""
        try:
            return await self._in_time(work, late)
        except _UNREACHED as error:
            self._metrics.limits_unreached.inc()
            self._trouble.tell(f"limits cannot be counted: {error.__class__.__name__}")
            return None

    async def _in_time(self, work: Callable[[], T], late: Callable[[], None] | None = None) -> T:
        doing = self._threads.submit(work)
        try:
            return await asyncio.wait_for(asyncio.wrap_future(doing), self._patience)
        except TimeoutError:
            if late is not None:
                doing.add_done_callback(lambda done: self._after(done, late))
            raise

    def _after(self, done: Future[T], late: Callable[[], None]) -> None:
        """Never here and now: where `done` has just come to be, this is the event loop."""
        if not done.cancelled():  # it was begun
            with contextlib.suppress(RuntimeError):  # this worker ends: what it leaves is settled then
                self._threads.submit(late)
