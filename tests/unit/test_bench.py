"""The benchmarks start, and the page that they write has a place for each of their tables. What they measure is never
tested."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "explanation" / "performance.md"
COMMANDS = ("table", "least", "growth", "reads", "latency", "streams", "drain", "fill")


@pytest.mark.parametrize("name", COMMANDS)
def test_it_starts(name: str) -> None:
    command = [sys.executable, str(ROOT / "bench" / f"{name}.py"), "--help"]
    told = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    assert "usage:" in told.stdout


def test_the_page_has_a_place_for_each_table() -> None:
    found = re.findall(r"<!-- table: ([\w ]+) -->\n.*?<!-- end -->", PAGE.read_text(), re.S)
    parts = ("stored", "history", "message", "streams", "workers", "gateways")
    assert found == ["costs", "beside", "targets", *(f"growth {part}" for part in parts), "reads"]


def test_the_exponent_is_the_slope_of_logarithms() -> None:
    command = [sys.executable, "-c", "from bench.measuring import slope; print(slope([(1, 5), (10, 50), (100, 500)]))"]
    told = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    assert float(told.stdout) == pytest.approx(1.0)
