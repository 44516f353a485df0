"""Writes the tables in docs/ that say what the code says: settings, providers and permissions.

    python scripts/settings_reference.py           makes them anew
    python scripts/settings_reference.py --check   fails where one is not current

A table stands between `<!-- table: NAME -->` and `<!-- end -->`.
"""

import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from sessionary.api import surface
from sessionary.providers.catalog import ALIASES, CATALOG
from sessionary.settings import tree
from sessionary.settings.load import OPTIONS, PREFIX

DOCS = Path(__file__).parent.parent / "docs"
FILES = (
    DOCS / "reference" / "configuration.md",
    DOCS / "reference" / "permissions.md",
    DOCS / "how-to" / "limits.md",
    DOCS / "how-to" / "providers.md",
)
_TABLE = re.compile(r"(<!-- table: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
NO_OPTION = "Not an option."


def documented(struct: str) -> Iterator[tuple[str, str, str]]:
    """(name, default, docstring) of each field, in order; raises where one says nothing."""
    module = ast.parse(inspect.getsource(tree))
    body = next(node.body for node in module.body if isinstance(node, ast.ClassDef) and node.name == struct)
    for field, after in zip(body, [*body[1:], None], strict=True):
        if not isinstance(field, ast.AnnAssign):
            continue
        if not (isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)):
            raise SystemExit(f"{struct}.{ast.unparse(field.target)} has no docstring")
        text = " ".join(str(after.value.value).split())
        yield ast.unparse(field.target), _default(field.value), text


def _default(value: ast.expr | None) -> str:
    match value:
        case None:
            return "needed"
        case ast.Constant(value=None):
            return "null"
        case ast.Constant(value="") | ast.List() | ast.Dict() | ast.Call(args=[]):
            return ""
        case ast.Call(args=[ast.Constant(value=str(path))]):
            return f"`{path}`"
        case ast.Constant(value=str(text)):
            return f"`{text}`"
        case _:
            return f"`{eval(ast.unparse(value), {'__builtins__': {}})}`"


def options(struct: str) -> list[list[str]]:
    rows = [[f"`{n}`", default, text] for n, default, text in documented(struct) if NO_OPTION not in text]
    return [["Key", "Default", "Meaning"], *rows]


def settings() -> list[list[str]]:
    rows = [
        [f"`{n}`", f"`{PREFIX}{n.upper()}`" if n not in ("models", "redact", "limits") else "", default, text]
        for n, default, text in documented("Settings")
        if n in OPTIONS
    ]
    return [["Key", "Variable", "Default", "Meaning"], *rows]


def providers() -> list[list[str]]:
    rows = [["Provider", "Prefix", "Key", "Base URL", "Names without prefix"]]
    for row in CATALOG.values():
        others = [alias for alias, name in ALIASES.items() if name == row.name]
        home = f" (else `{row.base_url}`)" if row.base_url else ""
        rows.append(
            [
                row.title,
                _code(row.name, *others),
                _code(*row.key_envs) + (" (if it wants one)" if row.local and row.key_envs else ""),
                _code(*row.base_envs) + home,
                _code(*row.bare),
            ]
        )
    return rows


def permissions(*parts: tuple[surface.Listed, ...]) -> list[list[str]]:
    listed = [one for part in parts for one in part]
    return [["", "", "Needs", ""], *([one.method, f"`{one.path}`", one.needs, one.summary] for one in listed)]


def _code(*names: str) -> str:
    return ", ".join(f"`{name}`" for name in names)


TABLES: dict[str, Callable[[], list[list[str]]]] = {
    "settings": settings,
    "model": lambda: options("Model"),
    "deployment": lambda: options("Deployment"),
    "price": lambda: options("Price"),
    "limits": lambda: options("Limits"),
    "providers": providers,
    "permissions_llm": lambda: permissions(surface.LLM, surface.SOCKETS),
    "permissions_api": lambda: permissions(surface.API),
    "permissions_pages": lambda: permissions(surface.PAGES),
    "permissions_operation": lambda: permissions(surface.OPERATION),
}


def current(text: str) -> str:
    """A document with its tables made anew."""

    def table(match: re.Match[str]) -> str:
        head, *rows = TABLES[match[2]]()
        lines = [head, ["---"] * len(head), *rows]
        return match[1] + "".join(f"| {' | '.join(cells)} |\n" for cells in lines) + match[3]

    return _TABLE.sub(table, text)


def main() -> None:
    stale = [file for file in FILES if current(file.read_text()) != file.read_text()]
    if "--check" in sys.argv:
        sys.exit("".join(f"{file} is not current: run {sys.argv[0]}\n" for file in stale) or None)
    for file in stale:
        file.write_text(current(file.read_text()))


if __name__ == "__main__":
    main()
