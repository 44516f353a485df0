"""What retention costs on a large database: its longest transaction, and how long all of it takes.

A copy is not made: the database is emptied. Take one of `bench/fill.py`, by default 1,000,000 sessions; of those that
are older than `--keep` days first what was said goes (`retention_contents`), then all (`retention`). Beside it, another
thread writes a row each 10 ms, as a drain would: what it waits for the lock is what storing a call waits.

usage: uv run python bench/retention.py DATABASE [--keep 45] [--steps N]
"""

import argparse
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import sqlalchemy as sa

from sessionary.store import schema
from sessionary.store.engine import open_engine
from sessionary.store.migrate import upgrade
from sessionary.store.retention import Retention
from sessionary.store.sweep import Sweep
from sessionary.store.used import used


class Writing:
    """Waits for the write lock again and again."""

    def __init__(self, path: Path) -> None:
        self.waits: list[float] = []
        self._path = path
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        db = sqlite3.connect(self._path, timeout=30, isolation_level=None)
        db.execute("CREATE TABLE IF NOT EXISTS bench_writes (at REAL)")
        while not self._stop.wait(0.01):
            start = time.perf_counter()
            db.execute("BEGIN IMMEDIATE")
            self.waits.append(time.perf_counter() - start)
            db.execute("INSERT INTO bench_writes VALUES (?)", (start,))
            db.execute("COMMIT")
        db.execute("DROP TABLE bench_writes")
        db.close()

    def end(self) -> list[float]:
        self._stop.set()
        self._thread.join()
        return self.waits


def swept(engine: sa.Engine, path: Path, keep: Retention, name: str, most: int | None) -> Iterator[str]:
    held: list[float] = []
    began: list[float] = []
    sa.event.listen(engine, "begin", lambda connection: began.append(time.perf_counter()))
    sa.event.listen(engine, "commit", lambda connection: held.append(time.perf_counter() - began[-1]))
    sweep, writing, start = Sweep(engine, keep), Writing(path), time.perf_counter()
    steps = 0
    since = time.perf_counter()
    while sweep.step() and (most is None or steps < most):
        steps += 1
        if time.perf_counter() - since > 0.05:  # as the drain does
            time.sleep(0.05)
            since = time.perf_counter()
    took, waits = time.perf_counter() - start, writing.end()
    s, c = schema.sessions, schema.calls
    with engine.connect() as connection:
        sessions, calls = (connection.scalar(sa.select(sa.func.count()).select_from(table)) for table in (s, c))
        there = used(connection)
    yield f"{name}: {steps:,} steps in {took:.0f} s; {sessions:,} sessions, {calls:,} calls, {there / 1e9:.2f} GB"
    yield f"  a transaction: {quantiles(held)}"
    yield f"  who writes beside it waits: {quantiles(waits)}"


def quantiles(seconds: list[float]) -> str:
    ordered = sorted(seconds) or [0.0]
    p50, p99, longest = (ordered[min(len(ordered) - 1, int(len(ordered) * q))] * 1e3 for q in (0.5, 0.99, 1))
    return f"p50 {p50:.1f} ms, p99 {p99:.1f} ms, longest {longest:.0f} ms"


def main() -> Iterator[str]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", type=Path)
    parser.add_argument("--keep", type=float, default=45, help="days")
    parser.add_argument("--steps", type=int, help="of each clock at most; all without")
    given = parser.parse_args()
    url = f"sqlite:///{given.database.resolve()}"
    upgrade(url)
    for name, keep in (("contents", Retention(contents=given.keep)), ("all of it", Retention(days=given.keep))):
        engine = open_engine(url)
        yield from swept(engine, given.database, keep, name, given.steps)
        engine.dispose()


if __name__ == "__main__":
    for line in main():
        print(line, flush=True)
