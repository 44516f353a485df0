"""Lists of what a gateway has: `sessionary sessions`, `sessionary calls`, `sessionary search`."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated

import typer

from sessionary.cli.common import Config, DataDir, fail
from sessionary.cli.shell.words import JsonLines, Key, Limit, Url

if TYPE_CHECKING:
    from sessionary.cli.shell.reading import Gateway
    from sessionary.cli.shell.told import Paper, Shown

Filter = Annotated[
    list[str] | None,
    typer.Argument(metavar="FILTER", help="As on the pages: model:gpt* 'cost>0.5' error:yes -client:curl refund"),
]
_OF_SESSIONS = ("last", "first", "cost", "calls", "turns", "errors", "active", "input", "cached", "output", "reasoning")
_OF_CALLS = ("time", "cost", "input", "cached", "output", "reasoning", "duration", "ttft")
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
Csv = Annotated[bool, typer.Option("--csv", help="The whole list as CSV, for spreadsheets: whatever --limit says.")]
Reverse = Annotated[bool, typer.Option("--reverse", help="The least first.")]


def sessions(
    filter: Filter = None,
    sort: Annotated[
        str,
        typer.Option(help=f"{', '.join(_OF_SESSIONS)}: the most first."),
    ] = "last",
    reverse: Reverse = False,
    limit: Limit = 20,
    as_json: JsonLines = False,
    as_csv: Csv = False,
    url: Url = None,
    key: Key = None,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """List sessions, the newest first."""
    from sessionary.cli.shell import rows, told, which

    _one_or_other(as_json, as_csv)
    with told.ending():
        paper = told.Paper()
        query = {"filter": " ".join(filter or []), "sort": _sorted(sort, reverse, _OF_SESSIONS)}
        gateway = which.find(url, key, config, data_dir)
        if as_csv:
            return _sheet(gateway, "sessions", query)
        _listed(gateway, "sessions", query, limit, paper, rows.SESSIONS, as_json)


def calls(
    filter: Filter = None,
    sort: Annotated[str, typer.Option(help=f"{', '.join(_OF_CALLS)}: the most first.")] = "time",
    reverse: Reverse = False,
    limit: Limit = 20,
    as_json: JsonLines = False,
    as_csv: Csv = False,
    url: Url = None,
    key: Key = None,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """List single calls, the newest first."""
    from sessionary.cli.shell import rows, told, which

    _one_or_other(as_json, as_csv)
    with told.ending():
        paper = told.Paper()
        query = {"filter": " ".join(filter or []), "sort": _sorted(sort, reverse, _OF_CALLS)}
        gateway = which.find(url, key, config, data_dir)
        if as_csv:
            return _sheet(gateway, "calls", query)
        _listed(gateway, "calls", query, limit, paper, rows.CALLS, as_json)


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
    from sessionary.cli.shell import rows, told, which

    with told.ending():
        paper = told.Paper()
        gateway = which.find(url, key, config, data_dir)
        query = {"q": " ".join(words)} | ({"session": session} if session else {})
        if not _listed(gateway, "search", query, limit, paper, rows.HITS, as_json, "messages"):
            raise typer.Exit(1)


def _sheet(gateway: "Gateway", of: str, query: dict[str, str]) -> None:
    from pathlib import Path

    from sessionary.cli.shell.show import copy_out

    copy_out(gateway.body(f"/api/{of}.csv", query), Path("-"))


def _listed(
    gateway: "Gateway",
    path: str,
    query: dict[str, str],
    limit: int,
    paper: "Paper",
    shown: "Shown",
    as_json: bool,
    what: str = "",
) -> int:
    """How many there were. `what` they are, where the path does not say it."""
    from sessionary.cli.shell.told import note

    what = what or path
    found, more, newest = 0, False, None
    for page in gateway.pages(f"/api/{path}", query, limit):
        more, newest = page.more, page.newest
        paper.rows(page.rows, shown, as_json=as_json, first=not found)
        found += len(page.rows)
    if not found:
        asked = bool(query.get("filter")) or "q" in query
        note(f"no {what} match" if asked else f"no {what} yet: nothing was recorded that this key may read")
    elif more:
        note(f"there are more: --limit {limit * 5} shows more of them")
    if newest is not None:
        note(f"of the newest {newest:,} only: narrow it by since: or another field")
    return found


def _one_or_other(as_json: bool, as_csv: bool) -> None:
    if as_json and as_csv:
        fail("--json and --csv are one or the other")


def _sorted(sort: str, reverse: bool, known: Sequence[str]) -> str:
    """`-cost`, as the API has it, is the same as `cost`: the most first. So are the API's own names."""
    name = sort.removeprefix("-")
    by = _SORTS.get(name, name)
    if name not in known and by not in (_SORTS.get(one, one) for one in known):
        fail(f"--sort must be one of {', '.join(known)}")
    return ("" if reverse else "-") + by
