"""What is recorded goes into the spool; what that does not take is lost, and counted.

- A call whose begin was not taken is dropped as a whole: nothing is written of it later, so nothing half-known is
  stored.
- A piece of a stream that was not taken stays with its recording, and comes with the next, or with the end.
- An end that was not taken waits in memory until the spool takes it, so that its call does not seem to go on for ever.
  Where too much waits, ends wait without what was answered. What waits when this process is killed is lost, and the
  drain ends its calls as interrupted.
"""

import contextlib
import errno
from collections import deque

import msgspec

from sessionary.metrics import Metrics
from sessionary.record import exchange
from sessionary.record.exchange import Begin, Finish, Part
from sessionary.spool.quota import Quota
from sessionary.spool.writer import Writer

MOST_WAITING = 16 << 20
"""Bytes of ends that wait in memory; once more as many of those without their answers."""
_LOST = "The answer could not be recorded: the spool did not take it."


class Spooling:
    def __init__(self, writer: Writer, metrics: Metrics, quota: Quota) -> None:
        self._writer = writer
        self._metrics = metrics
        self._quota = quota
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._numbered = 0
        """Calls whose begin is in the spool."""
        self._sync_failures = 0
        self.trouble = ""
        """Why calls are not recorded at the moment: `quota`, or as the system names it: `ENOSPC`. "": they are."""

    def begin(self, begin: Begin) -> str:
        """Why the call is not recorded; "" where it is."""
        data = exchange.encode(msgspec.structs.replace(begin, number=self._numbered + 1))
        reason = self._append(data) if self._quota.has_room(len(data)) else "quota"
        if not reason:
            self._numbered += 1
        self._tell(reason)
        return reason

    def write(self, record: Begin | Part | Finish) -> bool:
        """Of a call that began: whether its recording may forget it."""
        data = exchange.encode(record)
        reason = self._append(data)
        if reason:
            self._tell(reason)
            if isinstance(record, Finish):
                self._keep(record, data, reason)
        return not reason or isinstance(record, Finish)

    def look(self) -> None:
        """Before `retry`. Blocking; for a thread."""
        self._quota.look()

    def retry(self) -> None:
        """Once a second, from the worker's loop: what waits is written, where the spool takes it again."""
        if self._quota.is_low and not self._writer.empty:
            with contextlib.suppress(OSError):
                self._writer.rotate()  # so that the drain can remove what it has stored
        while self._waiting and not self._append(self._waiting[0]):
            self._waiting_bytes -= len(self._waiting.popleft())
        if self.trouble and not self._waiting and self._quota.has_room() and self._writer.recovers():
            self._tell("")
        if failed := self._writer.sync_failures - self._sync_failures:
            self._metrics.sync_failures.inc(failed)
            self._sync_failures += failed

    def close(self) -> None:
        """What waits still is lost."""
        self.retry()
        if self._waiting:
            self._metrics.records_dropped.labels(reason=self.trouble).inc(len(self._waiting))
        self._waiting.clear()

    def _append(self, data: bytes) -> str:
        try:
            self._writer.append(data)
        except OSError as error:
            return errno.errorcode.get(error.errno or 0, error.__class__.__name__)
        except ValueError:
            return "too large"
        self._quota.add(len(data))
        return ""

    def _keep(self, finish: Finish, data: bytes, reason: str) -> None:
        """An end that was not taken, until it is."""
        if reason == "too large" or self._waiting_bytes + len(data) > MOST_WAITING:
            self._metrics.records_dropped.labels(reason=reason).inc()
            lost = msgspec.structs.replace(
                finish, status="interrupted", error_type="spool_full", error_message=_LOST, body=b""
            )
            data = exchange.encode(lost)
            if self._waiting_bytes + len(data) > 2 * MOST_WAITING:
                return
        self._waiting.append(data)
        self._waiting_bytes += len(data)

    def _tell(self, reason: str) -> None:
        if reason not in (self.trouble, "too large"):
            self.trouble = reason
            self._metrics.spool_full.set(bool(reason))
