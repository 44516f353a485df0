"""Accepted means kept: kill -9 at any instant loses no call that was begun and doubles none.

Three histories are compared: what the client saw, what the upstream was asked, and what the log says after
a restart.
"""

import asyncio
import json
import random
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.support.server import Server, running_server, wait_for
from tests.support.upstream import FakeUpstream, Received, Reply, answer_to, default_reply

CALLS = 200
CONCURRENT = 20


@dataclass
class Seen:
    """One call from the client's side. `text` is set only where the whole answer arrived."""

    name: str
    stream: bool
    call_id: str = ""
    text: str | None = None


@pytest.mark.parametrize("seed", range(3))
def test_kill_in_the_middle_of_two_hundred_calls(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    with FakeUpstream() as upstream:
        upstream.default = slowly(rng)
        env = {"OPENAI_API_KEY": "sk-upstream", "OPENAI_BASE_URL": upstream.base_url}
        with running_server(tmp_path, env=env) as server:
            seen = asyncio.run(traffic(server, kill_after=CALLS // 2 + rng.randrange(-40, 40)))
            server.restart()
            calls = recorded(server)
            compare(server, seen, calls, asked=[r.json["messages"][0]["content"] for r in upstream.requests])


def slowly(rng: random.Random) -> Any:
    """The usual answers with pauses of chance, so that the kill finds calls in every stage."""

    def reply(request: Received) -> Reply:
        usual = default_reply(request)
        if usual.pieces is None:
            return Reply(usual.body, headers=usual.headers, delay=rng.random() * 0.08)
        return Reply(pieces=usual.pieces, headers=usual.headers, pause=rng.random() * 0.01)

    return reply


async def traffic(server: Server, kill_after: int) -> list[Seen]:
    """`CALLS` calls, `CONCURRENT` at a time, half of them streamed; the server dies after some answers."""
    seen = [Seen(f"call number {n}", stream=n % 2 == 0) for n in range(CALLS)]
    waiting = iter(seen)
    answered = 0
    dead = False

    async def client(session: aiohttp.ClientSession) -> None:
        nonlocal answered, dead
        for call in waiting:
            if dead:
                return
            try:
                await ask(session, server, call)
            except (aiohttp.ClientError, OSError):
                continue
            answered += 1
            if answered >= kill_after and not dead:
                dead = True
                server.kill9()

    timeout = aiohttp.ClientTimeout(total=20)
    async with aiohttp.ClientSession(timeout=timeout) as session:
        await asyncio.gather(*(client(session) for _ in range(CONCURRENT)))
    assert dead, "the server outlived the traffic"
    return seen


async def ask(session: aiohttp.ClientSession, server: Server, call: Seen) -> None:
    body = {
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": call.name}],
        "stream": call.stream,
        "session_id": f"killed-{call.name[-1]}",
    }
    headers = {"authorization": f"Bearer {server.key}"}
    async with session.post(f"{server.base_url}/v1/chat/completions", json=body, headers=headers) as response:
        assert response.status == 200
        call.call_id = response.headers["x-call-id"]
        raw = await response.read()
    if not call.stream:
        call.text = json.loads(raw)["choices"][0]["message"]["content"]
    elif raw.endswith(b"data: [DONE]\n\n"):
        call.text = stream_text(raw)


def stream_text(raw: bytes) -> str:
    events = [line[6:] for line in raw.split(b"\n\n") if line.startswith(b"data: {")]
    return "".join(json.loads(e)["choices"][0]["delta"].get("content", "") for e in events)


def recorded(server: Server) -> list[dict[str, Any]]:
    """Every call in the log, once all that was left in flight has been settled."""

    def settled() -> list[dict[str, Any]]:
        calls = all_calls(server)
        return calls if calls and all(c["status"] != "live" for c in calls) else []

    return wait_for(settled, seconds=15, what="the end of every call after the restart")


def all_calls(server: Server) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = server.get(f"/api/calls?limit=100{cursor}")
        calls += page["data"]
        if not page["next_cursor"]:
            return calls
        cursor = f"&cursor={page['next_cursor']}"


def compare(server: Server, seen: list[Seen], calls: list[dict[str, Any]], asked: list[str]) -> None:
    assert max(Counter(c["id"] for c in calls).values()) == 1
    by_id = {c["id"]: c for c in calls}
    names = Counter(sent_text(server, c["id"]) for c in calls)
    assert max(names.values()) == 1, "a call is there twice"

    answered = [s for s in seen if s.text is not None]
    assert answered
    for s in answered:
        call = by_id[s.call_id]
        assert call["status"] == "ok", call
        assert s.text == answer_to(s.name)
        assert sent_text(server, s.call_id) == s.name
        assert output_text(server, s.call_id) == s.text
        assert call["output_tokens"] == len(answer_to(s.name).split())

    # What the upstream was asked had been begun before, so it is there.
    assert Counter(asked) <= names
    others = [c for c in calls if c["id"] not in {s.call_id for s in answered}]
    assert others, "the kill found nothing in flight"
    for call in others:
        assert call["status"] in {"interrupted", "ok"}, call  # ok: finished, but the client did not get to see it
    unseen = {c["id"] for c in others if c["status"] == "ok"}
    for call_id in unseen:
        assert output_text(server, call_id) == answer_to(sent_text(server, call_id))

    sessions = [s for digit in range(10) for s in server.sessions(f"killed-{digit}")]
    assert sum(s["calls"] for s in sessions) == len(calls)
    assert all(s["status"] != "live" for s in sessions)


def sent_text(server: Server, call_id: str) -> str:
    return str(server.get(f"/api/calls/{call_id}/request")["messages"][0]["content"])


def output_text(server: Server, call_id: str) -> str:
    return str(server.get(f"/api/calls/{call_id}/response")["choices"][0]["message"]["content"])
