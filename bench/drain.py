"""What it costs the drain to store a call: processor time a call, calls a second, and how late it is at half of that.

A spool in a temporary folder is filled through the recorder, as workers fill it; then it is drained in this process, by
the drain's own rounds, into SQLite or a PostgreSQL. In the end the database must have as many calls as were recorded.

- chats: 1 KB chats, five in a session that their metadata names, as the load of `bench/table.py` sends them;
- histories: sessions that begin with 100 KB of history, and go on from it for 25 calls, each of which sends back all;
- content: conversations of five turns that name no session, and are found by what they send back.

Lag is the time from a call's end to its commit, while another process records at half the rate that was reached.

With `--gateways N` so many drains, each with a spool of its own, store that many calls each into one PostgreSQL at the
same time, and all that is told is how many a second that is together: once with sessions of its own for each, and once
with every session's calls spread over all.

usage: bench/drain.py [chats histories content] [--calls 10000] [--database postgresql://…] [--seconds 5] [--gateways N]
    --postgres starts a PostgreSQL of its own
"""

import argparse
import contextlib
import itertools
import json
import multiprocessing
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import sqlalchemy as sa

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sessionary import ids  # noqa: E402
from sessionary.drain.drain import PAUSE, Drain  # noqa: E402
from sessionary.metrics import Metrics  # noqa: E402
from sessionary.record.exchange import Attempt, Begin  # noqa: E402
from sessionary.record.recorder import Recorder, now_us  # noqa: E402
from sessionary.record.spooling import Spooling  # noqa: E402
from sessionary.spool.quota import Quota  # noqa: E402
from sessionary.spool.reader import Reader  # noqa: E402
from sessionary.spool.writer import Writer  # noqa: E402
from sessionary.store import keys, schema  # noqa: E402
from sessionary.store.engine import open_engine  # noqa: E402
from sessionary.store.migrate import upgrade  # noqa: E402
from tests.support.postgres import running_postgres  # noqa: E402

WORDS = (
    *("river", "museum", "winter", "train", "garden", "bridge", "market", "island", "letter", "mountain"),
    *("harbour", "window", "silver", "journey", "forest", "evening", "castle", "number", "village", "summer"),
)
IN_FLIGHT = 32
TURNS = {"chats": 5, "histories": 25, "content": 5}
"""Of a session."""
HISTORY = 100
"""Messages of 1 KB."""
HISTORIES = 20
FIRST = 500
"""Calls that are stored before anything is measured."""
TICKS = os.sysconf("SC_CLK_TCK")
Said = list[dict[str, str]]
Asked = tuple[str, Said]
"""A session's id, "" where it names none, and the messages."""


class Calls:
    """What clients ask, call after call."""

    def __init__(self, kind: str, run: str) -> None:
        self._rng = Random(run)
        self._kind = kind
        self._run = run
        self._system = {"role": "system", "content": self.text(430)}
        roles = ("user", "assistant")
        pool = HISTORIES if kind == "histories" else 1
        length = HISTORY if kind == "histories" else 0
        self._histories: list[Said] = [
            [{"role": roles[n % 2], "content": self.text(960)} for n in range(length)] for _ in range(pool)
        ]

    def text(self, size: int) -> str:
        return " ".join(self._rng.choices(WORDS, k=size // 7))

    def __iter__(self) -> Iterator[Asked]:
        """`IN_FLIGHT` at a time: those that are next to each other are of different sessions."""
        for group in itertools.count():
            said: list[Said] = [[] for _ in range(IN_FLIGHT)]
            for turn in range(TURNS[self._kind]):
                for n in range(IN_FLIGHT):
                    session = group * IN_FLIGHT + n
                    name = "" if self._kind == "content" else f"{self._run}-{session}"
                    question = {"role": "user", "content": f"{session} {turn} {self.text(300)}"}
                    history = self._histories[session % len(self._histories)]
                    yield name, [self._system, *history, *said[n], question]
                    if self._kind != "chats":
                        said[n] += [question, {"role": "assistant", "content": answer(question["content"])}]


def answer(question: str) -> str:
    return f"The answer to that is {question[:150]}."


class Load:
    """One worker's recorder, and calls that go through it."""

    def __init__(self, spool: Path, project: int, kind: str, run: str) -> None:
        metrics = Metrics()
        self._spooling = Spooling(Writer(spool), metrics, Quota(Reader(spool), None))
        self._recorder = Recorder(self._spooling, metrics)
        self._project = project
        self._calls = iter(Calls(kind, run))

    def record(self, count: int) -> None:
        """So many calls, at once in flight."""
        now = now_us()
        recordings = [
            (self._recorder.begin(self._begin(session, messages, now)), messages[-1]["content"])
            for session, messages in itertools.islice(self._calls, count)
        ]
        for recording, question in recordings:
            recording.attempts.append(Attempt("openai", "openai/gpt-4o-mini", "gpt-4o-mini", now, 900_000, 200))
            recording.ttft = 400_000
            headers = {"content-type": "application/json", "x-request-id": recording.call_id}
            recording.finish("ok", http_status=200, headers=headers, body=told(question))

    def fill(self, count: int) -> None:
        """So many, a few at once in flight."""
        for start in range(0, count, IN_FLIGHT):
            self.record(min(IN_FLIGHT, count - start))

    def close(self) -> None:
        self._recorder.close()

    def _begin(self, session: str, messages: Said, now: int) -> Begin:
        call_id = ids.new_call_id()
        own = ids.session_id(self._project, session or call_id)
        body: dict[str, Any] = {"model": "gpt-4o-mini", "messages": messages, "temperature": 0.7, "max_tokens": 512}
        if session:
            body["metadata"] = {"litellm_session_id": session, "team": "search"}
        data = json.dumps(body, separators=(",", ":")).encode()
        named = ("id", "metadata.litellm_session_id") if session else ("none", "none")
        return Begin(
            call_id, now, self._project, "master", own, session or own, *named, "chat.completions", "gpt-4o-mini",
            False, "openai-python", "", {"user-agent": "OpenAI/Python 1.99.0"}, data,
        )  # fmt: skip


def told(question: str) -> bytes:
    message = {"role": "assistant", "content": answer(question), "refusal": None, "annotations": []}
    details = {"cached_tokens": 0, "audio_tokens": 0}
    body = {
        "id": "chatcmpl-BkZt7xT3Q0v1yqfYg5s2Jm8nWcLpR",
        "object": "chat.completion",
        "created": 1_730_000_000,
        "model": "gpt-4o-mini-2024-07-18",
        "choices": [{"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 214, "completion_tokens": 42, "total_tokens": 256, "prompt_tokens_details": details},
        "service_tier": "default",
        "system_fingerprint": "fp_0392822090",
    }
    return json.dumps(body).encode()


def feed(spool: Path, project: int, kind: str, rate: float, seconds: float) -> None:
    """In a process of its own: records at that rate, in twentieths of a second."""
    load = Load(spool, project, kind, f"feed {time.time_ns()}")
    start, recorded = time.monotonic(), 0
    while (passed := time.monotonic() - start) < seconds:
        due = int(passed * rate)
        load.record(due - recorded)
        recorded = due
        time.sleep(0.05)
    load.close()


def server_seconds(engine: sa.Engine) -> float:
    """Processor time of the PostgreSQL server behind `engine`, all of its processes; 0 where it is not on this
    machine, or there is none."""
    if engine.dialect.name == "sqlite":
        return 0.0
    with engine.connect() as connection:
        backend = connection.scalar(sa.select(sa.func.pg_backend_pid()))
    times: dict[int, tuple[int, int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = stat.read_text().rpartition(")")[2].split()
            ended = sum(map(int, fields[13:15]))
            times[int(stat.parent.name)] = int(fields[1]), sum(map(int, fields[11:13])) + ended
    if backend not in times:
        return 0.0
    parent = times[backend][0]
    return sum(ticks for pid, (of, ticks) in times.items() if parent in (pid, of)) / TICKS


def stored(engine: sa.Engine) -> int:
    """Calls that have ended."""
    with engine.connect() as connection:
        return int(connection.scalar(sa.select(sa.func.count()).where(schema.calls.c.status == "ok")) or 0)


def late(drain: Drain, metrics: Metrics, feeding: multiprocessing.Process) -> list[float]:
    """Seconds by which the oldest record of each round was late."""
    lags = []
    while True:
        running = feeding.is_alive()
        if drain.round():
            lags.append(float(metrics.lag._value.get()))
        elif not running:
            return sorted(lags)
        else:
            time.sleep(PAUSE)


def measure(url: str, kind: str, calls: int, seconds: float, rates: Callable[[], float] = time.process_time) -> None:
    upgrade(url)
    engine, metrics = open_engine(url), Metrics()
    project = keys.ensure_project(engine, "default")
    with tempfile.TemporaryDirectory() as folder:
        spool = Path(folder)
        there = stored(engine)
        load, drain = Load(spool, project, kind, "first"), Drain(spool, engine, metrics)
        for count in (FIRST, calls):
            load.fill(count)
            before, start_at, server = rates(), time.monotonic(), server_seconds(engine)
            while drain.round():
                pass
            took, passed = rates() - before, time.monotonic() - start_at
            served = server_seconds(engine) - server
        assert stored(engine) - there == FIRST + calls, (stored(engine), there, calls)
        load.close()
        rate = calls / passed
        feeding = multiprocessing.Process(target=feed, args=(spool, project, kind, rate / 2, seconds))
        feeding.start()
        lags = late(drain, metrics, feeding)
        feeding.join()
    lag = f"{lags[len(lags) // 2]:.2f} / {lags[-1]:.2f} s" if lags else "-"
    cells = (f"{rate:.0f}", f"{took * 1e6 / calls:.0f}", f"{served * 1e6 / calls:.0f}", lag)
    print(f"{kind:10}" + "".join(f"{cell:>18}" for cell in cells), flush=True)
    engine.dispose()


def together(url: str, calls: int, gateways: int, *, shared: bool) -> float:
    """Calls a second that several gateways' drains store at once. `shared`: each of them has calls of each session."""
    upgrade(url)
    engine = open_engine(url)
    project, there = keys.ensure_project(engine, "default"), stored(engine)
    ready = multiprocessing.Barrier(gateways + 1)
    with tempfile.TemporaryDirectory() as folder:
        drains = [
            multiprocessing.Process(
                target=one_of_several,
                args=(url, Path(folder), project, calls, n, "shared" if shared else f"own {n}", ready),
            )
            for n in range(gateways)
        ]
        for process in drains:
            process.start()
        ready.wait()
        began = time.monotonic()
        for process in drains:
            process.join()
        passed = time.monotonic() - began
    assert stored(engine) - there == gateways * calls, (stored(engine), there)
    engine.dispose()
    return gateways * calls / passed


def one_of_several(url: str, folder: Path, project: int, calls: int, n: int, run: str, ready: Any) -> None:
    """In a process of its own."""
    spool = folder / str(n)
    spool.mkdir()
    load = Load(spool, project, "chats", run)
    load.fill(calls)
    drain = Drain(spool, open_engine(url), Metrics(), gateway=f"gw_{n}")
    ready.wait()
    while drain.round():
        pass
    load.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="chats, histories, content; all of them")
    parser.add_argument("--calls", type=int, default=10_000)
    parser.add_argument("--database", help="an empty one")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--seconds", type=float, default=5.0, help="for which calls come at half the rate")
    parser.add_argument("--gateways", type=int, default=0, help="drains that store at the same time")
    args = parser.parse_args()
    if args.gateways:
        with contextlib.ExitStack() as stack:
            postgres = None if args.database else stack.enter_context(running_postgres())
            for shared in (False, True):
                url = postgres.new_database() if postgres else args.database
                rate = together(url, args.calls, args.gateways, shared=shared)
                print(
                    f"{args.gateways} gateways, {'shared' if shared else 'own'} sessions: {rate:,.0f} calls/s",
                    flush=True,
                )
        return
    kinds = args.kinds or ["chats", "histories", "content"]
    heads = ("calls/s", "us a call", "us of the server", "lag p50 / most")
    print(" " * 10 + "".join(f"{head:>18}" for head in heads))
    with contextlib.ExitStack() as stack:
        postgres = stack.enter_context(running_postgres()) if args.postgres else None
        for kind in kinds:
            folder = stack.enter_context(tempfile.TemporaryDirectory())
            url = postgres.new_database() if postgres else args.database or f"sqlite:///{folder}/sessionary.db"
            measure(url, kind, args.calls if kind != "histories" else args.calls // 10, args.seconds)


if __name__ == "__main__":
    main()
