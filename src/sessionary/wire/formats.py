"""The three formats by name: what reads and writes each. Pure.

A request of one format becomes another's by `FORMATS[a].read_request` and `FORMATS[b].write_request`; answers and
streams go the same way back.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol

from sessionary.settings.tree import Format
from sessionary.wire.canonical import Answer, Request, Told
from sessionary.wire.chat import answer as chat_answer
from sessionary.wire.chat import request as chat_request
from sessionary.wire.chat import stream as chat_stream
from sessionary.wire.messages import answer as messages_answer
from sessionary.wire.messages import errors as messages_errors
from sessionary.wire.messages import request as messages_request
from sessionary.wire.messages import stream as messages_stream
from sessionary.wire.responses import answer as responses_answer
from sessionary.wire.responses import request as responses_request
from sessionary.wire.responses import stream as responses_stream
from sessionary.wire.sse import Event

Body = dict[str, Any]


class Reader(Protocol):
    """Of an upstream's stream."""

    def feed(self, event: Event) -> list[Told]: ...

    def close(self) -> list[Told]:
        """At the end of the bytes: what was still held, and `Failed` where the stream did not end by itself."""


class Writer(Protocol):
    """Of a client's stream, as SSE bytes."""

    body: Body | None
    """The whole answer, from `Ended` or `Failed` on."""

    @property
    def unasked(self) -> bytes:
        """An event with the usage, where the client's stream has none because it did not ask."""

    def feed(self, told: Told) -> bytes: ...

    def close(self) -> bytes: ...


class Functions(NamedTuple):
    read_request: Callable[[Body], Request]
    """Raises Unsupported where the body is not one of this format."""
    write_request: Callable[[Request], Body]
    """Raises Unsupported, with the field that this format cannot say."""
    read_answer: Callable[[Body], Answer]
    write_answer: Callable[[Answer, Body], Body]
    """With the caller's request, for the fields that an answer echoes."""
    write_error: Callable[[int, str, str], Body]
    """The body of a failure: HTTP status, type and message."""
    Reader: Callable[[], Reader]
    Writer: Callable[[Body, str, int], Writer]
    """The caller's request, the answer's id, and when it was made (seconds)."""


def _openai_error(status: int, type: str, message: str) -> Body:
    return {"error": {"message": message, "type": type, "param": None, "code": None}}


FORMATS: Mapping[Format, Functions] = MappingProxyType(
    {
        "chat": Functions(
            chat_request.read_request,
            chat_request.write_request,
            chat_answer.read_answer,
            chat_answer.write_answer,
            _openai_error,
            chat_stream.Reader,
            chat_stream.Writer,
        ),
        "responses": Functions(
            responses_request.read_request,
            responses_request.write_request,
            responses_answer.read_answer,
            responses_answer.write_answer,
            _openai_error,
            responses_stream.Reader,
            responses_stream.Writer,
        ),
        "messages": Functions(
            messages_request.read_request,
            messages_request.write_request,
            messages_answer.read_answer,
            messages_answer.write_answer,
            messages_errors.write,
            messages_stream.Reader,
            messages_stream.Writer,
        ),
    }
)
