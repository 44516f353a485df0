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
from sessionary.errors import body as error_body
from sessionary.providers.routing import Router, Target
from sessionary.record.exchange import Attempt, Status
from sessionary.record.recorder import Recording, now_us
from sessionary.relay import headers as header_rules
from sessionary.relay.ends import Ends, ends_of
from sessionary.relay.passage import Passage
from sessionary.relay.upstream import Answer, Sleep, Upstream
from sessionary.settings import Settings
from sessionary.wire.canonical import Failed

_RETRYABLE = frozenset({408, 429, 500, 502, 503, 504, 529})
_NEXT_TARGET = _RETRYABLE | {401, 403, 404}
"""A deployment that answers so may be misconfigured: another one may do better, the same one will not."""
_MAX_PAUSE = 60.0
_EVENTS = "text/event-stream; charset=utf-8"


class Client(Protocol):
    """Where the answer goes. `send` returns when the client can take more."""

    async def start(self, status: int, headers: dict[str, str]) -> None: ...
    async def send(self, data: bytes) -> None: ...
    async def end(self, data: bytes = b"") -> None: ...


class Request(msgspec.Struct, frozen=True):
    """What is relayed."""

    endpoint: str
    """`chat/completions`, `responses`, `messages`, …: the caller's path, and what ends its streams."""
    stream: bool
    headers: dict[str, str]
    passage: Callable[[Target], Passage]
    """How it crosses to a deployment. Raises BadRequest where that one cannot do what is asked."""


class Opened(msgspec.Struct, frozen=True):
    """An answer that has begun, and how it was asked for."""

    answer: Answer
    target: Target
    passage: Passage


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
                error_type=error.type if isinstance(error, UpstreamError) else error.code or error.type,
                error_message=error.message,
            )
            raise
        try:
            if opened.answer.headers.get("content-type", "").startswith("text/event-stream"):
                await self._stream(opened, ends_of(request.endpoint), recording, client)
            else:
                await self._whole(opened, recording, client)
        finally:
            opened.answer.close()

    async def _open(self, request: Request, targets: list[Target], recording: Recording) -> Opened:
        """The first answer worth passing on, or the last one there was."""
        tries = max(len(targets), 1 + self._settings.retries)
        headers = header_rules.to_upstream(request.headers)
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
            began = now_us()

            def attempted(
                http_status: int,
                error: str = "",
                target: Target = target,
                began: int = began,
                passage: Passage = passage,
            ) -> None:
                d = target.deployment
                recording.attempts.append(
                    Attempt(
                        d.provider, target.label, d.model, began, now_us() - began, http_status, error, passage.dropped
                    )
                )

            try:
                answer = await self._upstreams(target).open(
                    target, passage.endpoint, passage.body, headers, stream=request.stream
                )
                if 300 <= answer.status < 400:
                    answer.close()
                    raise UpstreamError(f"{target.provider.title} answered with a redirect, which is not followed")
            except UpstreamError as error:
                attempted(0, error.message)
                self._router.failed(target)
                if last:
                    raise
                await self._pause(n + 1, len(targets), None)
                continue
            attempted(answer.status)
            if answer.status in _RETRYABLE:
                self._router.failed(target)
            else:
                self._router.succeeded(target)
            again = answer.status in (_RETRYABLE if len(targets) == 1 else _NEXT_TARGET)
            wait = _retry_after(answer)
            if last or not again or (wait or 0) > _MAX_PAUSE:
                return Opened(answer, target, passage)
            answer.close()
            await self._pause(n + 1, len(targets), wait)
        raise AssertionError("unreachable")

    async def _pause(self, n: int, targets: int, retry_after: float | None) -> None:
        """Before try `n`: none while there are fresh deployments, then exponential with jitter."""
        rounds = n // targets
        if rounds == 0:
            return
        backoff = self._settings.retry_backoff * 2 ** (rounds - 1) * (0.5 + self._jitter() / 2)
        await self._sleep(min(max(backoff, retry_after or 0.0), _MAX_PAUSE))

    async def _whole(self, opened: Opened, recording: Recording, client: Client) -> None:
        answer, passage = opened.answer, opened.passage
        headers = {**header_rules.to_client(answer.headers), **_dropped(passage)}
        parts: list[bytes] = []
        try:
            async for data in answer.chunks():
                parts.append(data)
                if passage.records_upstream:
                    recording.chunk(data)
            given = b"".join(parts)
            told = passage.told(given) if recording.begin.stream and answer.status < 400 else b""
            body = told or passage.whole(answer.status, given)
        except UpstreamError as error:
            recording.finish(
                _status_of(error),
                http_status=error.status,
                error_type=error.type,
                error_message=error.message,
                headers=headers,
            )
            raise
        if body is not given:
            headers = {**headers, "content-type": _EVENTS if told else "application/json"}
            headers.pop("content-encoding", None)
        if not passage.records_upstream:
            recording.chunk(body)
        recording.finish("ok" if answer.status < 400 else "upstream_error", http_status=answer.status, headers=headers)
        await client.start(answer.status, {**headers, **_named(opened), "content-length": str(len(body))})
        await client.end(body)

    async def _stream(self, opened: Opened, ends: Ends, recording: Recording, client: Client) -> None:
        answer, passage = opened.answer, opened.passage
        headers = {**header_rules.to_client(answer.headers), **_dropped(passage)}
        status: Status = "ok" if answer.status < 400 else "upstream_error"
        named = {**headers, **_named(opened), "cache-control": "no-cache", "x-accel-buffering": "no"}
        await client.start(answer.status, named)
        last = b""
        try:
            async for data in answer.chunks():
                passed = passage.feed(data)
                # The log has it before the client does, and the end of the record before the end of the answer.
                recorded = data if passage.records_upstream else passed
                if recorded:
                    recording.chunk(recorded)
                if ends.feed(passed):
                    last = passed
                    break
                if passed:
                    await client.send(passed)
        except UpstreamError as error:
            failed = passage.failure(Failed(error.type, error.message, error.code or ""))
            if not passage.records_upstream:
                recording.chunk(failed)
            recording.finish(
                _status_of(error),
                http_status=answer.status,
                error_type=error.type,
                error_message=error.message,
                headers=headers,
            )
            await client.end(failed or b"data: " + error_body(error, recording.call_id) + b"\n\n")
            return
        rest = passage.close()
        ends.feed(rest)
        if status == "ok" and ends.missing:
            rest += passage.failure(Failed("upstream_error", "The provider broke off its answer", "stream_incomplete"))
        if rest and not passage.records_upstream:
            recording.chunk(rest)
        recording.finish(status, http_status=answer.status, headers=headers)
        await client.end(last + rest)


def _named(opened: Opened) -> dict[str, str]:
    return {"x-sessionary-provider": opened.target.provider.name}


def _dropped(passage: Passage) -> dict[str, str]:
    """In the client's headers and in the log's."""
    return {"x-sessionary-dropped": ", ".join(passage.dropped)} if passage.dropped else {}


def _retry_after(answer: Answer) -> float | None:
    """Seconds; the date form is rare among providers and read as no wish."""
    try:
        return max(0.0, float(answer.headers.get("retry-after", "")))
    except ValueError:
        return None


def _status_of(error: GatewayError) -> Status:
    if not isinstance(error, UpstreamError):
        return "rejected"
    return "timeout" if isinstance(error, UpstreamTimeout) else "upstream_error"
