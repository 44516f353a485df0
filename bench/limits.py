"""What a limit costs a call: the transaction that lets it in, for each kind of limit, on the database given.

    .venv/bin/python bench/limits.py                       SQLite, in a temporary folder
    .venv/bin/python bench/limits.py postgresql://…        tables in that database

Calls are let in and settled in batches, as a worker and the drain do. Beside it run as many writers as asked
(`--beside`), without a pause, for what waiting for another worker costs.
"""

import argparse
import statistics
import tempfile
import threading
import time
from pathlib import Path

import sqlalchemy as sa

from sessionary.limits import counters
from sessionary.limits.arithmetic import Sums
from sessionary.limits.counters import Call, Counters, End
from sessionary.limits.histories import History
from sessionary.settings import Limits
from sessionary.store.engine import open_engine

MANY = 1_000_000_000
KINDS = {
    "calls_per_minute": Limits(calls_per_minute=MANY),
    "budget": Limits(budget=float(MANY)),
    "concurrent": Limits(concurrent=MANY),
    "session_calls": Limits(session_calls=MANY),
    "all": Limits(MANY, MANY, MANY, float(MANY), "month", MANY, MANY, float(MANY)),
}


class Nothing:
    """There is no store: nothing was used before."""

    def spent(self, held: sa.Connection, project: int, key_id: str, since: int) -> int:
        return 0

    def session(self, held: sa.Connection, project: int, session: str) -> Sums:
        return Sums()


def one(made: Counters, limits: Limits, name: str, count: int) -> list[float]:
    took, ends = [], []
    for n in range(count):
        call = Call(f"{name}-{n}", name, 1, f"{name}-{n % 50}", "writer")
        history = History(f"{name}{n}".encode(), b"before")
        began = time.perf_counter()
        _, refused = made.reserve(call, limits, Sums(1, 100, 100), time.time_ns() // 1000, history)
        took.append((time.perf_counter() - began) * 1000)
        assert refused is None
        ends.append(End(call.call_id, call.session, Sums(1, 50, 50)))
        if len(ends) == 50:
            made.settle(ends)
            ends = []
    made.settle(ends)
    return took


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("database", nargs="?", help="SQLAlchemy URL")
    asked.add_argument("--calls", type=int, default=1000)
    asked.add_argument("--beside", type=int, default=1, help="other writers, of other keys")
    given = asked.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        engine = open_engine(given.database or f"sqlite:///{Path(folder) / 'limits.db'}")
        counters.prepare(engine)
        made = Counters(engine, Nothing(), lambda writer: True)
        for kind, limits in KINDS.items():
            for beside in sorted({0, given.beside}):
                mark = f"{kind}-{beside}-{time.time_ns()}"
                others = [
                    threading.Thread(target=one, args=(made, limits, f"{mark}-{n}", given.calls)) for n in range(beside)
                ]
                for other in others:
                    other.start()
                took = one(made, limits, mark, given.calls)
                for other in others:
                    other.join()
                tenths = statistics.quantiles(took, n=100)
                print(f"{kind:18} {beside} beside   p50 {tenths[49]:6.2f} ms   p99 {tenths[98]:6.2f} ms")
        engine.dispose()


if __name__ == "__main__":
    main()
