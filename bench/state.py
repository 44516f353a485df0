"""How long it takes to find again what a long chain of responses has said, from each place where it can be.

A real gateway answers a chain of `/responses` calls; then the state behind the last id is rebuilt many times, from
the spool (another worker's calls, not drained yet) and from the store.

usage: uv run python bench/state.py [--turns 100] [--words 80]
"""

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sessionary.spool.reader import Reader  # noqa: E402
from sessionary.state.spooled import Spooled  # noqa: E402
from sessionary.state.walk import State  # noqa: E402
from sessionary.store.engine import open_engine  # noqa: E402
from tests.support.server import Server, running_server, wait_for  # noqa: E402

TARGET_MS = 3.0
ROUNDS = 400


def chain(server: Server, turns: int, words: int) -> str:
    """The id of the last answer's call."""
    last = None
    for n in range(turns):
        text = f"turn {n}: " + " ".join(f"word{n * words + k}" for k in range(words))
        body = {"model": "gpt-4o", "input": text, **({"previous_response_id": last} if last else {})}
        last = server.post("/v1/responses", body).json["id"]
    return f"call_{str(last)[5:]}"


async def rebuilt(fresh: Callable[[], State], call_id: str, turns: int) -> list[float]:
    """Milliseconds of each round; every other round asks the same `State` again."""
    taken = []
    state = fresh()
    for n in range(ROUNDS):
        state = fresh() if n % 2 == 0 else state
        began = time.perf_counter()
        link = await state.find(1, call_id)
        assert link is not None
        said = await state.history(1, link)
        taken.append((time.perf_counter() - began) * 1000)
        assert len(said) == 2 * turns
    return taken


def report(place: str, taken: list[float]) -> None:
    cold, warm = sorted(taken[2::2]), sorted(taken[3::2])
    for name, found in (("asked for the first time", cold), ("and again", warm)):
        print(
            f"{place:12} {name:26} p50 {statistics.median(found):6.2f} ms   p99 {found[int(len(found) * 0.99)]:6.2f} ms"
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=100)
    parser.add_argument("--words", type=int, default=80)
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        with running_server(path) as server:
            call_id = chain(server, args.turns, args.words)
            wait_for(lambda: server.request("GET", f"/api/calls/{call_id}").status == 200, 30)
            wait_for(lambda: server.get(f"/api/calls/{call_id}")["status"] == "ok", 30)
            engine = open_engine(f"sqlite:///{server.data_dir / 'sessionary.db'}")
            print(f"a chain of {args.turns} calls; the target is {TARGET_MS} ms")
            spooled, nothing = Spooled(Reader(server.data_dir / "spool")), Spooled(Reader(path / "nothing"))
            spooled.of(call_id)  # a worker reads the spool as it grows
            report("the spool", asyncio.run(rebuilt(lambda: State(engine, spooled), call_id, args.turns)))
            report("the store", asyncio.run(rebuilt(lambda: State(engine, nothing), call_id, args.turns)))
            engine.dispose()


if __name__ == "__main__":
    main()
