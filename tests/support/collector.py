"""An OpenTelemetry collector on loopback: what OTLP/HTTP it is sent, decoded.

with Collector() as collector:
    ...                              # a gateway with SESSIONARY_TRACES=collector.url
    span = collector.wait(1)[0]
    assert span["gen_ai.request.model"] == "gpt-4o"
"""

import gzip
import threading
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Wire

from tests.support.server import wait_for


@dataclass(frozen=True)
class Span:
    """Ids are hexadecimal, as in `traceparent`; times nanoseconds."""

    name: str
    kind: str
    trace: str
    id: str
    parent: str
    start: int
    end: int
    failed: bool
    said: str
    """The status's description."""
    attributes: dict[str, Any]
    links: list[tuple[str, str, dict[str, Any]]]
    """Trace, span, attributes."""
    events: int
    resource: dict[str, Any]

    def __getitem__(self, name: str) -> Any:
        return self.attributes[name]


@dataclass
class Collector:
    """`status` is what it answers; while `held` is set it does not answer at all."""

    status: int = 200
    held: threading.Event = field(default_factory=threading.Event)
    """Not to be waited for: see `let_go`."""
    spans: list[Span] = field(default_factory=list)
    bodies: list[bytes] = field(default_factory=list)
    """As they came, unpacked; also those that it refused."""
    headers: list[dict[str, str]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    quoting: bool = False
    """It quotes the request's headers in its answer, as some do in errors."""

    def __post_init__(self) -> None:
        self._let_go = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1/traces"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.let_go()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=5)

    def hold(self) -> None:
        self._let_go.clear()
        self.held.set()

    def let_go(self) -> None:
        self.held.clear()
        self._let_go.set()

    def received(self, path: str, headers: dict[str, str], body: bytes) -> None:
        body = gzip.decompress(body) if headers.get("content-encoding") == "gzip" else body
        self.paths.append(path)
        self.headers.append(headers)
        self.bodies.append(body)
        if self.held.is_set():
            self._let_go.wait(60)
        elif self.status == 200:
            self.spans += decoded(body)

    def wait(self, count: int, seconds: float = 20.0) -> list[Span]:
        """As soon as there are as many; in the order of their start."""
        wait_for(lambda: len(self.spans) >= count, seconds, f"{count} spans")
        assert len(self.spans) == count, [span.name for span in self.spans]
        return sorted(self.spans, key=lambda span: span.start)

    def of(self, call_id: str, seconds: float = 20.0) -> Span:
        """The one span of a call, as soon as it is there."""
        found = wait_for(lambda: self.all_of(call_id), seconds, f"the span of {call_id}")
        assert len(found) == 1, found
        return found[0]

    def all_of(self, call_id: str) -> list[Span]:
        return [span for span in self.spans if span["sessionary.call.id"] == call_id]


def _handler(collector: Collector) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            headers = {name.lower(): value for name, value in self.headers.items()}
            body = self.rfile.read(int(headers.get("content-length", "0")))
            collector.received(self.path, headers, body)
            answer = ExportTraceServiceResponse().SerializeToString()
            if collector.quoting:
                answer = str(headers).encode()
            self.send_response(collector.status, str(headers) if collector.quoting else None)
            self.send_header("content-length", str(len(answer)))
            self.send_header("content-type", "application/x-protobuf")
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, format: str, *args: Any) -> None:
            pass

        def handle_one_request(self) -> None:
            try:
                super().handle_one_request()
            except ConnectionError:  # a client that waited no longer
                self.close_connection = True

    return Handler


def decoded(body: bytes) -> list[Span]:
    request = ExportTraceServiceRequest.FromString(body)
    return [
        Span(
            span.name,
            Wire.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_"),
            span.trace_id.hex(),
            span.span_id.hex(),
            span.parent_span_id.hex(),
            span.start_time_unix_nano,
            span.end_time_unix_nano,
            span.status.code == span.status.STATUS_CODE_ERROR,
            span.status.message,
            _attributes(span.attributes),
            [(link.trace_id.hex(), link.span_id.hex(), _attributes(link.attributes)) for link in span.links],
            len(span.events),
            _attributes(resource.resource.attributes),
        )
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def _attributes(pairs: Any) -> dict[str, Any]:
    found: list[KeyValue] = list(pairs)
    return {pair.key: _value(pair.value) for pair in found}


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    if kind == "array_value":
        return [_value(one) for one in value.array_value.values]
    return getattr(value, kind) if kind else None
