"""What it costs the drain to find a call's session by content, and whether the number of stored calls matters.

For each size a store in a temporary folder is filled with so many calls, and then rounds of one call each are put
through the drain's `Round`, in this process:

- a conversation goes on: a hundred messages of 1 KB whose history is known;
- one like it, whose history nobody knows;
- a second turn after words that a tenth of all stored calls begin with, under a key of its own.

The time is the process's CPU time. Of the first, it is shown by what it is spent on; the parts leave out what they
call of each other.

usage: uv run python bench/threads.py [--sizes 10000,100000,1000000] [--rounds 150]
"""

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random
from typing import Any

import sqlalchemy as sa

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sessionary import ids  # noqa: E402
from sessionary.drain import answers, begins, known, requests, round, threads  # noqa: E402
from sessionary.drain.batch import Batch  # noqa: E402
from sessionary.drain.intake import Intake, Item  # noqa: E402
from sessionary.drain.seen import Seen  # noqa: E402
from sessionary.record.exchange import Begin, Finish  # noqa: E402
from sessionary.spool.reader import Cursor  # noqa: E402
from sessionary.store import keys, schema  # noqa: E402
from sessionary.store.engine import open_engine  # noqa: E402
from sessionary.store.migrate import upgrade  # noqa: E402
from sessionary.store.writes import transaction  # noqa: E402
from sessionary.wire import meaning  # noqa: E402
from sessionary.wire.reading import read  # noqa: E402

TARGET_US = 150
MESSAGES = 100
SECOND = 1_000_000
NOW = 1_790_000_000 * SECOND
CHUNK = 20_000
GREETING = [{"role": "user", "content": "hi"}, {"role": "assistant", "content": "Hello! How can I help you today?"}]


# -- a full store


def fill(engine: sa.Engine, project: int, count: int) -> None:
    """Conversations of ten calls, of the last six days and a hundred keys; a tenth of the calls are greeted alike."""
    rng = Random(count)
    greeted = greeting_node(project)
    tables = (schema.messages, schema.calls, schema.sessions)
    indexes = [index for table in tables for index in table.indexes]
    with engine.begin() as connection:
        for index in indexes:
            index.drop(connection)
    for start in range(0, count, CHUNK):
        rows: dict[sa.Table, list[dict[str, Any]]] = {table: [] for table in tables}
        for n in range(start, min(count, start + CHUNK), 10):
            at = NOW - 6 * 86_400 * SECOND + n * 6 * 86_400 * SECOND // count
            session = ids.session_id(project, f"old {n}")
            rows[schema.sessions].append(_session(project, session, at))
            parent, before = None, None
            for turn in range(1, 11):
                question, told = rng.randbytes(16), rng.randbytes(16)
                node = greeted if turn == 1 else rng.randbytes(16)
                call = _call(project, session, f"call_{n}_{turn}", at + turn * SECOND, turn, f"key_{n % 100}")
                call |= {"parent": before, "leaf": question, "leaf_node": rng.randbytes(16), "output": told}
                rows[schema.calls].append(call | {"output_node": node, "answer_key": rng.randbytes(16)})
                rows[schema.messages].append(_message(project, question, parent, 2 * turn - 1, "user", rng))
                rows[schema.messages].append(_message(project, told, question, 2 * turn, "assistant", rng))
                parent, before = told, call["id"]
        with engine.begin() as connection:
            for table, some in rows.items():
                connection.execute(sa.insert(table), some)
    with engine.begin() as connection:
        for index in indexes:
            index.create(connection)
        connection.exec_driver_sql("ANALYZE")


def greeting_node(project: int) -> bytes:
    node = ids.root_node(project)
    for message in GREETING:
        node = meaning.fold(node, read(json.dumps(message).encode(), "chat", answer=False)[1])
    return node


def _session(project: int, id: str, at: int) -> dict[str, Any]:
    row: dict[str, Any] = {"project": project, "id": id, "session_id": id, "source": "content", "status": "ok"}
    row |= {"title": "Hi", "calls": 10, "turns": 10, "models": ["gpt-4o"], "clients": ["openai-python"], "keys": []}
    return row | {"users": [], "tags": [], "first_at": at, "last_at": at + 11 * SECOND, "updated_at": at}


def _call(project: int, session: str, id: str, at: int, turn: int, key: str) -> dict[str, Any]:
    row: dict[str, Any] = {"project": project, "id": id, "session": session, "source": "content", "rule": "content"}
    row |= {
        "key_id": key,
        "scope": ids.scope(key, ""),
        "turn": turn,
        "endpoint": "chat.completions",
        "stream": False,
        "client": "openai-python",
    }
    row |= {"user": "", "model": "gpt-4o", "status": "ok", "created_at": at, "finished_at": at + SECOND // 2}
    row |= {"http_status": 200, "provider": "openai", "input_tokens": 400, "output_tokens": 80, "cost": 9000}
    return row | {"attempts": [], "input_depth": 2 * turn - 1, "continued": turn < 10, "writer": "w"}


def _message(project: int, id: bytes, parent: bytes | None, depth: int, role: str, rng: Random) -> dict[str, Any]:
    row = {"project": project, "id": id, "parent": parent, "node": rng.randbytes(16), "depth": depth, "role": role}
    return row | {"format": "chat", "answer": role == "assistant", "frame": rng.randbytes(16), "text": None}


# -- calls


@dataclass
class Client:
    """One conversation, a call a round."""

    project: int
    rng: Random
    key: str
    at: int
    said: list[dict[str, str]] = field(default_factory=list)

    def text(self) -> str:
        return " ".join(f"{self.rng.getrandbits(40):010x}" for _ in range(93))  # 1 KB

    def call(self) -> tuple[Begin, Finish]:
        """The next call, and its answer."""
        self.at += SECOND
        self.said.append({"role": "user", "content": self.text()})
        body = json.dumps({"model": "gpt-4o", "messages": self.said}).encode()
        call_id = f"call_{self.at}{self.rng.getrandbits(40):x}"
        own = ids.session_id(self.project, call_id)
        begin = Begin(
            call_id, self.at, self.project, self.key, own, own, "none", "none", "chat.completions", "gpt-4o", False,
            "openai-python", "", {}, body,
        )  # fmt: skip
        message = {"role": "assistant", "content": self.text()}
        self.said.append(message)
        usage = {"prompt_tokens": 30_000, "completion_tokens": 300}
        told = {"choices": [{"index": 0, "message": message, "finish_reason": "stop"}], "usage": usage}
        kind = {"content-type": "application/json"}
        end = self.at + SECOND // 2
        model = "gpt-4o"
        return begin, Finish(
            call_id, end, "ok", 200, "openai", "d", model, 1000, "", "", [], kind, json.dumps(told).encode()
        )


class Stopwatch:
    """CPU time by part, without what a part calls of another."""

    def __init__(self) -> None:
        self.spent: dict[str, int] = defaultdict(int)
        self._inner: list[int] = []

    def on(self, owner: Any, name: str, part: str) -> None:
        """From now on the function's time is the part's."""
        function = getattr(owner, name)

        def timed(*args: Any, **named: Any) -> Any:
            self._inner.append(0)
            start = time.process_time_ns()
            try:
                return function(*args, **named)
            finally:
                taken = time.process_time_ns() - start
                self.spent[part] += taken - self._inner.pop()
                if self._inner:
                    self._inner[-1] += taken

        setattr(owner, name, timed)


PARTS = {
    "taking apart": [(requests, "parse")],
    "meaning": [(requests, "give_meaning")],
    "what is stored": [(begins.Begins, "_give_meaning")],
    "threading": [(threads.Threads, name) for name in ("expect", "place", "answered")],
    "its look-ups": [(known.Known, name) for name in ("find", "among", "newest", "call")],
    "the answer": [(answers, "answered")],
    "writing": [(Batch, "write")],
    "the rest": [(round.Round, name) for name in ("__init__", "run", "committed")],
}


def watched() -> Stopwatch:
    watch = Stopwatch()
    for part, functions in PARTS.items():
        for owner, name in functions:
            watch.on(owner, name, part)
    return watch


@dataclass
class Drain:
    engine: sa.Engine
    seen: Seen = field(default_factory=Seen)

    def round(self, *records: Begin | Finish) -> float:
        """Microseconds of CPU."""
        items = [Item(record.at, "bench", record, Cursor()) for record in records]
        start = time.process_time_ns()
        with transaction(self.engine) as connection:
            work = round.Round(connection, {}, records[-1].at, seen=self.seen)
            work.run(Intake(items))
            assert work.set_aside == 0
        work.committed()
        return (time.process_time_ns() - start) / 1000


def linked(engine: sa.Engine, call_id: str) -> bool:
    c = schema.calls.c
    with engine.connect() as connection:
        return connection.scalar(sa.select(c.parent).where(c.id == call_id)) is not None


def going_on(drain: Drain, watch: Stopwatch, project: int, rounds: int) -> Iterator[tuple[float, dict[str, float]]]:
    """Of each call: microseconds in all, and by part."""
    for n in range(0, rounds, 10):
        client = Client(project, Random(n), "key_mine", NOW + n * 3600 * SECOND)
        for _ in range(MESSAGES // 2):
            drain.round(*client.call())
        for _ in range(10):
            begin, finish = client.call()
            watch.spent.clear()
            taken = drain.round(begin, finish)
            assert linked(drain.engine, begin.call_id)
            yield taken, {part: watch.spent[part] / 1000 for part in PARTS}


def unknown(drain: Drain, project: int, rounds: int) -> Iterator[float]:
    for n in range(rounds // 3):
        client = Client(project, Random(f"unknown {n}"), "key_mine", NOW + n * SECOND)
        for _ in range(MESSAGES // 2):
            client.call()
        begin, finish = client.call()
        yield drain.round(begin, finish)
        assert not linked(drain.engine, begin.call_id)


def greeted(drain: Drain, project: int, rounds: int) -> Iterator[float]:
    for n in range(rounds // 3):
        client = Client(project, Random(f"greeted {n}"), "key_new", NOW + n * SECOND, list(GREETING))
        begin, finish = client.call()
        yield drain.round(begin, finish)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="10000,100000,1000000")
    parser.add_argument("--rounds", type=int, default=150)
    args = parser.parse_args()
    watch = watched()
    print(f"microseconds of CPU, p50; the target is {TARGET_US} for threading {MESSAGES} messages that are known")
    heads = [*PARTS, "a call in all", "unknown history", "after a greeting", "filled in", "size"]
    print(f"{'stored calls':>12} " + " ".join(f"{head:>16}" for head in heads))
    for size in map(int, args.sizes.split(",")):
        with tempfile.TemporaryDirectory() as folder:
            url = f"sqlite:///{folder}/sessionary.db"
            upgrade(url)
            engine = open_engine(url)
            project = keys.ensure_project(engine, "default")
            start = time.perf_counter()
            fill(engine, project, size)
            filled = time.perf_counter() - start
            drain = Drain(engine)
            taken = list(going_on(drain, watch, project, args.rounds))
            parts = {part: statistics.median(spent[part] for _, spent in taken) for part in PARTS}
            shown = [*parts.values(), statistics.median(t for t, _ in taken)]
            shown += [statistics.median(f(drain, project, args.rounds)) for f in (unknown, greeted)]
            cells = [f"{n:16.0f}" for n in shown] + [f"{filled:14.0f} s"]
            cells += [f"{Path(folder, 'sessionary.db').stat().st_size / 1e6:13.0f} MB"]
            print(f"{size:>12} " + " ".join(cells), flush=True)
            engine.dispose()


if __name__ == "__main__":
    main()
