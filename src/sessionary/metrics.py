"""What the gateway counts, for Prometheus. No label carries anything a tenant wrote.

With several processes each writes its own files in `folder` and a scrape of any of them adds all up.
"""

import contextlib
import json
import logging
import os
import shutil
from bisect import bisect_left
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry, Metric


log = logging.getLogger("sessionary")
_STARTED = "started"
"""A file whose time is the gateway's start, from which on everything here counts."""
_CARRIED = "lost.json"
"""A file with what was lost before that, by counter and reason: a loss stays one, however often the gateway starts."""
_CALLS_DROPPED = "sessionary_calls_dropped"
_RECORDS_DROPPED = "sessionary_records_dropped"
_LOSSES = (_CALLS_DROPPED, _RECORDS_DROPPED)
_REASONS = ("quota", "ENOSPC", "EDQUOT", "EIO", "EROFS", "too large")
"""Why the spool usually does not take something."""
_SECONDS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
Losses = dict[str, dict[str, int]]
"""Counter -> reason -> how many."""


def prepare(folder: Path) -> None:
    """Before anything imports prometheus_client, in the process that starts the others.

    A fresh folder takes the place of the last gateway's, with its losses. It is killed anywhere in between, and they
    are still counted once: a whole folder is renamed, and what is in `folder` is all there is.
    """
    fresh, past = folder.with_name(f"{folder.name}.new"), folder.with_name(f"{folder.name}.old")
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)
    if fresh.exists() and not folder.exists():
        fresh.rename(folder)
    shutil.rmtree(fresh, ignore_errors=True)
    shutil.rmtree(past, ignore_errors=True)
    fresh.mkdir(parents=True, mode=0o700)
    try:
        lost = _lost(folder)
    except Exception:  # files as a power failure leaves them: the gateway starts all the same
        log.exception("what the last gateway counted cannot be read")
        lost = _carried(folder)
    (fresh / _CARRIED).write_text(json.dumps(lost))
    (fresh / _STARTED).touch()
    if folder.exists():
        folder.rename(past)
    fresh.rename(folder)
    shutil.rmtree(past, ignore_errors=True)


def _lost(folder: Path) -> Losses:
    """What was lost ever, as far as `folder` knows: before its gateway started, and since."""
    found: Losses = _carried(folder)
    for metric in _collected(folder).collect():
        for sample in metric.samples if metric.name in _LOSSES else ():
            if sample.name.endswith("_total") and sample.value:
                by_reason = found.setdefault(metric.name, {})
                by_reason[sample.labels["reason"]] = by_reason.get(sample.labels["reason"], 0) + int(sample.value)
    return found


def _carried(folder: Path) -> Losses:
    try:
        carried: Losses = json.loads((folder / _CARRIED).read_bytes())
    except (FileNotFoundError, ValueError):  # the first start; or power failed while it was written
        return {}
    return carried


def _collected(folder: Path) -> "CollectorRegistry":
    """All processes' counters."""
    import prometheus_client as prom
    from prometheus_client.multiprocess import MultiProcessCollector

    class Files:
        def collect(self) -> Iterable["Metric"]:
            whole = [str(p) for p in folder.glob("*.db") if _size(p)]  # others are being made
            merged: Iterable[Metric] = MultiProcessCollector.merge(whole, accumulate=True)  # type: ignore[no-untyped-call]
            return merged

    registry = prom.CollectorRegistry()
    registry.register(Files())
    return registry


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0


def gone(folder: Path, pid: int) -> None:
    """A process has ended: what it had in flight is in flight no more. What it counted stays counted."""
    for path in folder.glob(f"gauge_live*_{pid}.db"):
        path.unlink(missing_ok=True)


class Durations:
    """How long calls took, counted in memory."""

    __slots__ = ("counts", "sum")

    def __init__(self) -> None:
        self.counts = [0] * (len(_SECONDS) + 1)
        """By bucket, the last one for what is longer than any."""
        self.sum = 0.0
        """Seconds."""

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(_SECONDS, seconds)] += 1
        self.sum += seconds


class Metrics:
    """The counters of one process."""

    def __init__(self) -> None:
        import prometheus_client as prom

        self._prom = prom
        self._registry = prom.CollectorRegistry()
        r = self._registry
        self.begun = prom.Counter("sessionary_calls_begun", "Calls accepted.", registry=r)
        self.finished = prom.Counter("sessionary_calls_finished", "Calls ended, by status.", ["status"], registry=r)
        self.dropped = prom.Counter(
            _CALLS_DROPPED, "Calls that were answered and not recorded: the spool did not take them.", ["reason"],
            registry=r,
        )  # fmt: skip
        self.records_dropped = prom.Counter(
            _RECORDS_DROPPED,
            "Ends of recorded calls that the spool did not take, or not with the answer.",
            ["reason"],
            registry=r,
        )
        self.spool_full = prom.Gauge(
            "sessionary_spool_full",
            "1 while calls are not recorded.",
            registry=r,
            multiprocess_mode="mostrecent",
        )
        self.sync_failures = prom.Counter(
            "sessionary_spool_sync_failures",
            "Times that what was recorded could not be made durable: a power failure may cost it.",
            registry=r,
        )
        self.unredacted = prom.Counter(
            "sessionary_bodies_unredacted", "Bodies that could not be redacted: nothing of them was kept.", registry=r
        )
        self.refused = prom.Counter(
            "sessionary_requests_refused",
            "Requests answered with an error before a call began.",
            ["code"],
            registry=r,
        )
        self.in_flight = prom.Gauge(
            "sessionary_calls_in_flight", "Calls that are being answered.", registry=r, multiprocess_mode="livesum"
        )
        self.body_bytes = prom.Gauge(
            "sessionary_body_bytes", "Bytes of request bodies held.", registry=r, multiprocess_mode="livesum"
        )
        self.limited = prom.Counter(
            "sessionary_calls_limited", "Calls rejected by a limit of their key or session.", ["limit"], registry=r
        )
        self.limits_unreached = prom.Counter(
            "sessionary_limits_unreached",
            "Times that limits could not be counted: the calls went through.",
            registry=r,
        )
        self.stored = prom.Counter("sessionary_calls_stored", "Finished calls committed to the store.", registry=r)
        self.threaded = prom.Counter(
            "sessionary_calls_threaded",
            "Stored calls, by the rule that found their session: a rule of content, or the kind of any other.",
            ["rule", "ambiguous"],
            registry=r,
        )
        self.overtaken = prom.Counter(
            "sessionary_rounds_overtaken",
            "Rounds of storing that began anew, for another gateway had changed the same session meanwhile.",
            registry=r,
        )
        self.set_aside = prom.Counter(
            "sessionary_records_set_aside", "Spool records that could not be understood.", registry=r
        )
        self.spans = prom.Counter("sessionary_spans_sent", "Spans that a collector has taken.", registry=r)
        self.spans_dropped = prom.Counter(
            "sessionary_spans_dropped", "Spans that could not be made, or that no collector took.", registry=r
        )
        self.lag = prom.Gauge(
            "sessionary_store_lag_seconds",
            "How long the oldest record of the drain's last round had waited when it was stored.",
            registry=r,
            multiprocess_mode="mostrecent",
        )
        self._duration = prom.Histogram(
            "sessionary_call_seconds", "From accepting a call to its last byte.", registry=r, buckets=_SECONDS
        )

        for counter in (self.dropped, self.records_dropped):
            for reason in _REASONS:
                counter.labels(reason=reason)  # there from 0 on: who looks for an increase would miss the first
        self._take_room()

    def _take_room(self) -> None:
        """Makes this process's files whole on the disk: they are mapped into memory, and to touch a hole in a mapped
        file kills where the disk is full."""
        if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
            for path in self._folder.glob(f"*_{os.getpid()}.db"):
                with contextlib.suppress(OSError), path.open("r+b") as file:
                    os.posix_fallocate(file.fileno(), 0, path.stat().st_size)

    def took(self, durations: "Durations") -> None:
        """Adds them to the histogram, which has no other way to be told of many at once."""
        for bucket, count in zip(self._duration._buckets, durations.counts, strict=True):
            if count:
                bucket.inc(count)
        self._duration._sum.inc(durations.sum)

    def lost(self) -> bool:
        """Whether this process has lost a record."""
        found = [m for counter in (self.dropped, self.records_dropped) for m in counter.collect()]
        return any(s.value for m in found for s in m.samples if s.name.endswith("_total"))

    def totals(self) -> dict[str, int]:
        """What all processes have counted since the gateway started, by counter, over all its labels."""
        found: dict[str, int] = {}
        for metric in self._all().collect():
            if metric.type == "counter":
                found[metric.name] = int(sum(s.value for s in metric.samples if s.name.endswith("_total")))
        return found

    def last(self, name: str) -> float | None:
        """A gauge, as the process that set it last did; None before."""
        samples = [s for m in self._all().collect() if m.name == name for s in m.samples]
        return samples[0].value if samples else None

    def started(self) -> float | None:
        """When the gateway started: seconds since 1970."""
        try:
            return (self._folder / _STARTED).stat().st_mtime
        except (KeyError, FileNotFoundError):
            return None

    def dropped_calls(self) -> dict[str, int]:
        """Calls that were answered and not recorded, by reason; ever."""
        return _lost(self._folder).get(_CALLS_DROPPED, {})

    def dropped_records(self) -> dict[str, int]:
        """The same of pieces and ends of calls that are recorded."""
        return _lost(self._folder).get(_RECORDS_DROPPED, {})

    def exposition(self, more: Iterable["Metric"] = ()) -> bytes:
        """For Prometheus; `more` is what the caller has found just now."""

        class Found:
            def collect(self) -> Iterable["Metric"]:
                return more

        registry = self._all()
        registry.register(Found())
        return self._prom.generate_latest(registry)

    @property
    def _folder(self) -> Path:
        return Path(os.environ["PROMETHEUS_MULTIPROC_DIR"])

    def _all(self) -> "CollectorRegistry":
        return _collected(self._folder)
