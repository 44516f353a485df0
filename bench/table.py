"""Processor time a call: Sessionary with everything recorded, beside others that are installed, in one run.

The same provider (load/mock.c), the same load (wrk with load/load.lua), one gateway after another on the same machine.
What counts is user and system time of the whole process tree over the calls it answered: requests per second say more
about the machine. Sessionary's includes its drain, until every call is in the database; the rows there must be as many
as the calls that the provider counted, or the run fails. Then the same at 100 calls a second, for the latency that is
added, and for how long a stream's first byte takes.

usage: bench/table.py [--seconds 3.5] [--only nginx Sessionary …] [--works 1 …] [--write]
    --write puts the tables into docs/explanation/performance.md
Needs gcc and wrk, and the others where they are to be compared: bench/install_peers.sh.
"""

import argparse
import os
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from bench.gateways import GATEWAYS, Gateway, own_version  # noqa: E402
from bench.hundred import Kept, hundred_turns  # noqa: E402
from bench.latency import Caller, quantile  # noqa: E402
from bench.measuring import (  # noqa: E402
    Measured,
    Running,
    Work,
    cpu,
    digits,
    measure,
    memory,
    mock,
    ran,
    settled,
    table,
    write,
)
from tests.support.talk import workers  # noqa: E402

SHORT, LONG, STREAMED = (
    Work("1 KB chat"),
    Work("100 KB of history", history_kb=100),
    Work("streamed, a chunk", stream=True),
)
WORKS = (
    SHORT,
    Work("10 KB of history", history_kb=10),
    LONG,
    STREAMED,
    Work("1 KB /responses", format="responses"),
    Work("1 KB /messages", format="messages"),
)
FEW = (SHORT, STREAMED)
"""What tells how two workers differ from one."""
RATE = 100
"""Calls a second, for latencies: half of them streamed."""


@dataclass(frozen=True)
class Added:
    """Milliseconds more than asking the provider directly."""

    p50: float
    p99: float
    first_p50: float
    first_p99: float


@dataclass
class Found:
    """Of one gateway."""

    started: float = 0.0
    """Seconds from its start to its first answer."""
    at_rest: float = 0.0
    """Megabytes."""
    worker: float = 0.0
    """Of these, a worker's; of Sessionary alone."""
    idle: float = 0.0
    """Milliseconds of processor time a second."""
    added: Added | None = None
    works: dict[str, Measured] = field(default_factory=dict)

    def us(self, work: Work) -> float | None:
        """None where it was not measured, or answered with errors."""
        measured = self.works.get(work.name)
        return measured.us if measured and not measured.failed else None


All = dict[str, Found]


# -- one gateway


def run(gateway: Gateway, works: list[Work], seconds: float, folder: Path) -> Found:
    found = Found()
    with mock() as provider, gateway.start(provider, folder) as running:
        answered(running)
        found.started = time.monotonic() - running.began
        settled(running, provider)
        found.at_rest, before = memory(running.pid), cpu(running.pid)
        found.worker = memory(workers(running.pid)[0]) if running.drain else 0.0
        time.sleep(1)
        found.idle = (cpu(running.pid) - before) * 1e3
        if gateway.whole:
            found.added = paced(running, 2 * seconds)
            settled(running, provider)
            print(f"{gateway.name:16} {found}", flush=True)
        for work in works if gateway.whole else [work for work in works if work in FEW]:
            found.works[work.name] = measured = measure(running, work, seconds, provider)
            print(f"{gateway.name:16} {work.name:20} {measured.us:9.1f} us   {measured}", flush=True)
    return found


def answered(running: Running) -> None:
    """Returns after the first answer."""
    until = time.monotonic() + 60
    while True:
        try:
            Caller(running.port, running.key, running.headers("chat")).call(0)
            return
        except (SystemExit, OSError):
            if time.monotonic() > until:
                raise
            time.sleep(0.01)


def paced(running: Running, seconds: float) -> Added:
    """Each tick asks both ways for an answer and for a stream, in turn, so that noise falls on both alike."""
    ways: tuple[list[float], list[float]] = ([], [])
    firsts: tuple[list[float], list[float]] = ([], [])
    with mock() as beside:
        gateway = Caller(running.port, running.key, running.headers("chat"))
        direct = Caller(beside.port, "sk-bench")
        for n in range(20):
            for caller in (direct, gateway):
                caller.call(-n)
                caller.first(-n)
        tick = time.perf_counter()
        for n in range(max(1, int(RATE / 2 * seconds))):
            tick = max(tick + 2 / RATE, time.perf_counter() - 2 / RATE)
            time.sleep(max(0.0, tick - time.perf_counter()))
            order = ((direct, 0), (gateway, 1)) if n % 2 else ((gateway, 1), (direct, 0))
            for caller, way in order:
                ways[way].append(caller.call(n))
            for caller, way in order:
                firsts[way].append(caller.first(n))
    return Added(*(quantile(b, q) - quantile(a, q) for a, b in (ways, firsts) for q in (0.5, 0.99)))


# -- what came of it


def costs(found: All, works: list[Work]) -> str:
    """Microseconds, and how many times Sessionary's that is."""
    rows, own = [], found.get("Sessionary")
    for gateway in GATEWAYS:
        if (one := found.get(gateway.name)) is None:
            continue
        cells = []
        for work in works:
            us, ours = one.us(work), own.us(work) if own else None
            ratio = f" ({digits(us / ours)}x)" if us and ours and gateway.version is not own_version else ""
            measured = one.works.get(work.name)
            beside = f" + {digits(measured.database_us)}" if measured and measured.database_us else ""
            cells.append(f"{digits(us)}{beside}{ratio}" if us else "failed" if measured else "")
        rows.append([f"{gateway.name.partition('-')[0]}: {gateway.what}", *cells])
    return table(["microseconds", *(work.name for work in works)], rows)


def beside(found: All) -> str:
    """What else there is to know of them."""
    rows = []
    for gateway in GATEWAYS:
        if (one := found.get(gateway.name)) is None:
            continue
        added = one.added
        most = max((m.megabytes for m in one.works.values()), default=0)
        rows.append(
            [
                f"{gateway.name.partition('-')[0]}: {gateway.what}",
                f"{added.p50:.2f} / {added.p99:.2f} ms" if added else "",
                f"{added.first_p50:.2f} / {added.first_p99:.2f} ms" if added else "",
                f"{one.at_rest:,.0f} MB" if added else "",
                f"{most:,.0f} MB",
                f"{one.idle:.1f} ms/s" if added else "",
                f"{one.started:.2f} s" if added else "",
                f"{one.works[SHORT.name].per_second:,.0f}" if SHORT.name in one.works else "",
            ]
        )
    return table(
        ["", "added at 100 calls/s, p50 / p99", "first byte of a stream later by", "memory at rest", "under load",
         "processor at rest", "start to first answer", "calls/s (1 KB)"],
        rows,
    )  # fmt: skip


@dataclass(frozen=True)
class Target:
    name: str
    unit: str
    reach: float
    then: float | None
    value: Callable[[All], float | None]
    least: bool = False
    """Whether more is better."""

    def row(self, found: All) -> list[str] | None:
        if (value := self.value(found)) is None:
            return None
        sign = ">=" if self.least else "<="

        def holds(target: float | None) -> bool:
            return target is not None and (value >= target if self.least else value <= target)

        said = "yes, and then" if holds(self.then) else "yes" if holds(self.reach) else "**no**"
        targets = [f"{sign} {target:,g}{self.unit}" if target is not None else "" for target in (self.reach, self.then)]
        return [self.name, *targets, f"{digits(value)}{self.unit}", said]


def own(work: Work, name: str = "Sessionary") -> Callable[[All], float | None]:
    return lambda found: found[name].us(work) if name in found else None


def against(name: str, work: Work, *, less: bool) -> Callable[[All], float | None]:
    """How many times the other's cost; how many times less where `less`."""

    def value(found: All) -> float | None:
        ours, theirs = own(work)(found), own(work, name)(found)
        return (theirs / ours if less else ours / theirs) if ours and theirs else None

    return value


def added(value: Callable[[Added], float]) -> Callable[[All], float | None]:
    def told(found: All) -> float | None:
        one = found["Sessionary"].added if "Sessionary" in found else None
        return value(one) if one else None

    return told


def drained(name: str) -> Callable[[All], float | None]:
    def value(found: All) -> float | None:
        measured = found[name].works.get(SHORT.name) if name in found else None
        return 1e6 / measured.drain_us if measured and measured.drain_us else None

    return value


def scaled(found: All) -> float | None:
    """How much more two workers can take than one, each on a core of its own, by what a call costs."""
    one, two = own(SHORT)(found), own(SHORT, "Sessionary-2")(found)
    return 2 * one / two if one and two else None


def targets(found: All, kept: Kept) -> str:
    goals = (
        Target("1 KB chat", " us", 60, 40, own(SHORT)),
        Target("1 KB chat, against nginx", "x", 3.5, 2.3, against("nginx", SHORT, less=False)),
        Target("1 KB chat, less than LiteLLM", "x", 75, 100, against("LiteLLM", SHORT, less=True), least=True),
        Target("1 KB chat, less than Portkey", "x", 11, None, against("Portkey", SHORT, less=True), least=True),
        Target("100 KB of history", " us", 300, 180, own(LONG)),
        Target("100 KB of history, less than LiteLLM", "x", 60, None, against("LiteLLM", LONG, less=True), least=True),
        Target("streamed, a chunk", " us", 18, 14, own(STREAMED)),
        Target("streamed, against nginx", "x", 1.5, None, against("nginx", STREAMED, less=False)),
        Target("first byte of a stream later by, p50", " ms", 0.5, 0.2, added(lambda a: a.first_p50)),
        Target("first byte of a stream later by, p99", " ms", 2, None, added(lambda a: a.first_p99)),
        Target("added at 100 calls/s, p50", " ms", 0.5, 0.2, added(lambda a: a.p50)),
        Target("added at 100 calls/s, p99", " ms", 1.5, None, added(lambda a: a.p99)),
        Target("memory at rest, a worker", " MB", 90, None,
               lambda f: f["Sessionary"].worker if "Sessionary" in f else None),
        Target("start to first answer", " s", 1, 0.4, lambda f: f["Sessionary"].started if "Sessionary" in f else None),
        Target("stored a second by a core of the drain, SQLite", "", 10_000, None, drained("Sessionary"), least=True),
        Target("the same, PostgreSQL", "", 12_000, None, drained("Sessionary-pg"), least=True),
        Target("bytes sent of a session of 100 turns, to those stored", "x", 25, 50, lambda _: kept.ratio, least=True),
        Target("two workers on two cores, against one", "x", 1.8, None, scaled, least=True),
    )  # fmt: skip
    rows = [row for goal in goals if (row := goal.row(found)) is not None]
    return table(["", "target", "then", "measured", "reached"], rows)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3.5, help="of each kind of work")
    parser.add_argument("--only", nargs="+", choices=[gateway.name for gateway in GATEWAYS], metavar="GATEWAY",
                        help=", ".join(gateway.name for gateway in GATEWAYS))  # fmt: skip
    parser.add_argument("--works", nargs="+", type=int, choices=range(1, len(WORKS) + 1), metavar="N",
                        help=", ".join(f"{n}: {work.name}" for n, work in enumerate(WORKS, 1)))  # fmt: skip
    parser.add_argument("--write", action="store_true", help="put the tables into the docs")
    asked = parser.parse_args()
    works = [WORKS[n - 1] for n in asked.works] if asked.works else list(WORKS)
    versions: dict[str, str] = {}
    found: All = {}
    for gateway in GATEWAYS:
        if asked.only and gateway.name not in asked.only:
            continue
        if (version := gateway.version()) is None:
            print(f"{gateway.name} is not installed", file=sys.stderr)
            continue
        versions.setdefault(gateway.name.partition("-")[0], version)
        with tempfile.TemporaryDirectory() as folder:
            if os.geteuid() == 0:
                Path(folder).chmod(0o755)
            found[gateway.name] = run(gateway, works, asked.seconds, Path(folder))
    kept = hundred_turns()
    said = ran(**versions)
    tables = {
        "costs": costs(found, works),
        "beside": beside(found),
        "targets": targets(found, kept),
    }
    for name, text in tables.items():
        print(f"\n{text}")
        if asked.write:
            write(name, f"{said}:\n\n{text}")
    print(f"\n{said}\na session of 100 turns: {kept}")


if __name__ == "__main__":
    main()
