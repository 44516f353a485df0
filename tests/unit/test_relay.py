"""Tries, pauses and fallbacks, with upstreams that answer by script."""

import asyncio
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from sessionary.errors import BadRequest, UpstreamError, UpstreamTimeout
from sessionary.providers.catalog import CATALOG
from sessionary.providers.routing import Router, Target
from sessionary.record import exchange
from sessionary.record.exchange import Begin, Finish
from sessionary.record.recorder import Recording
from sessionary.relay.crossing import crossing
from sessionary.relay.relay import LastWords, Relay, Request
from sessionary.relay.upstream import Take, read_to
from sessionary.settings import Deployment, Settings

BODY = b'{"model":"gpt-4o","messages":[]}'


class ScriptedAnswer:
    def __init__(self, status: int, headers: Mapping[str, str], parts: list[bytes | Exception]) -> None:
        self.status = status
        self.headers = headers
        self.closed = False
        self._parts = list(parts)

    async def read(self) -> bytes:
        part = self._parts.pop(0) if self._parts else b""
        if isinstance(part, Exception):
            raise part
        return part

    async def pour(self, take: Take) -> bool:
        return await read_to(take, self)

    def close(self, *, ended: bool = False) -> None:
        self.closed = True


class ScriptedUpstream:
    def __init__(self, *answers: ScriptedAnswer | Exception | asyncio.Event) -> None:
        """An event is waited for."""
        self.answers = list(answers)
        self.asked: list[str] = []

    async def open(
        self, target: Target, endpoint: str, body: bytes, headers: Mapping[str, str], *, stream: bool
    ) -> ScriptedAnswer:
        self.asked.append(target.label)
        answer = self.answers.pop(0)
        if isinstance(answer, asyncio.Event):
            await answer.wait()
        if isinstance(answer, Exception):
            raise answer
        assert isinstance(answer, ScriptedAnswer)
        return answer


class Client:
    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.body = b""
        self.ended = False

    async def start(self, status: int, headers: dict[str, str], last_words: LastWords | None = None) -> None:
        self.status, self.headers = status, headers

    async def send(self, data: bytes) -> None:
        self.body += data

    def put(self, data: bytes) -> bool:
        return False

    async def end(self, data: bytes = b"") -> None:
        self.body += data
        self.ended = True


def ok(body: bytes = b'{"ok":1}') -> ScriptedAnswer:
    return ScriptedAnswer(200, {"content-type": "application/json"}, [body])


def failing(status: int, **headers: str) -> ScriptedAnswer:
    named = {k.replace("_", "-"): v for k, v in headers.items()}
    return ScriptedAnswer(status, {"content-type": "application/json", **named}, [b'{"error":{}}'])


def events(*parts: bytes | Exception) -> ScriptedAnswer:
    return ScriptedAnswer(200, {"content-type": "text/event-stream"}, list(parts))


class Run:
    """One relayed call, and what came of it."""

    def __init__(
        self,
        *answers: ScriptedAnswer | Exception | asyncio.Event,
        names: tuple[str, ...] = ("a",),
        provider: str = "openai",
        drops: bool = False,
        **settings: Any,
    ) -> None:
        self.upstream = ScriptedUpstream(*answers)
        self.pauses: list[float] = []
        self.written: list[Finish] = []
        self.client = Client()
        self.targets = [Target(Deployment(provider, "gpt-4o", name=n), CATALOG[provider], drops=drops) for n in names]
        given = Settings(data_dir=Path(), **settings)

        async def sleep(seconds: float) -> None:
            self.pauses.append(seconds)

        self.router = Router(given, {})
        self.relay = Relay(given, self.router, lambda t: self.upstream, sleep=sleep, jitter=lambda: 1.0)

    async def go(self, *, stream: bool = False, body: bytes = BODY) -> "Run":
        begin = Begin("call_1", 0, 1, "k", "s", "s", "id", "r", "chat.completions", "gpt-4o", stream, "", "", {}, body)

        def write(record: exchange.Record) -> bool:
            assert not self.client.ended, "recorded after the client had its last byte"
            if isinstance(record, Finish):
                self.written.append(record)
            return True

        self.recording = recording = Recording(begin, write, lambda b, s: None)
        fields = msgspec.json.decode(body, type=dict[str, msgspec.Raw])
        passage = crossing("chat.completions", body, fields, [], "call_1", 0, stream=stream)
        request = Request(stream, {}, passage)
        await self.relay.run(request, self.targets, recording, self.client)
        return self

    @property
    def finish(self) -> Finish:
        (only,) = self.written
        return only


async def test_an_answer_is_passed_on_and_recorded_first() -> None:
    run = await Run(ok()).go()
    assert (run.client.status, run.client.body) == (200, b'{"ok":1}')
    assert (run.finish.status, run.finish.body) == ("ok", b'{"ok":1}')
    assert run.client.headers["x-sessionary-provider"] == "openai"


SEEDED = b'{"model":"gpt-4o","messages":[{"role":"user","content":"hi"}],"seed":7}'
SAID = ScriptedAnswer(
    200,
    {"content-type": "application/json"},
    [b'{"id":"msg_1","type":"message","role":"assistant","content":[{"type":"text","text":"hi"}]}'],
)


async def test_what_a_provider_cannot_do_is_refused_and_recorded() -> None:
    run = Run(provider="anthropic")
    with pytest.raises(BadRequest) as refused:
        await run.go(body=SEEDED)
    assert refused.value.param == "seed"
    assert (run.finish.status, run.finish.http_status) == ("rejected", 400)
    assert run.finish.error_type == "unsupported_parameter"
    assert run.finish.attempts == []


async def test_what_a_provider_cannot_do_is_dropped_and_named_where_that_is_wanted() -> None:
    run = await Run(SAID, provider="anthropic", drops=True).go(body=SEEDED)
    assert run.client.status == 200
    assert run.client.headers["x-sessionary-dropped"] == run.finish.headers["x-sessionary-dropped"] == "seed"
    assert [attempt.dropped for attempt in run.finish.attempts] == [("seed",)]


async def test_a_failure_is_passed_on_as_it_is_where_no_try_is_left() -> None:
    run = await Run(failing(429, retry_after="7")).go()
    assert (run.client.status, run.client.headers["retry-after"]) == (429, "7")
    assert run.finish.status == "upstream_error"


async def test_tries_go_on_after_pauses_that_double() -> None:
    run = await Run(failing(500), failing(503), UpstreamError(), ok(), retries=3, retry_backoff=1.0).go()
    assert run.client.status == 200
    assert run.pauses == [1.0, 2.0, 4.0]
    assert [a.http_status for a in run.finish.attempts] == [500, 503, 0, 200]


async def test_retry_after_is_kept_to_and_a_long_one_is_the_clients() -> None:
    assert (await Run(failing(429, retry_after="9"), ok(), retries=1).go()).pauses == [9.0]
    run = await Run(failing(429, retry_after="900"), ok(), retries=1).go()
    assert (run.client.status, run.pauses) == (429, [])


async def test_another_deployment_is_tried_at_once() -> None:
    run = await Run(failing(401), UpstreamError(), ok(), names=("a", "b", "c")).go()
    assert run.upstream.asked == ["a", "b", "c"]
    assert run.pauses == []
    assert run.finish.deployment == "c"


async def test_what_another_try_cannot_mend_is_not_tried_again() -> None:
    run = await Run(failing(400), ok(), names=("a", "b"), retries=5).go()
    assert run.client.status == 400
    assert run.upstream.asked == ["a"]


@pytest.mark.parametrize(
    ("error", "status"), [(UpstreamError("x"), "upstream_error"), (UpstreamTimeout("x"), "timeout")]
)
async def test_no_answer_at_all(error: Exception, status: str) -> None:
    run = Run(error)
    with pytest.raises(UpstreamError):
        await run.go()
    assert run.finish.status == status
    assert not run.client.ended


async def test_a_redirect_is_not_followed() -> None:
    run = Run(ScriptedAnswer(307, {"location": "http://elsewhere"}, []))
    with pytest.raises(UpstreamError, match="redirect"):
        await run.go()


async def test_a_stream_ends_for_the_client_at_done_whatever_follows() -> None:
    run = await Run(events(b"data: {}\n\n", b"data: [DO", b"NE]\n\n", UpstreamTimeout("silent"))).go(stream=True)
    assert run.client.body == b"data: {}\n\ndata: [DONE]\n\n"
    assert run.finish.status == "ok"


async def test_a_stream_that_breaks_says_so_and_keeps_what_came() -> None:
    run = await Run(events(b"data: {}\n\n", UpstreamError("broke off"))).go(stream=True)
    assert run.client.body.startswith(b"data: {}\n\ndata: {")
    assert b"broke off" in run.client.body
    assert (run.finish.status, run.finish.body) == ("upstream_error", b"data: {}\n\n")


async def resting(run: Run, calls: int, *, stream: bool = False) -> bool:
    """Whether the deployment is left alone after so many calls."""
    for _ in range(calls):
        run.client = Client()
        await run.go(stream=stream)
    return run.router.cooling(run.targets[0]) > 0


async def test_failures_count_in_a_row() -> None:
    several = {"allowed_failures": 2, "retries": 0}
    assert await resting(Run(failing(500), failing(500), **several), 2)
    assert not await resting(Run(failing(500), ok(), failing(500), **several), 3)
    done = b"data: {}\n\ndata: [DONE]\n\n"
    assert not await resting(Run(failing(500), events(done), failing(500), **several), 3, stream=True)


async def test_a_stream_without_its_end_counts_as_a_failure_also_where_it_refuses() -> None:
    refused = ScriptedAnswer(400, {"content-type": "text/event-stream"}, [b"data: {}\n\n"])
    assert await resting(Run(refused, allowed_failures=1, retries=0), 1, stream=True)


async def test_every_answer_is_closed() -> None:
    answers = [failing(500), ok()]
    await Run(*answers, retries=1).go()
    assert all(a.closed for a in answers)


async def test_who_was_asked_is_known_where_nobody_waited_for_the_answer() -> None:
    run = Run(asyncio.Event())
    going = asyncio.ensure_future(run.go())
    while not run.upstream.asked:  # noqa: ASYNC110 (a step is enough)
        await asyncio.sleep(0)
    going.cancel()
    with pytest.raises(asyncio.CancelledError):
        await going
    assert [(attempt.provider, attempt.http_status) for attempt in run.recording.attempts] == [("openai", 0)]
