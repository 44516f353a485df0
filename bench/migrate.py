"""What it takes to copy a SQLite database to PostgreSQL: seconds, processor time, rows and megabytes a second, by step.

A database is filled as `bench/fill.py` does, and copied by `sessionary migrate`'s own run into a PostgreSQL that is
started for it, in this machine.

usage: bench/migrate.py [--sessions 5000] [--database FILE]    FILE: one that is there already
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from sessionary.app.upkeep import run_migrate  # noqa: E402
from sessionary.settings import Settings  # noqa: E402
from tests.support.postgres import running_postgres  # noqa: E402


class Steps:
    """Seconds and processor time of this process, by step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.used: dict[str, float] = defaultdict(float)
        self.size = 0
        self._at, self._wall, self._cpu = "begin", time.monotonic(), time.process_time()

    def told(self, at: str, done: int, of: int, size: int) -> None:
        wall, cpu = time.monotonic(), time.process_time()
        self.seconds[self._at] += wall - self._wall
        self.used[self._at] += cpu - self._cpu
        self._at, self._wall, self._cpu, self.size = at, wall, cpu, size


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, default=5000)
    parser.add_argument("--database", type=Path)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, running_postgres() as postgres:
        data = Path(folder)
        file = asked.database or data / "sessionary.db"
        if asked.database is None:
            fill = [sys.executable, str(ROOT / "bench" / "fill.py"), str(file), "--sessions", str(asked.sessions)]
            subprocess.run(fill, check=True, env=os.environ, stdout=subprocess.DEVNULL)
        steps, began, cpu = Steps(), time.monotonic(), time.process_time()
        url = postgres.new_database()
        report = run_migrate(Settings(data_dir=data, database=f"sqlite:///{file}"), url, steps.told)
        seconds, used = time.monotonic() - began, time.process_time() - cpu
        steps.told("", 0, 0, steps.size)
    assert not report.differences
    slow = sorted(steps.seconds, key=lambda at: -steps.seconds[at])[:12]
    for at in slow:
        print(f"{at:<28}{steps.seconds[at]:8.1f} s {steps.used[at]:8.1f} s of processor here")
    print(f"{report.rows:,} rows, {report.texts:,} texts, {steps.size / 1e6:,.0f} MB of values: {seconds:.1f} s")
    print(f"{report.rows / seconds:,.0f} rows/s, {steps.size / 1e6 / seconds:.1f} MB/s; {used:.1f} s of processor here")


if __name__ == "__main__":
    main()
