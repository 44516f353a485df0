"""How long the server takes for one very long session, and whether its length matters.

A session of an agent at work is put through the drain's `Round`, in this process: a main agent that calls tools and is
compacted now and then, agents that it starts, questions that were asked again in other words (branches), and calls that
failed and were tried again (attempts). Then what its page asks for is asked of the API and of the page, over and over.

usage: uv run python bench/session.py [--calls 5000] [--kilobytes 10] [--rounds 20] [--keep FILE.db]
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import httpx
import sqlalchemy as sa

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sessionary import ids  # noqa: E402
from sessionary.app.worker import Worker  # noqa: E402
from sessionary.drain.intake import Intake, Item  # noqa: E402
from sessionary.drain.round import Round  # noqa: E402
from sessionary.drain.seen import Seen  # noqa: E402
from sessionary.record.exchange import Begin, Finish  # noqa: E402
from sessionary.settings import Settings  # noqa: E402
from sessionary.spool.reader import Cursor  # noqa: E402
from sessionary.store import keys  # noqa: E402
from sessionary.store.engine import open_engine  # noqa: E402
from sessionary.store.migrate import upgrade  # noqa: E402
from sessionary.store.writes import transaction  # noqa: E402

SECOND = 1_000_000
NOW = 1_790_000_000 * SECOND
NAME = "bench"
KEY = "sk-master-bench"
SEGMENT = 60
"""Calls until the main agent's history is made shorter."""
WORDS = ("the", "a", "of", "parser", "returns", "when", "lines", "test", "module", "value", "cache", "branch", "token")
TOOLS = [
    {
        "name": name,
        "description": f"{name}: " + "What it does, when to use it, and what it answers with. " * 20,
        "input_schema": {"type": "object", "properties": {"path": {"type": "string"}, "prompt": {"type": "string"}}},
    }
    for name in ("read", "write", "search", "run", "agent", "fetch", "plan", "list")
]
Record = Begin | Finish
Wire = dict[str, Any]


@dataclass
class Writer:
    """Makes the session's records, in order."""

    project: int
    bytes_a_call: int
    rng: Random = field(default_factory=lambda: Random(5000))
    at: int = NOW
    made: int = 0
    said: int = 0
    """Bytes of new text."""

    def __post_init__(self) -> None:
        self._text = " ".join(self.rng.choices(WORDS, k=400_000))

    def text(self, length: int) -> str:
        self.said += length
        start = self.rng.randrange(len(self._text) - length - 1)
        return f"{self.rng.getrandbits(64):016x} {self._text[start : start + length]}"

    def call(self, agent: "Agent", answer: list[Wire], status: str = "ok") -> Iterator[Record]:
        self.made += 1
        self.at += SECOND
        call_id, session = f"call_{self.at:026d}", ids.session_id(self.project, NAME)
        yield Begin(
            call_id, self.at, self.project, "key_bench", session, NAME, "id", "x-session-id", "messages",
            "claude-sonnet-4-5", True, "claude-code", "ada", {"user-agent": "claude-cli/2.0"}, agent.body(),
            agent=agent.id, agent_name=agent.id, tags=["bench"],
        )  # fmt: skip
        ok = status == "ok"
        message = {
            "id": f"msg_{self.made}",
            "type": "message",
            "role": "assistant",
            "model": "claude-sonnet-4-5",
            "content": answer,
            "stop_reason": "end_turn",
            "usage": {"input_tokens": 900, "cache_read_input_tokens": 30_000, "output_tokens": 400},
        }
        failed = {"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}
        yield Finish(
            call_id, self.at + SECOND // 2, "ok" if ok else "upstream_error", 200 if ok else 529, "anthropic", "main",
            "claude-sonnet-4-5", 200_000, "" if ok else "overloaded_error", "" if ok else "Overloaded", [],
            {"content-type": "application/json", "request-id": call_id}, json.dumps(message if ok else failed).encode(),
        )  # fmt: skip


@dataclass
class Agent:
    """A history as its program sends it: each message encoded once, the newest marked for the provider's cache."""

    id: str
    system: str
    said: list[bytes] = field(default_factory=list)

    def body(self) -> bytes:
        last = json.loads(self.said[-1])
        last["content"][-1]["cache_control"] = {"type": "ephemeral"}
        head = {"model": "claude-sonnet-4-5", "max_tokens": 32000, "system": self.system, "tools": TOOLS}
        messages = b",".join([*self.said[:-1], json.dumps(last).encode()])
        return json.dumps(head).encode()[:-1] + b', "messages": [' + messages + b"]}"

    def say(self, role: str, *content: Wire) -> None:
        self.said.append(json.dumps({"role": role, "content": [*content]}).encode())


def words(text: str) -> Wire:
    return {"type": "text", "text": text}


def session(writer: Writer, calls: int) -> Iterator[Record]:
    """Records of at least so many calls."""
    rng, each = writer.rng, writer.bytes_a_call
    main, agents = Agent("", "You are a careful engineer. " * 300), 0
    main.say("user", words("Make the parser twice as fast."))
    while writer.made < calls:
        step = writer.made
        if len(main.said) > 2 * SEGMENT:
            main.say("user", words("Your task is to create a detailed summary of the conversation so far."))
            summary = writer.text(3000)
            yield from writer.call(main, [words(summary)])
            main = Agent("", main.system)
            main.say("user", words(f"This session is being continued. The summary: {summary}\nGo on."))
        if step % 40 == 7:
            agents += 1
            prompt, tool = f"Find out why {writer.text(200)}", f"toolu_agent_{agents:08d}a"
            called = {"type": "tool_use", "id": tool, "name": "agent", "input": {"prompt": prompt}}
            yield from writer.call(main, [called])
            main.say("assistant", called)
            helper = Agent(f"agent-{agents}", "You search. " * 200)
            helper.say("user", words(prompt))
            for _ in range(rng.randint(5, 20)):
                yield from work(writer, helper, each)
            report = writer.text(1500)
            yield from writer.call(helper, [words(report)])
            main.say("user", {"type": "tool_result", "tool_use_id": tool, "content": report})
        if step % 25 == 3:
            yield from writer.call(main, [], "upstream_error")
        if step % 100 == 50:  # asked in other words, twice
            before = list(main.said)
            answer = writer.text(300)
            yield from writer.call(main, [words(answer)])
            main.said = before
            main.say("assistant", words("Let me look."))
            main.say("user", words(f"No, rather: {writer.text(100)}"))
        yield from work(writer, main, each)


def work(writer: Writer, agent: Agent, each: int) -> Iterator[Record]:
    """One tool call, and its result."""
    tool, told = f"toolu_{writer.made:012d}ab", writer.text(each // 5)
    called = {"type": "tool_use", "id": tool, "name": "read", "input": {"path": f"src/part_{writer.made}.py"}}
    yield from writer.call(agent, [words(told), called])
    agent.say("assistant", words(told), called)
    agent.say("user", {"type": "tool_result", "tool_use_id": tool, "content": writer.text(each - each // 5)})


def store(engine: sa.Engine, records: Iterator[Record]) -> None:
    seen = Seen()
    for call in zip(records, records, strict=True):
        items = [Item(record.at, "bench", record, Cursor()) for record in call]
        with transaction(engine) as connection:
            round = Round(connection, {}, items[-1].at, seen=seen)
            round.run(Intake(items))
            assert round.set_aside == 0
        round.committed()


# -- what is asked


async def measured(url: str, folder: Path, rounds: int) -> None:
    """Asks a worker's whole application, in this process, and takes the time until the last byte."""
    settings = Settings(data_dir=folder, database=url, master_key=KEY)
    (folder / "spool").mkdir(parents=True, exist_ok=True)
    app = Worker(settings, KEY, 1, {}).app
    transport = httpx.ASGITransport(app=app)
    engine = open_engine(url)
    headers = {"authorization": f"Bearer {KEY}", "cookie": f"sessionary={keys.new_cookie(engine, 'master')}"}
    engine.dispose()
    async with httpx.AsyncClient(transport=transport, base_url="http://bench", headers=headers, timeout=600) as client:

        async def ask(path: str) -> tuple[tuple[float, float], bytes]:
            start, spent = time.perf_counter(), time.process_time()
            answer = await client.get(path)
            taken = ((time.perf_counter() - start) * 1000, (time.process_time() - spent) * 1000)
            assert answer.status_code == 200, (path, answer.status_code, answer.text[:300])
            return taken, answer.content

        at = f"/api/sessions/{NAME}"
        print(f"{'':24} {'p50':>9} {'p99':>9} {'CPU, p50':>9} {'size':>12}")
        first = await ask(f"{at}/outline")
        report("outline, the first time", [first])
        calls = [call["id"] for call in json.loads(first[1])["calls"]]
        rng = Random(1)

        def window(count: int) -> str:
            start = rng.randrange(len(calls) - count)
            return f"{at}/transcript?calls={','.join(calls[start : start + count])}"

        asked: dict[str, Callable[[], str]] = {
            "outline": lambda: f"{at}/outline",
            "tree": lambda: f"{at}/tree",
            "transcript, 20 calls": lambda: window(20),
            "transcript, 100 calls": lambda: window(100),
            "search in it": lambda: f"/api/search?session={NAME}&q=parser",
            "first screen": lambda: f"/ui/sessions/{NAME}",
        }
        exports = {f"export, {form}": f"{at}/export?format={form}" for form in ("json", "jsonl", "markdown", "openai")}
        for name, path in asked.items():
            report(name, [await ask(path()) for _ in range(rounds)])
        for name, plain in exports.items():
            report(name, [await ask(plain) for _ in range(3)])


def report(name: str, taken: list[tuple[tuple[float, float], bytes]]) -> None:
    times = sorted(time for (time, _), _ in taken)
    cpu = statistics.median(spent for (_, spent), _ in taken)
    p99 = times[min(len(times) - 1, round(0.99 * len(times)))]
    size = max(len(body) for _, body in taken)
    print(f"{name:24} {statistics.median(times):6.0f} ms {p99:6.0f} ms {cpu:6.0f} ms {size / 1e6:9.2f} MB", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=5000)
    parser.add_argument("--kilobytes", type=int, default=10, help="of new text, a call")
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--keep", help="a file for the database, which is used again if it is there")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        file = Path(args.keep or f"{temporary}/sessionary.db").resolve()
        there, url = file.exists(), f"sqlite:///{file}"
        upgrade(url)
        if not there:
            engine = open_engine(url)
            writer, start = Writer(keys.ensure_project(engine, "default"), args.kilobytes * 1000), time.perf_counter()
            store(engine, session(writer, args.calls))
            taken, size = time.perf_counter() - start, file.stat().st_size / 1e6
            print(
                f"{writer.made:,} calls, {writer.said / 1e6:.0f} MB of text, stored in {taken:.0f} s as {size:.0f} MB"
            )
            engine.dispose()
        asyncio.run(measured(url, Path(temporary), args.rounds))


if __name__ == "__main__":
    main()
