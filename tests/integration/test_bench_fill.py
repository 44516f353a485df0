"""What bench/fill.py makes in bulk is what the drain would have stored: figures are measured with it."""

import subprocess
import sys
from pathlib import Path

from sessionary.store import search
from sessionary.store.engine import open_engine
from sessionary.store.verify import verify

FILL = Path(__file__).parents[2] / "bench" / "fill.py"


def test_nothing_differs_and_search_finds_it(tmp_path: Path) -> None:
    file = tmp_path / "filled.db"
    command = [sys.executable, str(FILL), str(file), "--sessions", "60", "--documented", "0.5"]
    subprocess.run(command, capture_output=True, check=True, timeout=120)
    engine = open_engine(f"sqlite:///{file}")
    report = verify(engine, again=0)
    assert report.looked_at > 200
    assert report.differences == []
    found = search.find(engine, None, "complaint", limit=100).hits
    engine.dispose()
    assert len(found) > 10
    assert all("complaint" in hit.snippet for hit in found)
