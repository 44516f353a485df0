"""Traffic for fault tests: conversations that go on from each other without sending again what was said, and chats that
do, some of them streamed, until told to stop; what the clients saw; and the comparison of that with the upstream's log
and with the store.

    with traffic(server) as seen:
        ...
    compare(server, upstream, seen)
"""

import asyncio
import contextlib
import itertools
import json
import random
import threading
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from tests.support.server import Server
from tests.support.upstream import FakeUpstream, answer_to

MODEL = "through-chat"
TURNS = 5
"""Of a conversation."""


def config(upstream: FakeUpstream, **more: Any) -> str:
    """A gateway whose one provider speaks the format of chats alone: what a chain has said is sent to it whole."""
    model = {"name": MODEL, "model": "openai-compatible/m", "base_url": upstream.base_url, "formats": ["chat"]}
    return json.dumps({"models": [{**model, "api_key": "sk-upstream"}], **more})


@dataclass(frozen=True)
class Turn:
    call: str
    said: list[str]
    """All that was said in the conversation up to this question, in turn."""
    before: str | None
    """The call that it goes on from."""
    chain: bool


@dataclass
class Seen:
    """By the clients."""

    turns: list[Turn] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    stopping: bool = False


@contextlib.contextmanager
def traffic(server: Server, clients: int = 3, pause: float = 0.02, seed: int = 0) -> Iterator[Seen]:
    print("seed", seed)
    seen = Seen()
    thread = threading.Thread(target=lambda: asyncio.run(_all(server, seen, clients, pause, seed)))
    thread.start()
    try:
        yield seen
    finally:
        seen.stopping = True
        thread.join(timeout=60)


async def _all(server: Server, seen: Seen, clients: int, pause: float, seed: int) -> None:
    connector = aiohttp.TCPConnector(force_close=True)  # each call may meet another worker
    async with aiohttp.ClientSession(connector=connector, timeout=aiohttp.ClientTimeout(total=20)) as session:
        await asyncio.gather(*(_client(session, server, seen, n, pause, seed) for n in range(clients)))


async def _client(
    session: aiohttp.ClientSession, server: Server, seen: Seen, number: int, pause: float, seed: int
) -> None:
    rng = random.Random(f"{seed}/{number}")
    for talk in itertools.count():
        said: list[str] = []
        before, chain = None, rng.random() < 0.5
        for turn in range(TURNS):
            if seen.stopping:
                return
            await asyncio.sleep(rng.random() * 2 * pause)
            said.append(f"client {number}, talk {talk}, turn {turn}")
            try:
                call = await _ask(
                    session, server, said, before if chain else None, stream=rng.random() < 0.3, chain=chain
                )
            except Exception as error:
                seen.errors.append(f"{said[-1]}: {error!r}")
                break
            seen.turns.append(Turn(call, list(said), before, chain))
            said.append(answer_to(said[-1]))
            before = call


async def _ask(
    session: aiohttp.ClientSession, server: Server, said: list[str], before: str | None, *, stream: bool, chain: bool
) -> str:
    """The call's id. Raises where the answer is not what it must be."""
    body: dict[str, Any] = {"model": MODEL, "stream": stream}
    if chain:
        body |= {"input": said[-1]} | ({"previous_response_id": f"resp_{before[5:]}"} if before else {})
    else:
        roles = ("user", "assistant")
        body |= {"messages": [{"role": roles[n % 2], "content": text} for n, text in enumerate(said)]}
    url = f"{server.base_url}/v1/{'responses' if chain else 'chat/completions'}"
    async with session.post(url, json=body, headers={"authorization": f"Bearer {server.key}"}) as response:
        raw = await response.text()
        assert response.status == 200, (response.status, raw[:300])
        whole = answer_to(said[-1])
        if stream:
            assert ("response.completed" if chain else "data: [DONE]") in raw, raw[-500:]
            whole = whole.split()[-1]  # the others are in pieces of their own
        assert whole in raw, raw[-500:]
        return response.headers["x-call-id"]


def compare(server: Server, upstream: FakeUpstream, seen: Seen) -> dict[str, Any]:
    """Three histories are one: the clients', the upstream's and the store's; and the ledger says the same."""
    print(len(seen.turns), "calls")
    ledger = server.balance(seconds=40)
    calls = every_call(server)
    by_id = {c["id"]: c for c in calls}
    assert max(Counter(c["id"] for c in calls).values()) == 1
    assert by_id.keys() == {t.call for t in seen.turns}
    assert {c["status"] for c in calls} == {"ok"}
    asked = Counter(tuple(m["content"] for m in r.json["messages"]) for r in upstream.requests if r.method == "POST")
    assert asked == Counter(tuple(t.said) for t in seen.turns)
    for turn in seen.turns:
        assert by_id[turn.call]["parent_id"] == turn.before, turn
        if turn.before is not None:
            assert by_id[turn.before]["created_at"] <= by_id[turn.call]["created_at"]
            assert by_id[turn.before]["session"] == by_id[turn.call]["session"]
    for turn in random.Random(0).sample(seen.turns, min(20, len(seen.turns))):
        found = server.get(f"/api/calls/{turn.call}/response")
        assert answer_to(turn.said[-1]) in json.dumps(found), turn
    assert (ledger["begun"], ledger["stored"]) == (len(seen.turns), len(seen.turns))
    return ledger


def every_call(server: Server) -> list[dict[str, Any]]:
    calls: list[dict[str, Any]] = []
    cursor = ""
    while True:
        page = server.get(f"/api/calls?limit=200{cursor}")
        calls += page["data"]
        if not page["next_cursor"]:
            return calls
        cursor = f"&cursor={page['next_cursor']}"


def resident(server: Server) -> dict[int, int]:
    """Megabytes of each of the server's processes, by its id."""
    return {pid: _status(pid, "VmRSS") // 1024 for pid in server.processes()}


def _status(pid: int, name: str) -> int:
    with open(f"/proc/{pid}/status") as file:
        return next(int(line.split()[1]) for line in file if line.startswith(f"{name}:"))
