"""Recording a call into the spool while it is relayed.

`Recorder.begin` gives a `Recording`; the relay hands it copies of the bytes it passes on, and ends it with
`finish` exactly once, before the client gets its last byte. A recorder never raises into the relay: where the
spool cannot be written (`record/spooling`), the loss is counted and traffic flows, or, where that is wanted, the call
is rejected before it began.

Of an answer that is not kept as it comes (`private`, or redacted) nothing is written or shown before its end.
"""

import asyncio
import contextlib
import logging
import time
from collections import Counter
from collections.abc import Callable

from sessionary.errors import Overloaded
from sessionary.metrics import Durations, Metrics
from sessionary.record import kept
from sessionary.record.exchange import Attempt, Begin, Finish, Part, Record, Status
from sessionary.record.spooling import Spooling
from sessionary.record.tails import Tails, Writing
from sessionary.redaction import Redacting
from sessionary.settings import Price

log = logging.getLogger("sessionary.record")
_MUCH = 16 << 10
"""Bytes of an answer that are redacted in a thread."""


_MOST_PENDING = 64 << 10
"""Bytes of a stream that wait for its next checkpoint."""
_AT_A_TIME = 50
"""Recordings that are checkpointed before others have their turn at the loop."""
_FULL = "Calls cannot be recorded now, and are not answered without that."
_RETRY_AFTER = "5"
"""Seconds."""


def now_us() -> int:
    return time.time_ns() // 1000


class Recording:
    """One call being recorded."""

    __slots__ = (
        "_closed",
        "_held",
        "_kept",
        "_pending",
        "_redacted",
        "_redacting",
        "_seq",
        "_spooled",
        "_tail",
        "_unredacted",
        "_waiting",
        "_write",
        "asked",
        "attempts",
        "begin",
        "call_id",
        "error",
        "finished",
        "price",
        "status",
        "ttft",
    )

    def __init__(
        self,
        begin: Begin,
        write: Callable[[Record], bool],
        closed: Callable[[Begin, Status], None],
        redacting: Redacting | None = None,
        unredacted: Callable[[], None] = lambda: None,
    ) -> None:
        """`unredacted` is told where redacting has failed."""
        self.begin = begin
        self.call_id = begin.call_id
        self.attempts: list[Attempt] = []
        self.price: Price | None = None
        """The answering deployment's, where the configuration has one."""
        self.ttft: int | None = None
        self.finished = False
        self.status: Status = "live"
        self.error = ""
        self._write = write
        self._closed = closed
        self._redacting = redacting
        self._held = begin.private or redacting is not None
        """Whether nothing of the answer may leave memory before it is whole."""
        self._unredacted = unredacted
        self._redacted: tuple[int, kept.Answer | None] | None = None
        """The redacted answer, and of how many pieces it is."""
        self._seq = 0
        self._pending: list[bytes] = []
        self._waiting = 0
        """Bytes that came since it was last tried to spool them."""
        self._spooled = 0
        """Bytes of the answer that are in the log."""
        self._tail: Writing | None = None
        self._kept: list[bytes] | None = None
        self.asked = begin.body
        """The request's body, also where the log does not have it."""

    def keep(self, asked: bytes) -> None:
        """Keeps the call in memory, for `asked` and `answer`: from the start, or not at all."""
        self.asked = asked
        self._kept = []

    def answer(self) -> bytes:
        """What has come so far."""
        return b"".join(self._kept or ())

    def size(self) -> int:
        """Bytes that it keeps in memory."""
        return len(self.asked) + sum(map(len, self._kept or ()))

    def chunk(self, data: bytes) -> None:
        """Bytes of the answer's body as the upstream sent them."""
        if self.ttft is None:
            self.ttft = now_us() - self.begin.at
        self._pending.append(data)
        if self._kept is not None:
            self._kept.append(data)
        if self._tail is not None:
            self._follow_with(data)
        self._waiting += len(data)
        if self._waiting >= _MOST_PENDING:
            self.checkpoint()

    def pending(self) -> bytes:
        """What came since the last checkpoint: the whole answer, where it is not a stream."""
        return b"".join(self._pending)

    def checkpoint(self) -> None:
        """Spools what has come since the last checkpoint, so that kill -9 costs at most the time between two."""
        self._waiting = 0
        if self._pending and self.begin.stream and not self.finished and not self._held:
            part = Part(self.call_id, self._seq, b"".join(self._pending))
            if self._write(part):
                self._seq += 1
                self._spooled += len(part.data)
                self._pending.clear()

    def follow(self, tails: Tails) -> None:
        """From now on what comes is there to be watched. Of an answer that is not kept as it comes, nothing is."""
        if self._tail is None and self.begin.stream and not self.finished and not self._held:
            with contextlib.suppress(OSError):
                self._tail = tails.write(self.begin, self._spooled)
                self._follow_with(self.pending())

    def unfollow(self) -> None:
        if self._tail is not None:
            with contextlib.suppress(OSError):
                self._tail.close()
            self._tail = None

    def _follow_with(self, data: bytes) -> None:
        """Where that cannot be written, nobody sees it before the end."""
        try:
            assert self._tail is not None
            self._tail.write(data)
        except OSError:
            self.unfollow()

    async def settle(self) -> None:
        """Before `finish`, where there is time: does in a thread what takes long of it."""
        if self._redacting is not None and sum(map(len, self._pending)) > _MUCH:
            pieces, data = len(self._pending), b"".join(self._pending)
            self._redacted = pieces, await asyncio.to_thread(self._redact, self._redacting, data)

    def _redact(self, redacting: Redacting, data: bytes) -> kept.Answer | None:
        """None where that fails."""
        try:
            return kept.redacted_answer(self.begin, data, redacting)
        except Exception as error:  # of the rules, whatever they are: the relay goes on
            log.error("the answer of %s could not be redacted: %s", self.call_id, error.__class__.__name__)
            self._unredacted()
            return None

    def _kept_of(self, finish: Finish) -> Finish:
        """`finish` without what is not to be kept, and the same in memory."""
        if self._redacting is not None:
            pieces, answer = self._redacted or (-1, None)
            if pieces != len(self._pending):
                answer = self._redact(self._redacting, finish.body)
            finish = kept.without_answer(finish) if answer is None else kept.redacted(finish, answer, self._redacting)
            if self._kept is not None:
                self._kept = [finish.body]
        return kept.without_contents(self.begin, finish) if self.begin.private else finish

    def finish(
        self,
        status: Status,
        *,
        http_status: int,
        error_type: str = "",
        error_message: str = "",
        headers: dict[str, str] | None = None,
        body: bytes = b"",
    ) -> None:
        """Ends the recording; a second call does nothing, so every path may end in it."""
        if self.finished:
            return
        self.finished = True
        last = self.attempts[-1] if self.attempts else None
        if self._tail is not None:
            self._follow_with(body)
        finish = self._kept_of(
            Finish(
                call_id=self.call_id,
                at=now_us(),
                status=status,
                http_status=http_status,
                provider=last.provider if last else "",
                deployment=last.deployment if last else "",
                upstream_model=last.upstream_model if last else "",
                ttft=self.ttft,
                error_type=error_type,
                error_message=error_message,
                attempts=self.attempts,
                headers=headers or {},
                body=b"".join(self._pending) + body,
                price=self.price,
                parts=self._seq,
            )
        )
        self.status, self.error = finish.status, finish.error_message
        self._write(finish)
        self._pending.clear()
        self.unfollow()
        self._closed(self.begin, status)


class Recorder:
    """Begins recordings, and checkpoints those that last."""

    def __init__(
        self, spooling: Spooling, metrics: Metrics, tails: Tails | None = None, *, rejecting: bool = False
    ) -> None:
        """`rejecting`: whether a call that cannot be recorded is not answered."""
        self._spooling = spooling
        self._metrics = metrics
        self._tails = tails
        self._rejecting = rejecting
        self.busy = asyncio.Event()
        """Set while there is something that `follow` may be for."""
        self._open: dict[str, Recording] = {}
        self._begun = 0
        self._ended: Counter[Status] = Counter()
        self._took = Durations()
        """What the metrics are told once a second: they are files, and each number in them costs system calls."""
        self._followed: set[str] = set()

    @property
    def in_flight(self) -> int:
        return len(self._open)

    def begin(self, begin: Begin, redacting: Redacting | None = None) -> Recording:
        """`begin` is what may be kept of the request; `redacting`: what may be kept of the answer.

        Raises Overloaded where the call cannot be recorded and is not to be answered then."""
        reason = self._spooling.begin(begin)
        if reason and self._rejecting:
            raise Overloaded(_FULL, headers={"retry-after": _RETRY_AFTER})
        self._begun += 1
        if reason:
            self._metrics.dropped.labels(reason=reason).inc()
        write = _nowhere if reason else self._spooling.write
        recording = Recording(begin, write, self._forget, redacting, self.unredacted)
        self._open[begin.call_id] = recording
        if not self.busy.is_set():
            self.busy.set()
        return recording

    def unredacted(self) -> None:
        """Of a request or an answer nothing is kept, for it could not be redacted."""
        self._metrics.unredacted.inc()

    @property
    def trouble(self) -> str:
        """Why calls are not recorded at the moment; "" where they are."""
        return self._spooling.trouble

    @property
    def rejects(self) -> bool:
        """Whether calls are not answered at the moment."""
        return self._rejecting and bool(self.trouble)

    def look(self) -> None:
        """Before `checkpoint`. Blocking; for a thread."""
        self._spooling.look()

    async def checkpoint(self) -> None:
        """Once a second, from the worker's loop, a few at a time: of ten thousand streams none waits for all others."""
        self._tell()
        self._spooling.retry()
        for n, recording in enumerate(list(self._open.values()), 1):
            recording.checkpoint()
            if n % _AT_A_TIME == 0:
                await asyncio.sleep(0)

    def close(self) -> None:
        """When nothing is in flight any more."""
        self._tell()
        self._spooling.close()

    def _tell(self) -> None:
        begun, self._begun = self._begun, 0
        self._metrics.begun.inc(begun)
        for status, count in self._ended.items():
            self._metrics.finished.labels(status=status).inc(count)
        self._ended.clear()
        took, self._took = self._took, Durations()
        self._metrics.took(took)

    def follow(self) -> None:
        """Ten times a second while `busy`, from the worker's loop: begins and ends to show what is watched."""
        if self._tails is None or not self._open:
            self.busy.clear()
            return
        marked: set[str] = set()
        with contextlib.suppress(OSError):
            marked = self._tails.marked()
        if not marked and not self._followed:
            return
        for call_id, recording in self._open.items():
            if call_id in marked or recording.begin.session_id in marked:
                recording.follow(self._tails)
                self._followed.add(call_id)
            elif call_id in self._followed:
                recording.unfollow()
                self._followed.discard(call_id)

    def _forget(self, begin: Begin, status: Status) -> None:
        self._open.pop(begin.call_id, None)
        self._followed.discard(begin.call_id)
        self._ended[status] += 1
        self._took.add((now_us() - begin.at) / 1e6)


def _nowhere(record: Record) -> bool:
    """Of a call that was not recorded from its begin, nothing is."""
    return True
