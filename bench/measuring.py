"""What the benchmarks share: what processes take, provider and load, and the page that tells what came of it."""

import contextlib
import datetime
import http.client
import json
import math
import os
import platform
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.support.server import free_port, wait_for  # noqa: E402

LOAD = ROOT / "bench" / "load"
PAGE = ROOT / "docs" / "explanation" / "performance.md"
IMAGES = ROOT / "docs" / "images"
KEPT = ROOT / ".bench"
"""What takes long to make: other gateways, filled databases."""
CONNECTIONS = 32
STREAMS = 64
CHUNKS = 100
INTERVAL_US = 10_000
"""Between two chunks of a stream. They come one by one, as from a model; else they would be read many at a time."""
_TICKS = os.sysconf("SC_CLK_TCK")


# -- what processes take


def processes(root: int) -> list[int]:
    """`root` and all that it started."""
    children: dict[int, list[int]] = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            children.setdefault(int(_stat(int(name))[1]), []).append(int(name))
    found, left = [], [root]
    while left:
        found.append(left.pop())
        left += children.get(found[-1], [])
    return found


def _stat(pid: int) -> list[str]:
    """From the state on, which is the third field."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()


def processor(pid: int) -> float:
    """Seconds of user and system time of one process, to the nanosecond, with what its ended children took."""
    try:
        clock = (~pid << 3) | 2  # as clock_getcpuclockid makes it
        return time.clock_gettime(clock) + sum(map(int, _stat(pid)[13:15])) / _TICKS
    except OSError:
        return 0.0


def cpu(root: int) -> float:
    """Of a process and all that it started."""
    return sum(map(processor, processes(root)))


def memory(root: int) -> float:
    """Megabytes of a process and all that it started, shared pages counted once (PSS)."""
    total = 0
    for pid in processes(root):
        with contextlib.suppress(OSError):
            found = re.search(r"^Pss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)
            total += int(found[1]) if found else 0
    return total / 1024


# -- provider and load


@dataclass(frozen=True)
class Work:
    """What is asked for."""

    name: str
    format: str = "chat"
    history_kb: int = 0
    message_kb: float = 0
    stream: bool = False

    @property
    def grace(self) -> float:
        """Seconds in which what was asked last may end."""
        return 0.5 + (CHUNKS * INTERVAL_US / 1e6 if self.stream else 0)


@dataclass(frozen=True)
class Running:
    """A gateway that is measured."""

    pid: int
    port: int
    key: str = "sk-bench"
    headers: Callable[[str], dict[str, str]] = lambda form: {}
    """That it needs, by wire format."""
    stored: Callable[[], tuple[int, int]] | None = None
    """How many calls it has in its database, and how many of them have not ended."""
    drain: Callable[[], int] | None = None
    """The id of the process that stores."""
    database: int | None = None
    """The id of the database's process, where it is one."""
    streams: int = STREAMS
    """How many it keeps up with."""
    began: float = 0.0
    """When it was started, by time.monotonic()."""


@dataclass(frozen=True)
class Measured:
    us: float
    """Processor microseconds a call, or a chunk of a stream."""
    drain_us: float
    """Of these, what storing took."""
    database_us: float
    """Beside these, in a database's own processes."""
    calls: int
    per_second: float
    p50: float
    p99: float
    """Milliseconds, under full load."""
    megabytes: float
    failed: int


class Mock:
    """The provider."""

    def __init__(self, *, chunks: int = CHUNKS, interval_us: int = INTERVAL_US) -> None:
        binary = KEPT / "mock"
        source = LOAD / "mock.c"
        if not binary.exists() or binary.stat().st_mtime < source.stat().st_mtime:
            KEPT.mkdir(exist_ok=True)
            subprocess.run(["gcc", "-O2", "-o", str(binary), str(source)], check=True)
        self.port = free_port()
        self._process = subprocess.Popen([str(binary), str(self.port), str(chunks), str(interval_us)])
        wait_for(lambda: listens(self.port), what="the provider")

    def told(self) -> dict[str, int]:
        """`requests` that came whole, `chunks` that it sent."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)) as connection:
            connection.request("GET", "/__stats")
            return dict(json.loads(connection.getresponse().read()))

    def requests(self) -> int:
        return self.told()["requests"]

    def close(self) -> None:
        self._process.kill()
        self._process.wait()


@contextlib.contextmanager
def mock(*, chunks: int = CHUNKS, interval_us: int = INTERVAL_US) -> Iterator[Mock]:
    made = Mock(chunks=chunks, interval_us=interval_us)
    try:
        yield made
    finally:
        made.close()


def listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


@contextlib.contextmanager
def loading(
    running: Running, work: Work, seconds: float, connections: int | None = None
) -> Iterator[Callable[[], dict[str, Any]]]:
    """Begins the load, of so many seconds and a grace; what it gives waits for its end, and is what wrk tells of it."""
    connections = connections or (running.streams if work.stream else CONNECTIONS)
    env = {**os.environ, "KEY": running.key, "FORMAT": work.format, "STREAM": str(int(work.stream))}
    env |= {"HISTORY_KB": str(work.history_kb), "MESSAGE_KB": str(work.message_kb), "SECONDS": str(seconds)}
    env["EXTRA"] = ";".join(f"{name}={value}" for name, value in running.headers(work.format).items())
    line = [
        "wrk",
        "-t1",
        f"-c{connections}",
        f"-d{math.ceil(seconds + work.grace)}s",
        "--timeout",
        "60s",
        "-s",
        str(LOAD / "load.lua"),
    ]
    line.append(f"http://127.0.0.1:{running.port}")
    with subprocess.Popen(line, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:

        def told() -> dict[str, Any]:
            said = process.communicate()[0]
            found = re.search(r"^JSON (.*)$", said, re.M)
            if found is None:
                raise SystemExit(said)
            return dict(json.loads(found[1]))

        try:
            yield told
        finally:
            process.kill()


def measure(running: Running, work: Work, seconds: float, mock: Mock) -> Measured:
    """Raises SystemExit where the calls in its database are not those that the provider answered."""

    def taken() -> tuple[float, float, float]:
        drain = processor(running.drain()) if running.drain else 0.0
        return cpu(running.pid), drain, cpu(running.database) if running.database else 0.0

    with loading(running, work, 0.5) as told:
        told()
    settled(running, mock)
    before, asked = taken(), mock.told()
    with loading(running, work, seconds) as told:
        time.sleep(seconds)
        megabytes = memory(running.pid)
        said = told()
    settled(running, mock)
    came = {name: count - asked[name] for name, count in mock.told().items()}
    calls, each = came["requests"], max(1, came["chunks"] if work.stream else came["requests"])
    us, drain_us, database_us = ((b - a) * 1e6 / each for a, b in zip(before, taken(), strict=True))
    per_second, failed = said["requests"] / seconds, said["failed"]
    return Measured(us, drain_us, database_us, calls, per_second, said["p50_ms"], said["p99_ms"], megabytes, failed)


def settled(running: Running, mock: Mock) -> None:
    """Until what it does after a call has been done: all is stored, and its processes are quiet."""
    until = time.monotonic() + 600
    while running.stored is not None and (found := running.stored()) != (asked := mock.requests(), 0):
        if time.monotonic() > until or found[0] > asked:
            raise SystemExit(f"{found[0]} calls are stored, {found[1]} of them live; the provider answered {asked}")
        time.sleep(0.2)
    for _ in range(50):
        before = cpu(running.pid)
        time.sleep(0.3)
        if cpu(running.pid) - before < 0.05:
            return


# -- what is told


def table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Markdown."""
    head = list(head)
    return "\n".join(f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows))


def digits(value: float) -> str:
    """Three that count."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}" if value < 10 else f"{value:.1f}"


def slope(points: Iterable[tuple[float, float]]) -> float:
    """The exponent of growth: the slope of the line that fits best, both axes being logarithmic."""
    logs = [(math.log(x), math.log(y)) for x, y in points if x > 0 and y > 0]
    mean_x, mean_y = (sum(values) / len(logs) for values in zip(*logs, strict=True))
    spread = sum((x - mean_x) ** 2 for x, _ in logs)
    return sum((x - mean_x) * (y - mean_y) for x, y in logs) / spread if spread else 0.0


def ran(**more: str) -> str:
    """When and on what."""
    now = datetime.datetime.now(datetime.UTC).date().isoformat()
    others = "".join(f", {name} {version}" for name, version in more.items())
    return f"{now}, {os.cpu_count()} cores, Python {platform.python_version()}{others}"


def write(name: str, text: str) -> None:
    """Between its marks in the page."""
    page = PAGE.read_text()
    marks = re.compile(rf"(<!-- table: {name} -->\n).*?(<!-- end -->)", re.S)
    if not marks.search(page):
        raise SystemExit(f"{PAGE.name} has no place for {name}")
    PAGE.write_text(marks.sub(lambda found: f"{found[1]}{text}\n{found[2]}", page))
