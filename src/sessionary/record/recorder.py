"""Recording a call into the spool while it is relayed.

`Recorder.begin` gives a `Recording`; the relay hands it copies of the bytes it passes on, and ends it with
`finish` exactly once, before the client gets its last byte. A recorder never raises into the relay: where the
spool cannot be written, the loss is counted and traffic flows.
"""

import time
from collections.abc import Callable

from sessionary.metrics import Metrics
from sessionary.record import exchange, private
from sessionary.record.exchange import Attempt, Begin, Finish, Part, Record, Status
from sessionary.settings import Price
from sessionary.spool.writer import Writer


def now_us() -> int:
    return time.time_ns() // 1000


class Recording:
    """One call being recorded."""

    def __init__(self, begin: Begin, write: Callable[[Record], bool], closed: Callable[[Begin, Status], None]) -> None:
        self.begin = begin
        self.attempts: list[Attempt] = []
        self.price: Price | None = None
        """The answering deployment's, where the configuration has one."""
        self.ttft: int | None = None
        self.finished = False
        self.status: Status = "live"
        self.error = ""
        self._write = write
        self._closed = closed
        self._seq = 0
        self._pending: list[bytes] = []
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

    @property
    def call_id(self) -> str:
        return self.begin.call_id

    def chunk(self, data: bytes) -> None:
        """Bytes of the answer's body as the upstream sent them."""
        if self.ttft is None:
            self.ttft = now_us() - self.begin.at
        self._pending.append(data)
        if self._kept is not None:
            self._kept.append(data)

    def pending(self) -> bytes:
        """What came since the last checkpoint: the whole answer, where it is not a stream."""
        return b"".join(self._pending)

    def checkpoint(self) -> None:
        """Spools what has come since the last checkpoint, so that kill -9 costs at most the time between two."""
        if self._pending and self.begin.stream and not self.finished and not self.begin.private:
            part = Part(self.call_id, self._seq, b"".join(self._pending))
            if self._write(part):
                self._seq += 1
                self._pending.clear()

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
        self.status, self.error = status, error_message
        last = self.attempts[-1] if self.attempts else None
        data = b"".join(self._pending) + body
        if self.begin.private:
            data = private.answer(data, self.begin.endpoint, streamed=self.begin.stream and http_status < 400)
            headers = {"content-type": "application/json"}
        self._write(
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
                body=data,
                price=self.price,
            )
        )
        self._pending.clear()
        self._closed(self.begin, status)


class Recorder:
    """Begins recordings, and checkpoints those that last."""

    def __init__(self, writer: Writer, metrics: Metrics) -> None:
        self._writer = writer
        self._metrics = metrics
        self._open: dict[str, Recording] = {}

    @property
    def in_flight(self) -> int:
        return len(self._open)

    def begin(self, begin: Begin) -> Recording:
        self._metrics.begun.inc()
        self._write(begin)
        recording = Recording(begin, self._write, self._forget)
        self._open[begin.call_id] = recording
        return recording

    def checkpoint(self) -> None:
        """Once a second, from the worker's loop."""
        for recording in list(self._open.values()):
            recording.checkpoint()

    def _forget(self, begin: Begin, status: Status) -> None:
        self._open.pop(begin.call_id, None)
        self._metrics.finished.labels(status=status).inc()
        self._metrics.duration.observe((now_us() - begin.at) / 1e6)

    def _write(self, record: Record) -> bool:
        try:
            self._writer.append(exchange.encode(record))
        except OSError as error:
            self._metrics.dropped.labels(reason=error.__class__.__name__).inc()
            return False
        return True
