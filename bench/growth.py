"""How cost grows: with the calls that are stored, the history that is sent again, a message's size, the streams that
are open, the workers, and the gateways on one PostgreSQL.

Each part starts Sessionary as it comes, in front of the provider of load/mock.c, and takes its processor time, drain
included, at each size. The exponent is the slope of the line that fits best where both axes are logarithmic: 0 is a
cost that does not depend on the size, 1 one that grows as the size does, and more must not be.

usage: bench/growth.py [--only PART …] [--sizes 10000 …] [--seconds 4] [--write]
    PART: stored history message streams workers gateways
    --sizes are for all parts that are run; each has its own without
    --write puts tables and plots into docs/explanation/performance.md and docs/images
Databases of 10,000 to 10,000,000 calls are made once and kept in .bench/: 1,000,000 take some minutes and 1.6 GB, the
largest ten times as much.
"""

import argparse
import contextlib
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench import drain  # noqa: E402
from bench.filled import copied, filled, from_now_on  # noqa: E402
from bench.gateways import AS_RUN, sessionary  # noqa: E402
from bench.measuring import (  # noqa: E402
    CHUNKS,
    IMAGES,
    Measured,
    Mock,
    Running,
    Work,
    cpu,
    digits,
    loading,
    measure,
    memory,
    mock,
    ran,
    slope,
    table,
    write,
)
from bench.plots import Line, svg  # noqa: E402
from tests.support.postgres import running_postgres  # noqa: E402
from tests.support.server import wait_for  # noqa: E402
from tests.support.talk import workers  # noqa: E402

WORD_US = 1_000_000
"""Between two words of a stream."""
AT_ONCE = 500
"""Streams that begin together: more than can wait to be accepted would be begun again and again."""
FILES = 65_536
Point = tuple[float, float]


@dataclass(frozen=True)
class Grown:
    """What came of a part."""

    table: str
    title: str
    x: str
    y: str
    lines: Sequence[Line] = ()
    from_size: float = 0
    """From where on growth counts: below it is mostly what the gateway does at rest."""


@contextlib.contextmanager
def started(workers: int = 1, calls: int | None = None) -> Iterator[tuple[Mock, Running]]:
    """With so many calls in its database already."""
    with tempfile.TemporaryDirectory() as name, mock() as provider:
        if calls:
            copied(calls, Path(name))
        with sessionary(provider, Path(name), workers=workers) as running:
            yield provider, from_now_on(running)


def said(part: str, size: float, measured: Measured) -> None:
    print(f"{part} {size:g}: {measured}", flush=True)


def costs(found: list[tuple[int, Measured]]) -> list[Line]:
    whole = Line("all of it", [(size, m.us) for size, m in found])
    return [whole, Line("storing it", [(size, m.drain_us) for size, m in found])]


def rows(found: list[tuple[int, Measured]]) -> list[list[str]]:
    return [[f"{size:,}", digits(m.us), digits(m.drain_us), f"{m.p50:.1f} / {m.p99:.1f} ms"] for size, m in found]


COLUMNS = ("us a call", "of these to store it", "under full load, p50 / p99")


def stored(sizes: Sequence[int], seconds: float) -> Grown:
    found = []
    for size in sizes:
        with started(calls=size) as (provider, running):
            found.append((size, measure(running, Work("1 KB chat"), seconds, provider)))
        said("stored", *found[-1])
    told = table(("calls stored", *COLUMNS), rows(found))
    return Grown(told, "Processor time a call, by the calls stored", "calls stored", "microseconds", costs(found))


def of_works(
    part: str, sizes: Sequence[int], seconds: float, work: Callable[[int], Work]
) -> list[tuple[int, Measured]]:
    found = []
    with started() as (provider, running):
        for size in sizes:
            lasting = seconds if size <= 100 else seconds / 3  # what is large takes long to store
            found.append((size, measure(running, work(size), lasting, provider)))
            said(part, *found[-1])
    return found


def history(sizes: Sequence[int], seconds: float) -> Grown:
    found = of_works("history", sizes, seconds, lambda kb: Work(f"{kb} KB", history_kb=kb))
    told = table(("KB of history, in messages of 1 KB", *COLUMNS), rows(found))
    title = "Processor time a call, by the history sent again"
    return Grown(told, title, "KB of history", "microseconds", costs(found))


def message(sizes: Sequence[int], seconds: float) -> Grown:
    found = of_works("message", sizes, seconds, lambda kb: Work(f"{kb} KB", message_kb=kb))
    told = table(("KB of one new message", *COLUMNS), rows(found))
    title = "Processor time a call, by the size of its message"
    return Grown(told, title, "KB of the message", "microseconds", costs(found))


def streams(sizes: Sequence[int], seconds: float) -> Grown:
    """Each says a word a second. What the gateway takes at rest is taken off a word's cost, not off the plot."""
    with contextlib.suppress(ValueError, OSError):  # only a privileged one may
        resource.setrlimit(resource.RLIMIT_NOFILE, (FILES, FILES))
    spent: list[Point] = []
    cells = []
    for size in sizes:
        try:
            rest, busy, words, before, megabytes = open_streams(size, seconds)
        except AssertionError as error:  # more than this machine can take beside the load
            print(error, file=sys.stderr)
            break
        print(f"streams {size}: {busy * 1e3:.2f} ms/s, at rest {rest * 1e3:.2f}, {words:.0f} words/s", flush=True)
        spent.append((size, busy * 1e3))
        each = max(0.0, busy - rest) * 1e6 / max(1.0, words)
        kilobytes = max(0.0, megabytes - before) * 1024 / size
        cells.append(
            [f"{size:,}", f"{words:,.0f}", digits(busy * 1e3), digits(each), f"{megabytes:.0f} MB", digits(kilobytes)]
        )
    head = ("streams", "words/s", "ms of processor a second", "us a word", "memory of the worker", "KB a stream")
    title = "Processor time a second, by the streams that are open"
    return Grown(table(head, cells), title, "streams", "milliseconds", [Line("all of it", spent)], from_size=100)


def open_streams(size: int, seconds: float) -> tuple[float, float, float, float, float]:
    """Processor time a second at rest and with so many, words a second, and the worker's megabytes, before and then."""
    with (
        tempfile.TemporaryDirectory() as folder,
        mock(chunks=10 * CHUNKS, interval_us=WORD_US) as provider,
        sessionary(provider, Path(folder), SESSIONARY_GRACE="1") as running,
    ):
        time.sleep(1)
        rest, _ = spending(running, provider, seconds)
        [worker] = workers(running.pid)
        before = memory(worker)
        with contextlib.ExitStack() as load:
            for begun in range(0, size, AT_ONCE):
                count = min(AT_ONCE, size - begun)
                load.enter_context(loading(running, Work("streams", stream=True), 300, count))
                wait_until(provider, begun + count)
            time.sleep(2)
            busy, words = spending(running, provider, 2 * seconds)
            return rest, busy, words, before, memory(worker)


def wait_until(provider: Mock, asked: int) -> None:
    wait_for(lambda: provider.requests() >= asked, 60, f"the begin of {asked} streams")


def spending(running: Running, provider: Mock, seconds: float) -> tuple[float, float]:
    """Seconds of processor time a second, and words a second."""
    began, before, words = time.monotonic(), cpu(running.pid), provider.told()["chunks"]
    time.sleep(seconds)
    after, more = cpu(running.pid), provider.told()["chunks"]
    took = time.monotonic() - began
    return (after - before) / took, (more - words) / took


def by_workers(sizes: Sequence[int], seconds: float) -> Grown:
    cells = []
    for size in sizes:
        with started(workers=size) as (provider, running):
            m = measure(running, Work("1 KB chat"), seconds, provider)
        said("workers", size, m)
        cells.append([str(size), digits(m.us), digits(m.drain_us), f"{m.per_second:,.0f}", f"{m.megabytes:.0f} MB"])
    head = ("workers", "us a call", "of these to store it", "calls/s beside the load", "memory")
    return Grown(table(head, cells), "", "", "")


def by_gateways(sizes: Sequence[int], seconds: float) -> Grown:
    """What their drains store together, as fast as they can."""
    cells = []
    with running_postgres(ours=True, **AS_RUN) as postgres:
        for size in sizes:
            rates = [
                drain.together(postgres.new_database(), round(1000 * seconds), size, shared=shared)
                for shared in (False, True)
            ]
            print(f"gateways {size}: {rates}", flush=True)
            cells.append([str(size), *(f"{rate:,.0f}" for rate in rates)])
    head = (
        "gateways",
        "calls/s stored, each has sessions of its own",
        "calls/s stored, each has calls of all sessions",
    )
    return Grown(table(head, cells), "", "", "")


PARTS: dict[str, tuple[Callable[[Sequence[int], float], Grown], tuple[int, ...]]] = {
    "stored": (stored, (10_000, 100_000, 1_000_000, 10_000_000)),
    "history": (history, (1, 3, 10, 30, 100, 300, 1000)),
    "message": (message, (1, 3, 10, 30, 100, 300, 1000)),
    "streams": (streams, (1, 10, 100, 1000, 9000)),
    "workers": (by_workers, (1, 2)),
    "gateways": (by_gateways, (1, 2, 3)),
}


def exponents(grown: Grown) -> str:
    """What the plot says, in words."""
    told = []
    for line in grown.lines:
        points = [point for point in line.points if point[0] >= grown.from_size]
        if len(points) > 1:
            whole, end = slope(points), slope([point for point in points if point[0] >= points[-1][0] / 10])
            faster = " (**faster than its input**)" if max(whole, end) > 1.1 else ""
            told.append(f"{line.name} {whole:.2f}, from {points[-1][0] / 10:,.0f} on {end:.2f}{faster}")
    since = f" from {grown.from_size:g} on" if grown.from_size else ""
    return f"Exponent{since}: {'; '.join(told)}." if told else ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), default=list(PARTS), metavar="PART")
    parser.add_argument("--sizes", nargs="+", type=int)
    parser.add_argument("--seconds", type=float, default=4, help="of each size")
    parser.add_argument("--write", action="store_true", help="put tables and plots into the docs")
    asked = parser.parse_args()
    if "stored" in asked.only:
        for size in asked.sizes or PARTS["stored"][1]:
            filled(size)
    for name in asked.only:
        part, sizes = PARTS[name]
        grown = part(asked.sizes or sizes, asked.seconds)
        words = exponents(grown)
        print(f"\n{grown.table}\n\n{words}\n", flush=True)
        if not asked.write:
            continue
        parts = [f"{ran()}:", grown.table]
        if grown.lines:
            (IMAGES / f"growth-{name}.svg").write_text(svg(grown.title, grown.x, grown.y, grown.lines))
            parts += [f"![{grown.title}](../images/growth-{name}.svg)", words]
        write(f"growth {name}", "\n\n".join(parts))


if __name__ == "__main__":
    main()
