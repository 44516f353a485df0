"""Streams that no provider sends, for as long as one likes: `tests/unit/test_streams_any_bytes.py` by chance.

Real streams are damaged, made odd, and put together from pieces; each is relayed whole, byte by byte, and in pieces of
chance. What the client gets and what is recorded must be the same each time, and nothing may fail. Then one line of
100 MB is read by everything that reads streams, for time and memory.

usage: .venv/bin/python bench/fuzz.py [--seconds 60] [--seed 1]
"""

import argparse
import random
import sys
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sessionary.relay.ends import Course  # noqa: E402
from sessionary.wire.assemble import assemble  # noqa: E402
from sessionary.wire.sse import Parser  # noqa: E402
from sessionary.wire.unfolding import Unfolding  # noqa: E402
from tests.unit.test_streams_any_bytes import ENDPOINTS, FRAGMENTS, ODD, answer, bytewise, cut, relayed  # noqa: E402

SAID = ("text", "calls", "reasoning", "refusal", "length")


def stream(rng: random.Random, endpoint: str) -> bytes:
    data = rng.choice(list(ODD.values()))(answer(endpoint, rng.choice(SAID)))
    if rng.random() < 0.2:
        return b"".join(rng.choices(FRAGMENTS, k=rng.randrange(40)))
    for _ in range(rng.randrange(4)):
        at = rng.randrange(len(data) + 1)
        new = rng.choice([rng.randbytes(rng.randrange(4)), rng.choice(FRAGMENTS)])
        data = data[:at] + new + data[at + rng.randrange(6) :]
    return data


def fuzz(seconds: float, seed: int) -> None:
    rng = random.Random(seed)
    until = time.monotonic() + seconds
    streams = relays = size = 0
    while time.monotonic() < until:
        endpoint = rng.choice(sorted(ENDPOINTS))
        data = stream(rng, endpoint)
        ways = [[data] if data else [], bytewise(data)]
        ways += [cut(data, [rng.randrange(10_000) for _ in range(rng.randrange(1, 20))]) for _ in range(3)]
        first, *others = (relayed(endpoint, way) for way in ways)
        if any(other != first for other in others):
            print(f"NOT THE SAME: {endpoint} {data!r}")
            raise SystemExit(1)
        assemble(data, endpoint)
        streams, relays, size = streams + 1, relays + len(ways), size + len(data) * len(ways)
    print(
        f"seed {seed}: {streams} streams, {relays} ways to cut them, {size / 1e6:.1f} MB; all the same, nothing failed"
    )


def line_of_100_mb() -> None:
    piece = b"x" * 65536
    head, tail = (
        b'data: {"choices":[{"index":0,"delta":{"content":"',
        b'"},"finish_reason":"stop"}]}\n\ndata: [DONE]\n\n',
    )
    pieces = [head, *[piece] * 1600, tail]
    whole = b"".join(pieces)
    feeds: dict[str, Callable[[bytes], Any]] = {
        "relay (cut and ended)": Course("chat/completions").feed,
        "parser": Parser().feed,
        "live view": Unfolding("chat.completions").feed,
    }
    for name, feed in feeds.items():
        report(name, lambda feed=feed: [feed(one) is None for one in pieces])
    report("assembler, in the drain", lambda: assemble(whole, "chat.completions"))


def report(name: str, work: Callable[[], object]) -> None:
    tracemalloc.start()
    began = time.process_time()
    work()
    took, most = time.process_time() - began, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    print(f"a line of 100 MB: {name:<24}{took:6.2f} s, {most / 1e6:6.0f} MB at most")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    fuzz(given.seconds, given.seed)
    line_of_100_mb()
