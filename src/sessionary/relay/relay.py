"""Relaying one call: tries deployments in order, then passes the answer on while a copy is recorded.

On every path the recording is finished before the client gets its last byte. Cancelling `run` (the client
has left, or the server stops) closes the upstream's connection; the caller finishes the recording then.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Protocol

import msgspec

from sessionary.errors import BadRequest, GatewayError, UpstreamError, UpstreamTimeout
from sessionary.providers.routing import Router, Target
from sessionary.record.exchange import Attempt, Status
from sessionary.record.recorder import Recording, now_us
from sessionary.relay import headers as header_rules
from sessionary.relay.opened import Opened, opened
from sessionary.relay.passage import Passage
from sessionary.relay.streaming import Streaming
from sessionary.relay.upstream import Answer, Sleep, Upstream, is_stream
from sessionary.settings import Settings

_RETRYABLE = frozenset({408, 429, 500, 502, 503, 504, 529})
_NEXT_TARGET = _RETRYABLE | {401, 403, 404}
"""A deployment that answers so may be misconfigured: another one may do better, the same one will not."""
_MAX_PAUSE = 60.0
_EVENTS = "text/event-stream; charset=utf-8"
_UNBUFFERED = {"cache-control": "no-cache", "x-accel-buffering": "no"}


LastWords = Callable[[GatewayError], bytes]
"""The end of a stream that fails: an event in the caller's format."""


class Client(Protocol):
    """Where the answer goes. `send` returns when the client can take more; `put` takes at once, or not at all."""

    async def start(self, status: int, headers: dict[str, str], last_words: LastWords | None = None) -> None: ...
    async def send(self, data: bytes) -> None: ...
    def put(self, data: bytes) -> bool: ...
    async def end(self, data: bytes = b"") -> None: ...


class Request(msgspec.Struct, frozen=True):
    """What is relayed."""

    stream: bool
    headers: dict[str, str]
    """For the provider: those of the client that concern it."""
    passage: Callable[[Target], Passage]
    """How it crosses to a deployment. Raises BadRequest where that one cannot do what is asked."""


class Relay:
    def __init__(
        self,
        settings: Settings,
        router: Router,
        upstreams: Callable[[Target], Upstream],
        *,
        sleep: Sleep = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._settings = settings
        self._router = router
        self._upstreams = upstreams
        self._sleep = sleep
        self._jitter = jitter

    async def run(self, request: Request, targets: list[Target], recording: Recording, client: Client) -> None:
        """Raises GatewayError where there is no answer to pass on; the recording is finished in any case."""
        try:
            opened = await self._open(request, targets, recording)
        except GatewayError as error:
            recording.finish(
                _status_of(error),
                http_status=error.status,
                error_type=_kind(error),
                error_message=error.message,
            )
            raise
        try:
            if opened.given is None:
                await self._stream(opened, recording, client)
            else:
                await _whole(opened, opened.given, recording, client)
        finally:
            opened.answer.close()

    async def _open(self, request: Request, targets: list[Target], recording: Recording) -> Opened:
        """The first answer worth passing on, or the last one there was."""
        tries = max(len(targets), 1 + self._settings.retries)
        for n in range(tries):
            target = targets[n % len(targets)]
            recording.price = target.price
            last = n + 1 == tries
            try:
                passage = request.passage(target)
            except BadRequest:
                if last:
                    raise
                continue
            try:
                found = await self._try(request, target, passage, recording, last=last)
            except UpstreamError:
                self._router.failed(target)
                if last:
                    raise
                await self._pause(n + 1, len(targets), None)
                continue
            status = found.answer.status
            if status in _RETRYABLE:
                self._router.failed(target)
            elif found.given is not None:
                self._router.succeeded(target)
            again = status in (_RETRYABLE if len(targets) == 1 else _NEXT_TARGET)
            wait = _retry_after(found.answer)
            if last or not again or (wait or 0) > _MAX_PAUSE:
                return found
            found.answer.close()
            await self._pause(n + 1, len(targets), wait)
        raise AssertionError("unreachable")

    async def _try(
        self,
        request: Request,
        target: Target,
        passage: Passage,
        recording: Recording,
        *,
        last: bool,
    ) -> Opened:
        """One try, noted as an attempt. What came of a body that broke off is kept where no other try follows."""
        began, d = now_us(), target.deployment
        answer: Answer | None = None
        parts: list[bytes] = []

        def noted(error: str = "") -> None:
            status = answer.status if answer else 0
            took = now_us() - began
            recording.attempts.append(
                Attempt(d.provider, target.label, d.model, began, took, status, error, passage.dropped)
            )

        def kept() -> None:
            if answer is not None:
                answer.close()
            if passage.records_upstream and parts:
                recording.chunk(b"".join(parts))

        try:
            answer = await self._upstreams(target).open(
                target, passage.endpoint, passage.body, request.headers, stream=request.stream
            )
            found = await opened(answer, target, passage, parts, stream=request.stream)
        except UpstreamError as error:
            noted(error.message)
            if not last:
                parts.clear()
            kept()
            raise
        except asyncio.CancelledError:
            noted("Nobody waited for its answer any more")
            kept()
            raise
        noted()
        return found

    async def _pause(self, n: int, targets: int, retry_after: float | None) -> None:
        """Before try `n`: none while there are fresh deployments, then exponential with jitter."""
        rounds = n // targets
        if rounds == 0:
            return
        backoff = self._settings.retry_backoff * 2 ** (rounds - 1) * (0.5 + self._jitter() / 2)
        await self._sleep(min(max(backoff, retry_after or 0.0), _MAX_PAUSE))

    async def _stream(self, opened: Opened, recording: Recording, client: Client) -> None:
        answer, passage = opened.answer, opened.passage
        headers = header_rules.to_client(answer.headers) | _dropped(passage)
        if not is_stream(headers):
            headers["content-type"] = _EVENTS
        refused = answer.status >= 400
        streaming = Streaming(passage, recording)
        await client.start(answer.status, headers | _named(opened) | _UNBUFFERED, streaming.last_words)
        broke: UpstreamError | None = None
        said = b""

        def take(data: bytes) -> bool:
            nonlocal said
            said = streaming.feed(data)
            return not streaming.over and (not said or client.put(said))

        try:
            if opened.begun and not take(opened.begun) and not streaming.over:
                await client.send(said)
            while not streaming.over and not await answer.pour(take):
                if not streaming.over:
                    await client.send(said)
        except UpstreamError as error:
            broke = error
        if streaming.over:
            answer.close(ended=True)
        last, failure = streaming.close(broke, refused=refused)
        if failure is not None or streaming.missing:
            self._router.failed(opened.target)
        else:
            self._router.succeeded(opened.target)
        await recording.settle()
        if failure is None:
            recording.finish("upstream_error" if refused else "ok", http_status=answer.status, headers=headers)
            return await client.end(last)
        failed = streaming.last_words(failure)
        if not passage.records_upstream:
            recording.chunk(failed)
        recording.finish(
            _status_of(failure),
            http_status=answer.status,
            error_type=_kind(failure),
            error_message=failure.message,
            headers=headers,
        )
        await client.end(failed)


async def _whole(opened: Opened, given: bytes, recording: Recording, client: Client) -> None:
    answer, passage, body = opened.answer, opened.passage, opened.body
    headers = header_rules.to_client(answer.headers) | _dropped(passage)
    if body is not given:
        headers["content-type"] = _EVENTS if opened.told else "application/json"
    recording.chunk(given if passage.records_upstream else body + passage.unasked)
    await recording.settle()
    recording.finish("ok" if answer.status < 400 else "upstream_error", http_status=answer.status, headers=headers)
    await client.start(answer.status, {**headers, **_named(opened), "content-length": str(len(body))})
    await client.end(body)


def _named(opened: Opened) -> dict[str, str]:
    return {"x-sessionary-provider": opened.target.provider.name}


def _dropped(passage: Passage) -> dict[str, str]:
    """In the client's headers and in the log's."""
    return {"x-sessionary-dropped": ", ".join(passage.dropped)} if passage.dropped else {}


def _retry_after(answer: Answer) -> float | None:
    """Seconds; the date form is rare among providers and read as no wish."""
    given = answer.headers.get("retry-after")
    if given is None:
        return None
    try:
        return max(0.0, float(given))
    except ValueError:
        return None


def _kind(error: GatewayError) -> str:
    """As the log names it: an upstream that could not be reached by its type, anything else by its code."""
    usual = isinstance(error, UpstreamError) and error.code == type(error).code
    return error.type if usual else error.code or error.type


def _status_of(error: GatewayError) -> Status:
    if not isinstance(error, UpstreamError):
        return "rejected"
    return "timeout" if isinstance(error, UpstreamTimeout) else "upstream_error"
