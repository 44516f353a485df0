"""Relaying one call: tries deployments in order, then passes the answer on while a copy is recorded.

On every path the recording is finished before the client gets its last byte. Cancelling `run` (the client
has left, or the server stops) closes the upstream's connection; the caller finishes the recording then.
"""

import asyncio
import random
import re
from collections.abc import Callable
from typing import Protocol

import msgspec

from sessionary.errors import GatewayError, UpstreamError, UpstreamTimeout
from sessionary.errors import body as error_body
from sessionary.providers.routing import Router, Target
from sessionary.record.exchange import Attempt, Status
from sessionary.record.recorder import Recording, now_us
from sessionary.relay import headers as header_rules
from sessionary.relay.outgoing import Fields, Outgoing, outgoing
from sessionary.relay.upstream import Answer, Sleep, Upstream
from sessionary.relay.usage_filter import UsageFilter
from sessionary.settings import Settings

_RETRYABLE = frozenset({408, 429, 500, 502, 503, 504, 529})
_NEXT_TARGET = _RETRYABLE | {401, 403, 404}
"""A deployment that answers so may be misconfigured: another one may do better, the same one will not."""
_MAX_PAUSE = 60.0
_DONE = re.compile(rb"(?:^|[\r\n])data: ?\[DONE\]")


class Client(Protocol):
    """Where the answer goes. `send` returns when the client can take more."""

    async def start(self, status: int, headers: dict[str, str]) -> None: ...
    async def send(self, data: bytes) -> None: ...
    async def end(self, data: bytes = b"") -> None: ...


class Request(msgspec.Struct, frozen=True):
    """What is relayed."""

    endpoint: str
    """The path below the provider's base URL: `chat/completions`."""
    body: bytes
    fields: Fields
    stream: bool
    headers: dict[str, str]


class Opened(msgspec.Struct, frozen=True):
    """An answer that has begun, and how it was asked for."""

    answer: Answer
    target: Target
    sent: Outgoing


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
        except UpstreamError as error:
            recording.finish(
                _status_of(error),
                http_status=error.status,
                error_type=error.type,
                error_message=error.message,
            )
            raise
        try:
            if opened.answer.headers.get("content-type", "").startswith("text/event-stream"):
                await self._stream(opened, recording, client)
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
            sent = outgoing(request.body, request.fields, target, stream=request.stream)
            began = now_us()

            def attempted(http_status: int, error: str = "", target: Target = target, began: int = began) -> None:
                d = target.deployment
                recording.attempts.append(
                    Attempt(d.provider, target.label, d.model, began, now_us() - began, http_status, error)
                )

            try:
                answer = await self._upstreams(target).open(
                    target, request.endpoint, sent.body, headers, stream=request.stream
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
                return Opened(answer, target, sent)
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
        answer = opened.answer
        headers = header_rules.to_client(answer.headers)
        try:
            async for data in answer.chunks():
                recording.chunk(data)
        except UpstreamError as error:
            recording.finish(
                _status_of(error),
                http_status=error.status,
                error_type=error.type,
                error_message=error.message,
                headers=headers,
            )
            raise
        body = recording.pending()
        recording.finish("ok" if answer.status < 400 else "upstream_error", http_status=answer.status, headers=headers)
        await client.start(answer.status, {**headers, **_named(opened), "content-length": str(len(body))})
        await client.end(body)

    async def _stream(self, opened: Opened, recording: Recording, client: Client) -> None:
        answer = opened.answer
        headers = header_rules.to_client(answer.headers)
        usage = UsageFilter() if opened.sent.usage_added else None
        status: Status = "ok" if answer.status < 400 else "upstream_error"
        await client.start(
            answer.status, {**headers, **_named(opened), "cache-control": "no-cache", "x-accel-buffering": "no"}
        )
        tail = b""
        last = b""
        try:
            async for data in answer.chunks():
                recording.chunk(data)
                passed = usage.feed(data) if usage else data
                # The client has its answer with [DONE], whatever the upstream does afterwards: the record first.
                if _DONE.search(tail + data):
                    last = passed
                    break
                tail = data[-16:]
                if passed:
                    await client.send(passed)
        except UpstreamError as error:
            recording.finish(
                _status_of(error),
                http_status=answer.status,
                error_type=error.type,
                error_message=error.message,
                headers=headers,
            )
            failure = error_body(error, recording.call_id)
            await client.end(b"data: " + failure + b"\n\n")
            return
        if usage:
            last += usage.close()
        recording.finish(status, http_status=answer.status, headers=headers)
        await client.end(last)


def _named(opened: Opened) -> dict[str, str]:
    return {"x-sessionary-provider": opened.target.provider.name}


def _retry_after(answer: Answer) -> float | None:
    """Seconds; the date form is rare among providers and read as no wish."""
    try:
        return max(0.0, float(answer.headers.get("retry-after", "")))
    except ValueError:
        return None


def _status_of(error: GatewayError) -> Status:
    return "timeout" if isinstance(error, UpstreamTimeout) else "upstream_error"
