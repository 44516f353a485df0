"""An outage: load at a steady rate while the database is away for minutes, and what it costs.

A real gateway with the mock provider (`upstream.py`); the database is taken away after a tenth of that time, and given
back `--away` seconds later. PostgreSQL is a cluster of its own, stopped and started again; SQLite is locked by another
process. A third of the calls go on from the one before by `previous_response_id`, so that state is asked for as well.
Memory is of the workers and the drain, each. Load stays on loopback, and stops by itself.

usage: .venv/bin/python bench/outage.py [--rate 100] [--away 600] [--workers 1] [--sqlite]
"""

import argparse
import asyncio
import contextlib
import json
import sqlite3
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.latency import provider, quantile  # noqa: E402
from tests.support.postgres import running_postgres  # noqa: E402
from tests.support.server import Server, running_server  # noqa: E402

MODEL = "mock"


@dataclass
class Store:
    url: str | None
    """None: the gateway's own file."""
    take: Callable[[Server], None]
    give: Callable[[], None]


@contextlib.contextmanager
def postgresql() -> Iterator[Store]:
    with running_postgres() as cluster:
        yield Store(cluster.new_database(), lambda server: cluster.stop(), cluster.start)


@contextlib.contextmanager
def sqlite() -> Iterator[Store]:
    held: list[sqlite3.Connection] = []

    def take(server: Server) -> None:
        held.append(sqlite3.connect(server.data_dir / "sessionary.db", timeout=60, isolation_level=None))
        held[-1].execute("BEGIN IMMEDIATE")

    yield Store(None, take, lambda: held.pop().close())


@dataclass
class Load:
    made: int = 0
    errors: Counter[str] = field(default_factory=Counter)
    took: list[float] = field(default_factory=list)
    """Seconds of each call."""
    last: str = ""
    """An answer to go on from."""


async def call(session: aiohttp.ClientSession, server: Server, load: Load, n: int) -> None:
    said = f"Question {n}. " + "Which capital would you start in? " * 12
    chain = n % 3 == 0
    body: dict[str, object] = {"model": MODEL}
    if chain:
        body |= {"input": said} | ({"previous_response_id": load.last} if load.last and n % 15 else {})
    else:
        body |= {"messages": [{"role": "user", "content": said}], "metadata": {"session_id": f"outage-{n % 50}"}}
    began = time.perf_counter()
    try:
        url = f"{server.base_url}/v1/{'responses' if chain else 'chat/completions'}"
        async with session.post(url, json=body, headers={"authorization": f"Bearer {server.key}"}) as answer:
            raw = await answer.read()
            if answer.status != 200:
                load.errors[f"{answer.status} {raw[:120].decode(errors='replace')}"] += 1
            elif chain:
                load.last = json.loads(raw)["id"]
    except (aiohttp.ClientError, TimeoutError) as error:
        load.errors[error.__class__.__name__] += 1
    load.took.append(time.perf_counter() - began)


def megabytes(pid: int, name: str) -> int:
    text = Path(f"/proc/{pid}/status").read_text()
    return next(int(line.split()[1]) // 1024 for line in text.splitlines() if line.startswith(f"{name}:"))


def spool_bytes(server: Server) -> int:
    sizes = []
    for path in (server.data_dir / "spool").glob("*/*.seg"):
        with contextlib.suppress(FileNotFoundError):
            sizes.append(path.stat().st_size)
    return sum(sizes)


async def run(server: Server, store: Store, rate: float, away: float) -> tuple[Load, int]:
    """What was done, and the most bytes that were in the spool."""
    load, peak, lead = Load(), 0, max(2.0, away / 10)
    pending: set[asyncio.Task[None]] = set()
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
        began = time.monotonic()
        taken = given = False
        while (now := time.monotonic() - began) < away + 2 * lead:
            if not taken and now > lead:
                taken = True
                print_memory("before", server)
                await asyncio.to_thread(store.take, server)
            if not given and now > lead + away:
                given = True
                peak = max(peak, spool_bytes(server))
                print_memory("at its end", server)
                await asyncio.to_thread(store.give)
            if load.made < now * rate:
                load.made += 1
                task = asyncio.create_task(call(session, server, load, load.made))
                pending.add(task)
                task.add_done_callback(pending.discard)
            else:
                await asyncio.sleep(load.made / rate - now)
        await asyncio.gather(*pending)
    return load, peak


def print_memory(when: str, server: Server) -> None:
    print(f"{'memory ' + when:24}" + ", ".join(f"{megabytes(pid, 'VmRSS')}" for pid in server.processes()) + " MB")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--rate", type=float, default=100, help="calls a second")
    parser.add_argument("--away", type=float, default=600, help="seconds without the database")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--sqlite", action="store_true")
    given = parser.parse_args()
    with (
        tempfile.TemporaryDirectory() as folder,
        provider() as port,
        sqlite() if given.sqlite else postgresql() as store,
    ):
        model = {"name": MODEL, "model": "openai-compatible/mock", "base_url": f"http://127.0.0.1:{port}/v1"}
        config = {"models": [model | {"api_key": "sk-bench", "formats": ["chat"]}]}
        config |= {"database": store.url} if store.url else {}
        env = {"SESSIONARY_WORKERS": str(given.workers)}
        with running_server(Path(folder), config=json.dumps(config), env=env) as server:
            print(
                f"{given.rate:g} calls a second, {given.away:g} s without {'SQLite' if given.sqlite else 'PostgreSQL'}"
            )
            load, peak = asyncio.run(run(server, store, given.rate, given.away))
            back = time.monotonic()
            ledger = server.balance(seconds=max(120.0, 2 * given.away))
            stored = time.monotonic() - back
            print(f"{'memory at most':24}" + ", ".join(f"{megabytes(p, 'VmHWM')}" for p in server.processes()) + " MB")
            print(f"{'calls':24}{load.made}, client errors {sum(load.errors.values())} {dict(load.errors) or ''}")
            print(f"{'latency p50, p99':24}{quantile(load.took, 0.5):.1f}, {quantile(load.took, 0.99):.1f} ms")
            print(f"{'spool at most':24}{peak / 1e6:.1f} MB")
            print(f"{'all stored':24}{max(2.0, given.away / 10) + stored:.1f} s after the database was back")
            print(
                f"{'ledger':24}begun {ledger['begun']}, stored {ledger['stored']}, dropped {ledger['dropped']},",
                end=" ",
            )
            print(f"set aside {ledger['set_aside']}, missing {ledger['missing']}")


if __name__ == "__main__":
    main()
