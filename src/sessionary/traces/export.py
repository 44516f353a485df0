"""Spans on their way to a collector: OpenTelemetry's SDK batches and sends them in a thread of its own.

Nothing here waits for the collector or fails by it. At most `_QUEUE` spans wait; what comes while as many do, and what
the collector does not take, is dropped and counted. The log hears once that spans do not arrive, and once that they do
again. The SDK's own log is not shown: it repeats itself, and quotes what collectors answer.
"""

import logging
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any

import requests
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import IdGenerator

from sessionary import __version__
from sessionary.metrics import Metrics
from sessionary.traces.asked import Target
from sessionary.traces.span import Parent, Span

log = logging.getLogger("sessionary.traces")
_QUEUE = 8192
"""Spans, of some 2 KB each; the drain may store as many calls in one round. OTEL_BSP_MAX_QUEUE_SIZE goes before it."""
_BATCH = 512
"""Spans in a request, or fewer where fewer may wait. OTEL_BSP_MAX_EXPORT_BATCH_SIZE goes before it."""
_LAST = 3.0
"""Seconds for what is left when the gateway stops: less than it gives the drain."""


class Export:
    """The way of one process's spans. Made after a fork, not before."""

    def __init__(self, target: Target, instance: str, metrics: Metrics) -> None:
        """`instance`: the gateway's id."""
        logging.getLogger("opentelemetry").addHandler(logging.NullHandler())
        logging.getLogger("opentelemetry").propagate = False
        self._ids = _Ids()
        self._tally = _Tally(target.host, metrics)
        self._queue = _asked("OTEL_BSP_MAX_QUEUE_SIZE", _QUEUE)
        batch = min(_asked("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", _BATCH), self._queue)
        exporter = _Told(OTLPSpanExporter(endpoint=target.url, session=_session(self._tally)), self._tally.sent)
        own = {"service.name": "sessionary", "service.version": __version__, "service.instance.id": instance}
        resource = Resource.create(own).merge(OTELResourceDetector().detect())
        self._provider = TracerProvider(resource=resource, id_generator=self._ids, shutdown_on_exit=False)
        batches = BatchSpanProcessor(exporter, max_queue_size=self._queue, max_export_batch_size=batch)
        self._provider.add_span_processor(batches)
        self._tracer = self._provider.get_tracer("sessionary", __version__)

    def send(self, span: Span) -> None:
        """Neither waits nor fails. Whether a span is wanted is the sampler's to say, by default the parent's."""
        if self._tally.waiting >= self._queue:
            self._tally.dropped(1)
            return
        self._ids.trace, self._ids.span = span.trace, span.span
        made = self._tracer.start_span(
            span.name,
            context=_within(span.parent),
            kind=trace.SpanKind.CLIENT,
            attributes=span.attributes,
            links=[
                trace.Link(_context(link.trace, link.span), {"sessionary.relation": link.relation})
                for link in span.links
            ],
            start_time=span.start,
        )
        if made.is_recording():
            self._tally.waits()
            if span.failed:
                made.set_status(trace.StatusCode.ERROR)
            made.end(span.end)

    def dropped(self, spans: int) -> None:
        """Spans that could not be made."""
        self._tally.dropped(spans)

    def close(self) -> None:
        """Sends what is left, for `_LAST` seconds at most."""
        closing = threading.Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        closing.start()
        closing.join(_LAST)
        self._tally.close()


class _Ids(IdGenerator):
    """Those of the span that is made next."""

    trace = span = 0

    def generate_trace_id(self) -> int:
        return self.trace

    def generate_span_id(self) -> int:
        return self.span


class _Tally:
    """How many spans wait, have arrived, and were dropped. Told by the drain and by the SDK's thread."""

    def __init__(self, host: str, metrics: Metrics) -> None:
        self._host = host
        self._metrics = metrics
        self._lock = threading.Lock()
        self._dropped = 0
        """Since spans arrived for the last time; 0 while they do."""
        self.waiting = 0
        self.answer = ""
        """What the collector said last, as a status; "" where it said nothing."""

    def waits(self) -> None:
        with self._lock:
            self.waiting += 1

    def sent(self, spans: int, *, arrived: bool) -> None:
        arrived = arrived and not self.answer.startswith("3")  # the SDK takes a redirect, which it does not follow, so
        with self._lock:
            self.waiting -= spans
            dropped, self._dropped = self._dropped, 0 if arrived else self._dropped
        if not arrived:
            return self.dropped(spans)
        self._metrics.spans.inc(spans)
        if dropped:
            log.info("%s takes spans again; %d were dropped", self._host, dropped)

    def dropped(self, spans: int) -> None:
        with self._lock:
            before, self._dropped = self._dropped, self._dropped + spans
        self._metrics.spans_dropped.inc(spans)
        if not before:
            why = f"it answers {self.answer}" if self.answer else "it does not answer"
            log.warning("%s does not take spans (%s): they are dropped, calls are stored all the same", self._host, why)

    def close(self) -> None:
        with self._lock:
            left, self.waiting = self.waiting, 0
        if left:
            self._metrics.spans_dropped.inc(left)
            log.warning("%d spans were not sent to %s before the end", left, self._host)


class _Told(SpanExporter):
    """Another exporter, of whose successes and failures `sent` is told."""

    def __init__(self, exporter: SpanExporter, sent: Callable[..., None]) -> None:
        self._exporter = exporter
        self._sent = sent

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        arrived = False
        try:
            arrived = self._exporter.export(spans) is SpanExportResult.SUCCESS
        finally:
            self._sent(len(spans), arrived=arrived)
        return SpanExportResult.SUCCESS if arrived else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        self._exporter.shutdown()


def _session(tally: _Tally) -> requests.Session:
    """It follows no redirects: the headers may have a secret in them, which is for one address."""

    class Session(requests.Session):
        def request(self, *args: Any, **options: Any) -> requests.Response:
            tally.answer = ""
            answer = super().request(*args, **{**options, "allow_redirects": False})
            tally.answer = str(answer.status_code)
            return answer

    return Session()


def _asked(name: str, usual: int) -> int:
    """By the environment, where it names a number."""
    given = os.environ.get(name, "")
    return int(given) if given.isdecimal() and int(given) else usual


def _within(parent: Parent | None) -> Context:
    if parent is None:
        return Context()
    within = _context(parent.trace, parent.span, sampled=parent.sampled)
    return trace.set_span_in_context(trace.NonRecordingSpan(within), Context())


def _context(trace_id: int, span_id: int, *, sampled: bool = True) -> trace.SpanContext:
    flags = trace.TraceFlags(trace.TraceFlags.SAMPLED if sampled else trace.TraceFlags.DEFAULT)
    return trace.SpanContext(trace_id, span_id, is_remote=True, trace_flags=flags)
