"""How one call crosses the gateway to one deployment and its answer comes back: as it is, or translated.

A passage has the bytes to send, and turns the answer's bytes into those that the client gets. `Straight` changes
as few as possible. `Translated` reads the caller's format, writes the provider's, and the answer the other way.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Protocol

import msgspec

from sessionary.errors import BadRequest, UpstreamError
from sessionary.providers.catalog import Provider
from sessionary.providers.routing import Target
from sessionary.relay.outgoing import Fields, outgoing
from sessionary.relay.usage_filter import without_usage
from sessionary.settings.tree import Format
from sessionary.wire import client_tools, dropping, loose, offered, telling
from sessionary.wire.canonical import Answer, Failed, Request, Told, Unsupported
from sessionary.wire.formats import FORMATS
from sessionary.wire.messages import errors as messages_errors
from sessionary.wire.sse import LONGEST, Parser

PATHS: dict[Format, str] = {"chat": "chat/completions", "responses": "responses", "messages": "messages"}
_OBJECT = re.compile(rb"\s*\{")


class Passage(Protocol):
    endpoint: str
    """The path below the provider's base URL."""
    body: bytes
    records_upstream: bool
    """Whether the log keeps the upstream's bytes; else those that the client gets."""
    apart: bool
    """Whether `feed` is given each event by itself; else several may be together."""
    dropped: tuple[str, ...]
    """What the provider cannot do and was not asked for."""
    behind: bytes
    """What the caller's format has behind the last event of a stream that passes as it is."""

    @property
    def unasked(self) -> bytes:
        """What only the log has, behind a stream that has ended: the usage that the client did not ask for."""

    @property
    def over(self) -> bool:
        """Whether a stream has told the client its end, or its failure."""

    def whole(self, status: int, body: bytes) -> bytes:
        """A whole answer's body for the client. Raises UpstreamError for a failure that came as an answer."""

    def told(self, body: bytes) -> bytes:
        """A whole answer as the stream that the client asked for; b"" where it gets it as it is."""

    def feed(self, events: Sequence[bytes]) -> bytes:
        """Whole events of a stream, for the client. Raises UpstreamError for one that is too long."""

    def close(self, rest: bytes) -> bytes:
        """What is left when the stream has ended; `rest`: what came after its last blank line."""

    def failure(self, failed: Failed) -> bytes:
        """The event that tells the client of a stream that broke; b"" where the format has none of its own."""


class Straight:
    """The same format on both sides."""

    records_upstream = True
    apart = False
    dropped: tuple[str, ...] = ()
    behind = b""
    unasked = b""
    over = False

    def __init__(self, endpoint: str, body: bytes, fields: Fields, target: Target, *, stream: bool) -> None:
        sent = outgoing(body, fields, target, stream=stream and endpoint != "messages")
        self.endpoint = endpoint
        self.body = sent.body
        self._usage_added = sent.usage_added
        self._in_messages = endpoint == "messages"

    def whole(self, status: int, body: bytes) -> bytes:
        if _OBJECT.match(body) and body.rstrip().endswith(b"}"):
            return body
        error = error_of(read_object(status, body))
        return msgspec.json.encode(FORMATS["messages" if self._in_messages else "chat"].write_error(status, *error))

    def told(self, body: bytes) -> bytes:
        return b""

    def feed(self, events: Sequence[bytes]) -> bytes:
        data = events[0] if len(events) == 1 else b"".join(events)
        return without_usage(data) if self._usage_added else data

    def close(self, rest: bytes) -> bytes:
        return self.feed([rest])

    def failure(self, failed: Failed) -> bytes:
        return messages_errors.event(failed) if self._in_messages else b""


class Translated:
    """Two formats. Raises BadRequest, naming the field, for what the provider's cannot say."""

    records_upstream = False
    apart = False
    behind = b""

    def __init__(
        self,
        asked: dict[str, Any],
        read: Callable[[dict[str, Any]], Request],
        caller: Format,
        target: Target,
        answer_id: str,
        created: int,
    ) -> None:
        """`read` makes the request of what was asked, with all that was said before."""
        spoken = target.speaks[0]
        restored: client_tools.Changed = {}

        def write(request: Request) -> dict[str, Any]:
            nonlocal restored
            params = msgspec.structs.replace(request.params, model=target.deployment.model)
            request = msgspec.structs.replace(request, params=params)
            request = offered.plainly(request)
            if spoken == "messages" or (spoken == "chat" and not target.provider.text_tools):
                request, restored = client_tools.as_functions(request)
            return FORMATS[spoken].write_request(request)

        dropped: list[str] = []
        try:
            if target.drops:
                body, dropped = dropping.written(asked, caller, read, write)
            else:
                body = write(read(asked))
        except Unsupported as error:
            raise BadRequest(
                f"{target.provider.title} cannot do this: {error}", param=error.field, code="unsupported_parameter"
            ) from None
        if spoken == "chat":
            body = as_provider_says(body, target.provider)
        self.endpoint = PATHS[spoken]
        self.body = loose.encode(body)
        self.dropped = tuple(dropped)
        self._restored = restored
        self._restoring = client_tools.Restoring(restored)
        self._caller = FORMATS[caller]
        self._upstream = FORMATS[spoken]
        self._asked = asked
        self._id = answer_id
        self._created = created
        self._parser = Parser()
        self._reader = self._upstream.Reader()
        self._writer = self._caller.Writer(asked, answer_id, created)

    def whole(self, status: int, body: bytes) -> bytes:
        value = read_object(status, body)
        if status >= 400:
            return msgspec.json.encode(self._caller.write_error(status, *error_of(value)))
        answer = self._upstream.read_answer(value)
        if self._caller is not FORMATS["responses"]:  # where a response may have failed
            check_answer(answer)
        answer = client_tools.restored(answer, self._restored)
        answer = msgspec.structs.replace(answer, id=self._id, created=answer.created or self._created)
        return loose.encode(self._caller.write_answer(answer, self._asked))

    def told(self, body: bytes) -> bytes:
        answer = self._upstream.read_answer(read_object(200, body))
        return self._written(telling.tell(answer)) + self._writer.close()

    @property
    def over(self) -> bool:
        return self._writer.body is not None

    @property
    def unasked(self) -> bytes:
        return self._writer.unasked

    def feed(self, events: Sequence[bytes]) -> bytes:
        check_lengths(events)
        return self._written(t for raw in events for event in self._parser.feed(raw) for t in self._reader.feed(event))

    def close(self, rest: bytes) -> bytes:
        parsed = [*self._parser.feed(rest), *self._parser.close()]
        told = [t for event in parsed for t in self._reader.feed(event)]
        told += self._reader.close()
        return self._written(told) + self._writer.close()

    def _written(self, told: Iterable[Told]) -> bytes:
        return b"".join(self._writer.feed(t) for each in told for t in self._restoring.feed(each))

    def failure(self, failed: Failed) -> bytes:
        return self._writer.feed(failed) + self._writer.close()


def check_lengths(events: Sequence[bytes]) -> None:
    """Raises UpstreamError where one is only a part of an event: nothing can be made of it."""
    if any(len(event) >= LONGEST for event in events):
        raise UpstreamError(f"The provider sent an event of {LONGEST} bytes or more", code="upstream_unreadable")


def read_object(status: int, body: bytes) -> dict[str, Any]:
    """A provider's answer or error. Raises UpstreamError for an answer that is no JSON object."""
    try:
        value = loose.decode(body)
    except loose.FAILURES:
        value = None
    if isinstance(value, dict):
        return value
    if status < 400:
        raise UpstreamError("The provider's answer could not be read", code="upstream_unreadable")
    return {"error": {"type": "upstream_error"}}  # a proxy's page


def check_answer(answer: Answer) -> None:
    """Raises UpstreamError where the provider failed, and said so with a status of 200."""
    if answer.stop == "error":
        said = (answer.error or {}).get("message")
        raise UpstreamError(str(said or "The provider failed"), code="upstream_failed")


def as_provider_says(body: dict[str, Any], provider: Provider) -> dict[str, Any]:
    """Chat has dialects."""
    if not provider.stream_usage:
        body = {key: value for key, value in body.items() if key != "stream_options"}
    if "max_completion_tokens" in body:
        body = {provider.most_output if k == "max_completion_tokens" else k: v for k, v in body.items()}
    return body


def error_of(value: dict[str, object]) -> tuple[str, str]:
    """Type and message of any provider's error body."""
    error = value.get("error", value)
    if isinstance(error, dict):
        return str(error.get("type") or "api_error"), str(
            error.get("message") or "The provider answered with an error."
        )
    return "api_error", str(error)
