"""Streams that are read again: every event once, whatever a provider numbered it, whatever happens meanwhile."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from sessionary.ids import new_call_id
from sessionary.record import exchange
from sessionary.record.exchange import Begin, Part
from sessionary.record.recorder import Recording
from sessionary.spool.reader import Reader
from sessionary.spool.writer import Writer
from sessionary.state.replay import Replay
from sessionary.state.spooled import Spooled
from sessionary.state.walk import State
from sessionary.wire.sse import Parser

CALL = new_call_id()
"""Of now: what is older is forgotten, for it may be deleted."""
BODY = b'{"model":"m","input":"x","background":true,"stream":true}'
BEGIN = Begin(CALL, 7, 1, "k", "ses", "ses", "id", "r", "responses", "m", True, "", "", {}, BODY)
RESPONSE = {"id": "resp_" + "0" * 26, "object": "response", "status": "completed", "output": []}


class Listener:
    """Keeps what it is sent."""

    def __init__(self) -> None:
        self.data = b""
        self.ended = False
        self.told = asyncio.Event()

    async def start(self, status: int, headers: dict[str, str]) -> None:
        assert status == 200
        assert headers["content-type"].startswith("text/event-stream")

    async def send(self, data: bytes) -> None:
        self.data += data
        self.told.set()

    async def end(self, data: bytes = b"") -> None:
        self.data += data
        self.ended = True

    def events(self) -> list[dict[str, Any]]:
        return [json.loads(e.data) for e in Parser().feed(self.data) if e.data != "[DONE]"]


def event(kind: str, number: Any, **fields: Any) -> bytes:
    return f"event: {kind}\ndata: {json.dumps({'type': kind, 'sequence_number': number, **fields})}\n\n".encode()


@pytest.fixture
def away() -> sa.Engine:
    return sa.create_engine("sqlite:////nowhere/at/all.db")


def recorded(state: State) -> Recording:
    recording = Recording(BEGIN, lambda record: True, lambda begin, status: None)
    recording.keep(BODY)
    state.remember(recording)
    return recording


async def _never() -> None:
    await asyncio.Event().wait()


def replayed(state: State, after: int = -1) -> Listener:
    listener = Listener()
    asyncio.run(Replay(state).stream(1, CALL, after, listener, _never()))
    return listener


def test_a_stream_that_grows_is_told_piece_by_piece_and_once(away: sa.Engine, tmp_path: Path) -> None:
    state = State(away, Spooled(Reader(tmp_path)))
    recording = recorded(state)
    listener = Listener()
    deltas = [event("response.output_text.delta", n, delta=str(n)) for n in range(3)]
    last = event("response.completed", 3, response=RESPONSE)

    async def run() -> None:
        streaming = asyncio.create_task(Replay(state).stream(1, CALL, 0, listener, _never()))
        recording.chunk(deltas[0] + deltas[1][:20])
        for piece in (deltas[1][20:], deltas[2]):
            recording.chunk(piece)
            await asyncio.wait_for(listener.told.wait(), 5)
            assert listener.data.endswith(piece)
            listener.told.clear()
        recording.chunk(last)
        recording.finish("ok", http_status=200)
        await asyncio.wait_for(streaming, 5)

    asyncio.run(run())
    assert listener.data == b"".join([*deltas[1:], last, b"data: [DONE]\n\n"])
    assert listener.ended


@pytest.mark.parametrize("number", [None, "7", float("inf"), [], {}, 1.5])
def test_numbers_that_are_none_are_counted_on(away: sa.Engine, tmp_path: Path, number: Any) -> None:
    state = State(away, Spooled(Reader(tmp_path)))
    recording = recorded(state)
    recording.chunk(event("response.created", 4, response=RESPONSE) + event("response.output_text.delta", number))
    recording.chunk(event("response.completed", number, response=RESPONSE))
    recording.finish("ok", http_status=200)
    assert [e["type"] for e in replayed(state).events()] == [
        "response.created", "response.output_text.delta", "response.completed",
    ]  # fmt: skip
    assert [e["type"] for e in replayed(state, 5).events()] == ["response.completed"]
    assert replayed(state, 10**30).events() == []


def test_the_last_event_counts_without_a_blank_line(away: sa.Engine, tmp_path: Path) -> None:
    state = State(away, Spooled(Reader(tmp_path)))
    recording = recorded(state)
    recording.chunk(event("response.completed", 0, response=RESPONSE).rstrip(b"\n"))
    recording.finish("ok", http_status=200)
    assert [e["type"] for e in replayed(state).events()] == ["response.completed"]


@pytest.mark.parametrize("left", [b"", b"no event", b'event: x\ndata: {"type":', b"data: [1]\n\n", b"data: \xff\n\n"])
def test_what_broke_off_says_so(away: sa.Engine, tmp_path: Path, left: bytes) -> None:
    state = State(away, Spooled(Reader(tmp_path)))
    recording = recorded(state)
    recording.chunk(event("response.created", 0, response={**RESPONSE, "status": "in_progress"}) + left)
    recording.finish("upstream_error", http_status=502, error_message="The provider broke off.")
    created, failed = replayed(state).events()
    assert created["type"] == "response.created"
    assert (failed["type"], failed["sequence_number"]) == ("response.failed", 1)
    assert failed["response"]["error"]["message"] == "The provider broke off."


def test_a_store_that_is_away_does_not_end_a_stream(away: sa.Engine, tmp_path: Path) -> None:
    """The call is another worker's; its records are drained while somebody listens, and then the store is gone."""
    writer = Writer(tmp_path)
    writer.append(exchange.encode(BEGIN))
    writer.append(exchange.encode(Part(CALL, 0, event("response.created", 0, response=RESPONSE))))
    reader = Reader(tmp_path)
    listener = Listener()

    async def run() -> None:
        leave = asyncio.Event()

        async def leaving() -> None:
            await leave.wait()

        replay = Replay(State(away, Spooled(reader)))
        streaming = asyncio.create_task(replay.stream(1, CALL, -1, listener, leaving()))
        await asyncio.wait_for(listener.told.wait(), 5)
        reader.discard(writer.name, 2)
        done, _ = await asyncio.wait({streaming}, timeout=0.5)
        assert not done, "there is nothing new, and no end either"
        leave.set()
        await asyncio.wait_for(streaming, 5)

    asyncio.run(run())
    assert [e["type"] for e in listener.events()] == ["response.created"]
    writer.close()
