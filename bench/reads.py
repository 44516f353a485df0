"""Whether reading touches the relay: the latency that the gateway adds at 100 calls a second, alone, and while somebody
reads a database of a million calls without a pause: pages, searches, an export of a session of 5,000 calls; and while
retention deletes.

Each tick calls the gateway and the provider in turn, as bench/latency.py does. Who reads is a process of its own, and
asks for the next thing as soon as it has the last. Retention works as it does by itself, in the drain's idle moments.

usage: bench/reads.py [--calls 1000000] [--session 5000] [--rate 100] [--seconds 10] [--workers 1]
                      [--only pages searches export retention] [--write]
The database is made once and kept in .bench/. --write puts the table into docs/explanation/performance.md.
"""

import argparse
import http.client
import itertools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from random import Random

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import session  # noqa: E402
from bench.filled import filled, from_now_on  # noqa: E402
from bench.gateways import sessionary  # noqa: E402
from bench.latency import Caller, measure, quantile  # noqa: E402
from bench.measuring import KEPT, Mock, Running, digits, mock, ran, settled, table, write  # noqa: E402
from sessionary.store import keys  # noqa: E402
from sessionary.store.engine import open_engine  # noqa: E402
from sessionary.store.migrate import upgrade  # noqa: E402
from tests.support.server import wait_for  # noqa: E402

KINDS = ("pages", "searches", "export", "retention")
KEEP_DAYS = 45
"""Of ninety that bench/fill.py fills."""


def database(calls: int, length: int) -> Path:
    """Filled, and with a session of `length` calls."""
    path = KEPT / f"read-{calls}-{length}.db"
    if not path.exists():
        half = path.with_suffix(".half")
        shutil.copyfile(filled(calls), half)
        url = f"sqlite:///{half}"
        upgrade(url)
        engine = open_engine(url)
        began = time.monotonic()
        writer = session.Writer(keys.ensure_project(engine, "default"), 10_000)
        session.store(engine, session.session(writer, length))
        engine.dispose()
        half.rename(path)
        print(f"a session of {length:,} calls in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)
    return path


# -- who reads


def paths(kind: str, calls: list[str]) -> Iterator[str]:
    """Without end."""
    at, rng = f"/api/sessions/{session.NAME}", Random(1)
    if kind == "export":
        yield from itertools.cycle(f"{at}/export?format={form}" for form in ("json", "markdown"))
    if kind == "searches":
        said = ("refund", "xylophone", "the error", "please refund", "w12 w40", "parser")
        yield from itertools.cycle(f"/api/search?q={words.replace(' ', '+')}" for words in said)
    for n in itertools.count():
        start = rng.randrange(max(1, len(calls) - 50))
        yield "/ui/"
        yield f"/api/sessions?limit=50&model=gpt-5-{n % 6}"
        yield "/ui/calls"
        yield f"/ui/sessions/{session.NAME}"
        yield f"{at}/outline"
        yield f"{at}/transcript?calls={','.join(calls[start : start + 50])}"


def read(kind: str, port: int, key: str, cookie: str) -> None:
    """Until it is told to stop; then says how many answers it had, and how long the slowest took."""
    took: list[float] = []
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def get(path: str) -> bytes:
        began = time.perf_counter()
        headers = {"cookie": f"sessionary={cookie}"} if path.startswith("/ui") else {"authorization": f"Bearer {key}"}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        body = answer.read()
        if answer.status != 200:
            raise SystemExit(f"{path}: {answer.status} {body[:300]!r}")
        took.append(time.perf_counter() - began)
        return body

    def stop(*_: object) -> None:
        print(json.dumps([len(took), max(took, default=0.0)]), flush=True)
        os._exit(0)

    outline = json.loads(get(f"/api/sessions/{session.NAME}/outline"))
    calls = [call["id"] for call in outline["calls"]]
    signal.signal(signal.SIGTERM, stop)
    print("reads", flush=True)
    for path in paths(kind, calls):
        get(path)


@contextmanager
def reading(kind: str, running: Running, cookie: str) -> Iterator[Callable[[], str]]:
    """What it gives ends it, and tells what it read."""
    line = [sys.executable, __file__, "--read", json.dumps([kind, running.port, running.key, cookie])]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            if process.stdout.readline() != "reads\n":
                raise SystemExit(f"{kind}: it could not be read")

            def told() -> str:
                process.send_signal(signal.SIGTERM)
                said = process.communicate()[0]
                if not said:
                    raise SystemExit(f"{kind}: reading ended")
                count, slowest = json.loads(said)
                return f"{count:,}, the slowest {slowest:.2f} s"

            yield told
        finally:
            process.kill()


# -- what the relay does meanwhile


class Measuring:
    def __init__(self, rate: float, seconds: float) -> None:
        self._rate, self._seconds = rate, seconds
        self._alone: float | None = None
        self.rows: list[list[str]] = []

    def run(self, name: str, running: Running, told: Callable[[], str]) -> None:
        with mock() as beside:
            direct, gateway = Caller(beside.port, "sk-bench"), Caller(running.port, running.key)
            straight, through, _ = measure(direct, gateway, self._rate, self._seconds)
        p50, p99 = (quantile(through, q) for q in (0.5, 0.99))
        added = [quantile(through, q) - quantile(straight, q) for q in (0.5, 0.99)]
        self._alone = self._alone or p99
        self.rows.append(
            [
                name,
                f"{p50:.2f} / {p99:.2f} / {max(through) * 1e3:.1f} ms",
                f"{added[0]:.2f} / {added[1]:.2f} ms",
                f"{digits(p99 / self._alone)}x",
                told(),
            ]
        )
        print(self.rows[-1], flush=True)

    def table(self) -> str:
        head = ("meanwhile", "answered within, p50 / p99 / longest", "added, p50 / p99", "p99 against alone", "done")
        return table(head, self.rows)


@contextmanager
def gateway(source: Path, workers: int, **more: str) -> Iterator[tuple[Mock, Running, Path]]:
    with tempfile.TemporaryDirectory() as name, mock() as provider:
        store = Path(name) / "data" / "sessionary.db"
        store.parent.mkdir()
        shutil.copyfile(source, store)
        with sessionary(provider, Path(name), workers=workers, **more) as running:
            yield provider, from_now_on(running), store


def expired(store: Path) -> int:
    """Sessions that retention has yet to delete."""
    before = (time.time() - KEEP_DAYS * 86400) * 1e6
    with closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        query = "SELECT count(*) FROM sessions WHERE last_at < ?"
        return int(connection.execute(query, (before,)).fetchone()[0])


def run(source: Path, kinds: list[str], measuring: Measuring, workers: int) -> None:
    with gateway(source, workers) as (provider, running, store):
        engine = open_engine(f"sqlite:///{store}")
        cookie = keys.new_cookie(engine, "master")
        engine.dispose()
        measuring.run("nothing", running, lambda: "")
        for kind in kinds:
            if kind != "retention":
                with reading(kind, running, cookie) as told:
                    measuring.run(kind, running, told)
        settled(running, provider)
    if "retention" in kinds:
        with gateway(source, workers, SESSIONARY_RETENTION=str(KEEP_DAYS)) as (_, running, store):
            before = expired(store)
            wait_for(lambda: expired(store) < before, 120, "retention to begin")
            since = expired(store)
            measuring.run("retention", running, lambda: f"{since - expired(store):,} of {before:,} sessions deleted")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calls", type=int, default=1_000_000, help="that are stored")
    parser.add_argument("--session", type=int, default=5000, help="calls of the long session")
    parser.add_argument("--rate", type=float, default=100, help="calls a second each way")
    parser.add_argument("--seconds", type=float, default=10, help="of each kind of reading")
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--only", nargs="+", choices=KINDS, default=list(KINDS))
    parser.add_argument("--write", action="store_true", help="put the table into the docs")
    parser.add_argument("--read", type=json.loads, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.read:
        return read(*asked.read)
    measuring = Measuring(asked.rate, asked.seconds)
    run(database(asked.calls, asked.session), asked.only, measuring, asked.workers)
    told = measuring.table()
    print(f"\n{told}")
    if asked.write:
        what = f"{asked.calls:,} calls stored, a session of {asked.session:,}, {asked.rate:g} calls a second, "
        write("reads", f"{ran()}; {what}workers: {asked.workers}:\n\n{told}")
    return None


if __name__ == "__main__":
    main()
