"""Accepted means kept: kill -9 at any instant loses no call that was begun and doubles none (F1, P1, P5).

One gateway is killed twenty times, with fifty streams in flight each time, and started again on what it left. Three
histories are compared in the end: what the clients saw, what the upstream was asked, and what the store has; and the
ledger.
"""

import asyncio
import contextlib
import json
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import sqlalchemy as sa

from sessionary.spool.reader import Reader
from sessionary.store import schema, tree
from sessionary.store.engine import open_engine
from tests.support.server import Server, running_server, wait_for
from tests.support.upstream import FakeUpstream, Received, Reply, answer_to, chat_events, chat_json, last_text

KILLS = 20
IN_FLIGHT = 50


@dataclass
class Seen:
    """One call from the client's side."""

    name: str
    stream: bool
    call_id: str = ""
    text: str = ""
    """As far as it came."""
    whole: bool = False


@dataclass
class Stored:
    id: str
    asked: str
    status: str
    answer: str


def test_killed_twenty_times_with_fifty_streams_in_flight(tmp_path: Path) -> None:
    rng = random.Random(seed := random.randrange(1 << 30))
    print("seed", seed)
    with FakeUpstream() as upstream:
        upstream.default = slowly(rng)
        env = {"OPENAI_API_KEY": "sk-upstream", "OPENAI_BASE_URL": upstream.base_url}
        with running_server(tmp_path, env=env, args=["--workers", "2"]) as server:
            server.kill9()
            seen = asyncio.run(Clients(server, upstream, rng).run())
            left = Reader(tmp_path / "data" / "spool")
            wait_for(lambda: len(left.writers()) == 2, 90, "the end of what the dead left")
            ledger = wait_for(lambda: balanced(server), what="a ledger that balances")
            stored = everything(tmp_path / "data" / "sessionary.db")
        asked = [last_text(body) for body in upstream.bodies]
    compare(seen, asked, stored)
    assert ledger["begun"] == ledger["stored"] == len(stored)
    cut = sum(s.status == "interrupted" for s in stored.values())
    print(f"{KILLS} kills, {len(seen)} calls of clients, {len(asked)} asked, {len(stored)} stored, {cut} interrupted")
    assert cut > KILLS * IN_FLIGHT // 4, "the kills found little in flight"


def slowly(rng: random.Random) -> Any:
    """The usual answers, each at a pace of its own, so that a kill finds calls in every stage."""

    def reply(request: Received) -> Reply:
        body = request.json
        if not body.get("stream"):
            return Reply(chat_json(body), delay=rng.random() * 0.3)
        kind = {"content-type": "text/event-stream"}
        return Reply(pieces=chat_events(body), headers=kind, delay=rng.random() * 0.1, pause=rng.random() * 0.06)

    return reply


class Clients:
    """Fifty at once, nine of ten streaming, each beginning another call when it has an answer or lost its server."""

    def __init__(self, server: Server, upstream: FakeUpstream, rng: random.Random) -> None:
        self._server = server
        self._upstream = upstream
        self._rng = rng
        self._seen: list[Seen] = []
        self._up = asyncio.Event()
        self._over = False

    async def run(self) -> list[Seen]:
        timeout = aiohttp.ClientTimeout(total=30)
        connector = aiohttp.TCPConnector(limit=0, force_close=True)
        async with aiohttp.ClientSession(timeout=timeout, connector=connector) as session:
            clients = [asyncio.create_task(self._client(session, n)) for n in range(IN_FLIGHT)]
            for _ in range(KILLS):
                await asyncio.to_thread(self._server.start)
                before = len(self._upstream.requests)
                self._up.set()
                await asyncio.to_thread(self._asked, before + IN_FLIGHT)
                await asyncio.sleep(self._rng.random() * 0.25)
                self._up.clear()
                await asyncio.to_thread(self._server.kill9)
            self._over = True
            await asyncio.to_thread(self._server.start)
            self._up.set()
            await asyncio.gather(*clients)
        return self._seen

    async def _client(self, session: aiohttp.ClientSession, number: int) -> None:
        while True:
            await self._up.wait()
            if self._over:
                return
            call = Seen(f"call {len(self._seen)} of client {number}", stream=self._rng.random() < 0.9)
            self._seen.append(call)
            with contextlib.suppress(aiohttp.ClientError, OSError):
                await self._ask(session, call)

    def _asked(self, most: int) -> None:
        wait_for(lambda: len(self._upstream.requests) >= most, 30, "streams in flight")

    async def _ask(self, session: aiohttp.ClientSession, call: Seen) -> None:
        body = {"model": "gpt-4o", "messages": [{"role": "user", "content": call.name}], "stream": call.stream}
        headers = {"authorization": f"Bearer {self._server.key}", "x-session-id": f"killed-{call.name[-1]}"}
        url = f"{self._server.base_url}/v1/chat/completions"
        async with session.post(url, json=body, headers=headers) as response:
            assert response.status == 200, await response.text()
            call.call_id = response.headers["x-call-id"]
            if not call.stream:
                call.text = (await response.json())["choices"][0]["message"]["content"]
                call.whole = True
                return
            raw = b""
            async for data in response.content.iter_any():
                raw += data
                call.text = said(raw)
            call.whole = raw.endswith(b"data: [DONE]\n\n")


def said(raw: bytes) -> str:
    events = [line[6:] for line in raw.split(b"\n\n")[:-1] if line.startswith(b"data: {")]
    choices = [choice for event in events for choice in json.loads(event)["choices"]]
    return "".join(choice["delta"].get("content") or "" for choice in choices)


def balanced(server: Server) -> dict[str, Any] | None:
    """The ledger, once all is stored and no call goes on."""
    ledger: dict[str, Any] = server.get("/api/health")["ledger"]
    live = server.get("/api/calls?status=live&limit=1")["data"]
    return None if live or ledger["spooled"] or ledger["missing"] or not ledger["exact"] else ledger


def everything(database: Path) -> dict[str, Stored]:
    engine = open_engine(f"sqlite:///{database}")
    found: dict[str, Stored] = {}
    with engine.connect() as connection:
        for row in connection.execute(sa.select(schema.calls)).all():
            asked = json.loads(tree.request_body(connection, row))["messages"][0]["content"]
            body = tree.response_body(connection, row)
            answer = json.loads(body)["choices"][0]["message"].get("content") or "" if body else ""
            found[row.id] = Stored(row.id, asked, row.status, answer)
        assert connection.scalar(sa.select(sa.func.sum(schema.sessions.c.calls))) == len(found)
        assert not connection.execute(sa.select(schema.set_aside)).all()
        assert not connection.execute(sa.select(schema.partials)).all()
    engine.dispose()
    return found


def compare(seen: list[Seen], asked: list[str], stored: dict[str, Stored]) -> None:
    names = Counter(call.asked for call in stored.values())
    assert max(names.values()) == 1, "a call is there twice"
    assert Counter(asked) <= names, "the upstream was asked something that nobody knows of"
    for call in seen:
        mine = stored.get(call.call_id)
        if call.call_id:
            assert mine is not None, f"the client was told of a call that is not there: {call}"
            assert mine.asked == call.name
        if call.whole:
            assert mine is not None
            assert (mine.status, mine.answer, call.text) == ("ok", answer_to(call.name), answer_to(call.name))
    for mine in stored.values():
        assert mine.status in ("ok", "interrupted"), mine
        whole = answer_to(mine.asked)
        assert mine.answer == whole if mine.status == "ok" else whole.startswith(mine.answer), mine
