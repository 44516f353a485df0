"""Lists of what a gateway has: `sessionary sessions`, `sessionary calls`, `sessionary search`."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sessionary.cli.common import Config, DataDir
from sessionary.cli.shell.words import JsonLines, Key, Limit, Url

if TYPE_CHECKING:
    from sessionary.cli.shell.reading import Gateway
    from sessionary.cli.shell.told import Block, Paper

Json = dict[str, Any]
Filter = Annotated[
    list[str] | None,
    typer.Argument(metavar="FILTER", help="As on the pages: model:gpt* 'cost>0.5' error:yes -client:curl refund"),
]
_SORTS = {
    "last": "last_at",
    "first": "first_at",
    "time": "created_at",
    "input": "input_tokens",
    "cached": "cached_tokens",
    "output": "output_tokens",
    "reasoning": "reasoning_tokens",
}
"""As filters call them, by what the API calls them."""
Reverse = Annotated[bool, typer.Option("--reverse", help="The least first.")]


def sessions(
    filter: Filter = None,
    sort: Annotated[
        str,
        typer.Option(help="last, first, cost, calls, turns, errors, active, input, output: the most first."),
    ] = "last",
    reverse: Reverse = False,
    limit: Limit = 20,
    as_json: JsonLines = False,
    url: Url = None,
    key: Key = None,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """List sessions, the newest first."""
    from sessionary.cli.shell import reading, rows, told

    with told.ending():
        paper = told.Paper()
        query = {"filter": " ".join(filter or []), "sort": _sorted(sort, reverse)}
        gateway = reading.find(url, key, config, data_dir)
        shown = (rows.sessions_head, rows.session, rows.session_cells)
        _listed(gateway, "/api/sessions", query, limit, paper, shown, as_json, "sessions")


def calls(
    filter: Filter = None,
    sort: Annotated[
        str, typer.Option(help="time, cost, input, cached, output, reasoning, duration, ttft: the most first.")
    ] = "time",
    reverse: Reverse = False,
    limit: Limit = 20,
    as_json: JsonLines = False,
    url: Url = None,
    key: Key = None,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """List single calls, the newest first."""
    from sessionary.cli.shell import reading, rows, told

    with told.ending():
        paper = told.Paper()
        query = {"filter": " ".join(filter or []), "sort": _sorted(sort, reverse)}
        gateway = reading.find(url, key, config, data_dir)
        shown = (rows.calls_head, rows.call, rows.call_cells)
        _listed(gateway, "/api/calls", query, limit, paper, shown, as_json, "calls")


def search(
    words: Annotated[list[str], typer.Argument(help="All of them in one message; the last may be a word's beginning.")],
    session: Annotated[str, typer.Option(help="Within one session: our id, or the client's.")] = "",
    limit: Limit = 20,
    as_json: JsonLines = False,
    url: Url = None,
    key: Key = None,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Search what was said. Exit code 1 where it is nowhere."""
    from sessionary.cli.shell import reading, rows, told

    with told.ending():
        paper = told.Paper()
        gateway = reading.find(url, key, config, data_dir)
        query = {"q": " ".join(words)} | ({"session": session} if session else {})

        def block(one: Json, width: int) -> "list[Block]":
            return rows.hit(one)

        shown: Shown = (lambda width: [], block, rows.hit_cells)
        if not _listed(gateway, "/api/search", query, limit, paper, shown, as_json, "messages"):
            raise typer.Exit(1)


Shown = tuple["Callable[[int], list[Block]]", "Callable[[Json, int], list[Block]]", Callable[[Json], list[str]]]
"""The head, a row for a terminal, and its cells for a pipe."""


def _listed(
    gateway: "Gateway",
    path: str,
    query: dict[str, str],
    limit: int,
    paper: "Paper",
    shown: Shown,
    as_json: bool,
    what: str,
) -> int:
    """How many there were."""
    from sessionary.cli.shell.told import note

    head, row, cells = shown
    found, more, newest = 0, False, None
    for page in gateway.pages(path, query, limit):
        more, newest = page.more, page.newest
        for one in page.rows:
            if as_json:
                paper.json(one)
            elif paper.terminal:
                paper.put(*(head(paper.width) if not found else []), *row(one, paper.width))
            else:
                paper.row(cells(one))
            found += 1
        paper.flush()
    if not found:
        asked = any(query.get(name) for name in ("filter", "q"))
        note(f"no {what} match" if asked else f"no {what} yet: nothing was recorded that this key may read")
    elif more:
        note(f"there are more: --limit {limit * 5} shows more of them")
    if newest is not None:
        note(f"of the newest {newest:,} only: narrow it by since: or another field")
    return found


def _sorted(sort: str, reverse: bool) -> str:
    """`-cost`, as the API has it, is the same as `cost`: the most first."""
    name = sort.removeprefix("-")
    return ("" if reverse else "-") + _SORTS.get(name, name)
