"""ARCHITECTURE.md names every module, and no module that is not there; what is pure stays so."""

import ast
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


PURE = ("wire", "sessions", "redaction")
IMPURE = {"asyncio", "concurrent", "multiprocessing", "select", "socket", "ssl", "subprocess", "threading"}
IMPURE |= {
    "http",
    "httptools",
    "httpx",
    "requests",
    "sqlalchemy",
    "sqlite3",
    "starlette",
    "urllib3",
    "uvicorn",
    "uvloop",
}


def test_the_pure_cores_do_nothing_but_think() -> None:
    """No loop, no network, no database: whatever is imported, by them or for them."""
    for path in (path for core in PURE for path in (SOURCE / core).rglob("*.py")):
        found = (
            node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Import | ast.ImportFrom)
        )
        for node in found:
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            assert IMPURE.isdisjoint(name.partition(".")[0] for name in names), f"{path}:{node.lineno}"
