"""ARCHITECTURE.md names every module, and no module that is not there."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "sessionary"


def test_the_page_and_the_tree_agree() -> None:
    page = (ROOT / "ARCHITECTURE.md").read_text()
    named = set(re.findall(r"`([a-z_]+(?:/[a-z_]+)*)`", page))
    files = [f.relative_to(SOURCE) for f in SOURCE.rglob("*.py") if "migrations" not in f.parts]
    modules = {str(f.with_suffix("")) for f in files if f.name not in ("__init__.py", "__main__.py")}
    assert modules - named == set(), "modules that ARCHITECTURE.md does not name"
    paths = {name for name in named if "/" in name and not (SOURCE / name).is_dir()}
    assert paths - modules == set(), "modules that are named and not there"
