"""Calls put into a store the way the drain puts them there, without a gateway: for tests of what reads them."""

import base64
import contextlib
import json
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa

from sessionary import ids
from sessionary.drain.intake import Intake, Item
from sessionary.drain.round import Round
from sessionary.drain.seen import Seen
from sessionary.record.exchange import Begin, Finish, Part, Record, Status
from sessionary.spool.reader import Cursor
from sessionary.store import keys
from sessionary.store.writes import transaction
from tests.support.upstream import chat_events

START = 1_790_000_000_000_000
SECOND = 1_000_000
SYSTEM = {"role": "system", "content": "You are a test."}


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": text}


def assistant(text: str) -> dict[str, Any]:
    return {"role": "assistant", "content": text}


def _call_id(at: int) -> str:
    """As `ids.new_call_id`, at a time of our own."""
    return "call_" + base64.b32hexencode(ids.uuid7(at // 1000)).decode().rstrip("=").lower()


class _Failed(Exception):
    pass


@dataclass
class Log:
    """Each call takes a second, and begins a minute after the one before."""

    engine: sa.Engine
    at: int = START
    writer: str = "test-writer"
    seen: Seen = field(default_factory=Seen)

    def project(self, name: str = "default") -> int:
        return keys.ensure_project(self.engine, name)

    def store(self, *records: Record, fails: bool = False) -> None:
        """One round; `fails`: when all is written, it is taken back."""
        items = [Item(getattr(r, "at", 0), self.writer, r, Cursor()) for r in records]
        with contextlib.suppress(_Failed):
            with transaction(self.engine) as connection:
                work = Round(connection, {"master": "master"}, self.at + SECOND, seen=self.seen)
                work.run(Intake(items))
                assert work.set_aside == 0
                if fails:
                    raise _Failed
            work.committed()

    def begin(self, session: str, body: dict[str, Any] | bytes, project: str = "default", **fields: Any) -> Begin:
        self.at += 60 * SECOND
        number = self.project(project)
        given: dict[str, Any] = {
            "call_id": _call_id(self.at),
            "at": self.at,
            "project": number,
            "key_id": "master",
            "session_id": ids.session_id(number, session),
            "session_text": session,
            "source": "id",
            "rule": "x-session-id",
            "endpoint": "chat.completions",
            "model": body.get("model", "gpt-4o") if isinstance(body, dict) else "",
            "stream": isinstance(body, dict) and body.get("stream", False),
            "client": "openai-python",
            "user": "",
            "headers": {"user-agent": "test"},
            "body": body if isinstance(body, bytes) else json.dumps(body).encode(),
        }
        return Begin(**{**given, **fields})

    def finish(self, begin: Begin, body: bytes, status: Status = "ok", **fields: Any) -> Finish:
        kind = "text/event-stream" if begin.stream else "application/json"
        given: dict[str, Any] = {
            "call_id": begin.call_id,
            "at": begin.at + SECOND,
            "status": status,
            "http_status": 200 if status == "ok" else 0,
            "provider": "openai",
            "deployment": "openai/gpt-4o",
            "upstream_model": begin.model,
            "ttft": 200_000,
            "error_type": "",
            "error_message": "",
            "attempts": [],
            "headers": {"content-type": kind},
            "body": body,
        }
        return Finish(**{**given, **fields})

    def chat(self, session: str, messages: list[dict[str, Any]], answer: Any = "Yes.", **more: Any) -> str:
        """One answered call; its id. `answer` is a text, or the whole message; `body` adds to the request."""
        message = assistant(answer) if isinstance(answer, str) else answer
        body = {"model": "gpt-4o", "messages": messages, **more.pop("body", {})}
        usage = more.pop("usage", {"prompt_tokens": 10, "completion_tokens": 5})
        begin = self.begin(session, body, **more)
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        done = {"id": f"chatcmpl-{begin.call_id[-6:]}", "choices": [choice], "usage": usage}
        self.store(begin, self.finish(begin, json.dumps(done).encode()))
        return begin.call_id

    def stream(self, session: str, text: str) -> tuple[str, bytes]:
        """One streamed call, in two rounds and with a checkpoint; its id and the events."""
        body = {"model": "gpt-4o", "messages": [user(text)], "stream": True, "stream_options": {"include_usage": True}}
        events = chat_events(body)
        begin = self.begin(session, body)
        self.store(begin, Part(begin.call_id, 0, b"".join(events[:2])))
        self.store(self.finish(begin, b"".join(events[2:])))
        return begin.call_id, b"".join(events)
