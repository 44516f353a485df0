"""A session's clock, and the records of the calls that are made in it. Pure but for the ids of calls.

Calls are read, identified and named as the gateway does it, from the headers and the body that a client sends.
"""

import uuid
from collections.abc import Sequence
from random import Random
from typing import Any, TypeVar

import msgspec

from sessionary import ids, incoming
from sessionary.auth import Principal
from sessionary.heads import Head
from sessionary.record import exchange
from sessionary.record.exchange import Attempt, Begin, Finish, Part, Record, Status
from sessionary.state.context import Context
from sessionary.state.links import Link

T = TypeVar("T")
TAG = "demo"
SECOND = 1_000_000
KEYS = ("web-shop", "help-desk", "ci", "laptop-ana", "laptop-ben", "research", "data-jobs", "playground", "live-demo")
"""Ids of keys that nobody can have: the calls of these are the demo's, and no others."""
_CHECKPOINT = 4 * SECOND
"""Streams that last longer have been spooled in parts."""


class Caller(msgspec.Struct, frozen=True):
    """Whose program calls, and with which."""

    program: str
    """Its user agent."""
    key: str
    """One of `KEYS`."""
    headers: dict[str, str] = {}


class Answer(msgspec.Struct, frozen=True):
    """What came back: the events of a stream, or the body as one of them."""

    chunks: Sequence[bytes]
    status: Status = "ok"
    http_status: int = 200
    error_type: str = ""
    error_message: str = ""
    ttft: int | None = None
    """Microseconds, as all durations here."""
    duration: int = SECOND
    headers: dict[str, str] = {}


class Stage:
    def __init__(self, project: int, at: int, rng: Random, number: int = 0) -> None:
        """`at`: when it begins, microseconds; `number`: how often the scene was played before."""
        self.at = at
        self.rng = rng
        self.number = number
        self.records: list[tuple[int, Record]] = []
        """Each with its time."""
        self.tags: tuple[str, ...] = ()
        self.name = ""
        self._project = project

    def pick(self, options: Sequence[T]) -> T:
        """Another one each time that the scene is played."""
        return options[self.number % len(options)]

    def wait(self, seconds: float) -> None:
        self.at += int(seconds * SECOND)

    def uuid(self) -> str:
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def id(self, prefix: str, digits: int = 24) -> str:
        letters = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz23456789"
        return prefix + "".join(self.rng.choices(letters, k=digits))

    def begin(
        self, caller: Caller, endpoint: str, body: dict[str, Any], headers: dict[str, str], above: Begin | None = None
    ) -> Begin:
        """`above`: the call whose answer it goes on from by its id."""
        self.at += self.rng.randint(500, 3000)
        sent = {"content-type": "application/json", "user-agent": caller.program, **caller.headers, **headers}
        sent["x-session-tags"] = ",".join((TAG, *self.tags))
        if self.name:
            sent["x-session-name"] = self.name
        link = Link(above.call_id, "", above.session_id, above.session_text, [], above.at) if above else None
        principal = Principal(self._project, "", self._project, caller.key, caller.key)
        request = incoming.read(endpoint, Head(sent), msgspec.json.encode(body))
        kept = incoming.Kept(request)
        begin = incoming.begin(request, principal, Context(link), kept, keep_all=False, threading=True)
        changed: dict[str, Any] = {"call_id": ids.new_call_id(self.at // 1000), "at": self.at}
        if begin.source == "none":
            changed["session_id"] = changed["session_text"] = ids.session_id(self._project, changed["call_id"])
        begin = msgspec.structs.replace(begin, **changed)
        self.records.append((begin.at, begin))
        return begin

    def end(self, begin: Begin, answer: Answer, attempts: list[Attempt]) -> None:
        last = attempts[-1] if attempts else Attempt("", "", "", begin.at, 0, 0)
        data = list(answer.chunks)
        if begin.stream and answer.duration > _CHECKPOINT and len(data) > 4:
            half = len(data) // 2
            self.records.append((begin.at + answer.duration // 2, Part(begin.call_id, 0, b"".join(data[:half]))))
            data = data[half:]
        self.at = begin.at + answer.duration
        streamed = begin.stream and answer.http_status < 400
        kind = "text/event-stream; charset=utf-8" if streamed else "application/json"
        finish = Finish(
            call_id=begin.call_id,
            at=self.at,
            status=answer.status,
            http_status=answer.http_status,
            provider=last.provider,
            deployment=last.deployment,
            upstream_model=last.upstream_model,
            ttft=answer.ttft,
            error_type=answer.error_type,
            error_message=answer.error_message,
            attempts=attempts,
            headers={"content-type": kind, **answer.headers} if last.http_status else {},
            body=b"".join(data),
        )
        self.records.append((self.at, finish))

    @property
    def calls(self) -> int:
        return sum(isinstance(record, exchange.Begin) for _, record in self.records)
