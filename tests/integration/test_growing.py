"""Answers while they are said, in browsers, whichever of two workers makes the call and whichever serves the tab."""

import contextlib
import http.client
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.support import scripted
from tests.support.server import Server, running_server, wait_for
from tests.support.upstream import FakeUpstream, Received, Reply

Wire = dict[str, Any]
CONFIG = """
workers: 2
models:
  - {{name: chat, model: openai-compatible/calls, base_url: {url}/v1, api_key: sk-1, formats: [chat]}}
  - {{name: responses, model: openai/calls, base_url: {url}/v1, api_key: sk-1, formats: [responses]}}
  - {{name: messages, model: anthropic/calls, base_url: {url}, api_key: sk-1, formats: [messages]}}
"""
ASKED = {"role": "user", "content": "What is the weather?"}
PATHS = {"chat": "/v1/chat/completions", "responses": "/v1/responses", "messages": "/v1/messages"}


def hanging(request: Received) -> Reply:
    """All that is said, and no end."""
    events = scripted.stream(request.path.split("?")[0], "calls")
    return Reply(pieces=events[:-2], headers={"content-type": "text/event-stream"}, pause=0.01, hang=True)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, FakeUpstream]]:
    with FakeUpstream() as upstream:
        config = CONFIG.format(url=upstream.base_url.removesuffix("/v1"))
        with running_server(tmp_path_factory.mktemp("growing"), config=config) as server:
            yield server, upstream


@contextlib.contextmanager
def calling(served: tuple[Server, FakeUpstream], format: str, session: str, **more: Any) -> Iterator[None]:
    """A call in flight."""
    server, upstream = served
    upstream.script(hanging)
    body: Wire = {"model": format, "stream": True, **more}
    body |= {"input": [ASKED]} if format == "responses" else {"messages": [ASKED]}
    body |= {"max_tokens": 100} if format == "messages" else {}
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
    headers = {"authorization": f"Bearer {server.key}", "content-type": "application/json", "x-session-id": session}
    try:
        connection.request("POST", PATHS[format], json.dumps(body).encode(), headers)
        assert connection.getresponse().read(1)
        yield
    finally:
        connection.close()


class Tab:
    """An open page: what it has been told of the answers in its session."""

    def __init__(self, server: Server, session: str, key: str | None = None) -> None:
        self.shown: dict[str, dict[int, Wire]] = {}
        self._connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
        headers = {"authorization": f"Bearer {key or server.key}"}
        self._connection.request("GET", f"/api/events?session_id={quote(session, safe='')}", headers=headers)
        self._answer = self._connection.getresponse()
        assert self._answer.status == 200
        assert self._answer.readline() == b"event: ping\n"
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def _listen(self) -> None:
        kind = ""
        with contextlib.suppress(OSError, ValueError, AttributeError, http.client.HTTPException):
            while line := self._answer.readline().decode():
                if line.startswith("event: "):
                    kind = line[7:].strip()
                elif line.startswith("data: ") and kind == "growing":
                    self._grow(json.loads(line[6:]))

    def _grow(self, event: Wire) -> None:
        pieces = self.shown.setdefault(event["call_id"], {})
        for piece in event["pieces"]:
            before = pieces.get(piece["index"], {}).get("text", "")
            assert piece["from"] <= len(before)
            pieces[piece["index"]] = {**piece, "text": before[: piece["from"]] + piece["text"]}

    def texts(self) -> list[list[str]]:
        """Of each call, its pieces."""
        return [[pieces[n]["text"] for n in sorted(pieces)] for pieces in list(self.shown.values())]

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._connection.sock.shutdown(2)
        self._thread.join()
        self._connection.close()


@contextlib.contextmanager
def tabs(server: Server, session: str, count: int) -> Iterator[list[Tab]]:
    opened = [Tab(server, session) for _ in range(count)]
    try:
        yield opened
    finally:
        for tab in opened:
            tab.close()


def whole(format: str) -> list[str]:
    """What the model says."""
    match format:
        case "chat":
            message = scripted.chat("calls")["choices"][0]["message"]
            texts = [message.get("reasoning_content"), message.get("content")]
            texts += [call["function"]["arguments"] for call in message["tool_calls"]]
        case "responses":
            texts = []
            for item in scripted.responses("calls")["output"]:
                texts += [part["text"] for part in (item.get("summary") or item.get("content") or [])]
                texts += [item["arguments"]] if "arguments" in item else []
        case _:
            blocks = scripted.messages("calls")["content"]
            texts = [b.get("text") or b.get("thinking") or json.dumps(b["input"]) for b in blocks]
    return [text.replace(" ", "") for text in texts if text]


@pytest.mark.parametrize("format", PATHS)
def test_every_tab_sees_an_answer_grow(served: tuple[Server, FakeUpstream], format: str) -> None:
    server, _ = served
    session = f"grow {format}"
    with tabs(server, session, 6) as before, calling(served, format, session):
        expected = [whole(format)]

        def told(some: list[Tab]) -> bool:
            return all([[t.replace(" ", "") for t in texts] for texts in tab.texts()] == expected for tab in some)

        wait_for(lambda: told(before), what=f"{expected} in {[tab.texts() for tab in before]}")
        with tabs(server, session, 2) as later:
            wait_for(lambda: told(later), what="all of it in tabs that came later")
        names = {piece["name"] for pieces in before[0].shown.values() for piece in pieces.values() if "name" in piece}
        assert names
    assert server.session(session, calls=1)["status"] == "cut"


def test_a_call_that_is_stored_already_is_told_from_its_beginning(served: tuple[Server, FakeUpstream]) -> None:
    server, _ = served
    with calling(served, "messages", "stored"):

        def partial() -> bool:
            rows = server.sessions("stored")
            calls = server.get(f"/api/sessions/{rows[0]['id']}")["calls"] if rows else []
            body = server.request("GET", f"/api/calls/{calls[0]['id']}/response?raw=1").body if calls else b""
            return b"content_block_stop" in body

        wait_for(partial, what="the stored beginning")
        with tabs(server, "stored", 1) as (tab,):
            wait_for(lambda: [[t.replace(" ", "") for t in c] for c in tab.texts()] == [whole("messages")])


def test_a_session_is_found_by_our_id_and_only_by_its_project(served: tuple[Server, FakeUpstream]) -> None:
    server, _ = served
    key = json.loads(server.cli("keys", "create", "--project", "theirs", "--json"))["key"]
    with calling(served, "chat", "whose"):
        ours = wait_for(lambda: server.sessions("whose"), what="the session")[0]["id"]
        foreign = Tab(server, ours, key)
        with tabs(server, ours, 1) as (tab,):
            wait_for(tab.texts, what="its growth")
            with tabs(server, ours, 1) as (second,):
                wait_for(second.texts, what="its growth, told later than to the foreign tab")
        assert foreign.shown == {}
        foreign.close()


def test_what_is_not_stored_is_not_shown(served: tuple[Server, FakeUpstream]) -> None:
    server, _ = served
    with tabs(server, "private", 2) as opened, calling(served, "responses", "private", store=False):
        with calling(served, "responses", "private"):
            wait_for(lambda: all(tab.texts() for tab in opened), what="the call that is stored")
        assert [len(tab.shown) for tab in opened] == [1, 1]


def test_nothing_is_left_when_nobody_looks(served: tuple[Server, FakeUpstream]) -> None:
    server, _ = served
    tails = Path(server.data_dir) / "watched" / "tails"
    with calling(served, "chat", "left"):
        with tabs(server, "left", 1) as (tab,):
            wait_for(tab.texts, what="its growth")
            assert len(os.listdir(tails)) == 1
        wait_for(lambda: not os.listdir(tails), seconds=10, what="no file any more")
    assert server.session("left", calls=1)["status"] == "cut"
