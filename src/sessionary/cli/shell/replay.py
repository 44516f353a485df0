"""Asking the calls of a session again, of another model: `sessionary replay`."""

import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sessionary.cli.common import Config, DataDir
from sessionary.cli.shell.words import JsonLines, Key, Url, Whole

if TYPE_CHECKING:
    from sessionary.cli.shell.reading import Gateway
    from sessionary.cli.shell.replaying import Replaying
    from sessionary.cli.shell.told import Paper

Json = dict[str, Any]
NEWEST = "-"
_ORIGINALS = "-source:replay"
_YES = ("y", "yes")


def replay(
    model: Annotated[str, typer.Option("--model", "-m", help="Who is asked: the name of a model, as calls have it.")],
    session: Annotated[
        str,
        typer.Argument(
            metavar="SESSION",
            help="Our id, or the one that the client sent.",
            show_default="-, the newest that is no replay",
        ),
    ] = NEWEST,
    branch: Annotated[
        str,
        typer.Option(metavar="CALL", help="The branch which that call is on.", show_default="the one that is newest"),
    ] = "",
    plan: Annotated[
        bool, typer.Option("--plan", help="Only say what would be asked, and about what it would cost.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do it: nobody is asked first.")] = False,
    full: Whole = None,
    as_json: JsonLines = False,
    url: Url = None,
    key: Key = None,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Ask a session's calls again, of another model, and tell what differs. Exit code 1 where one failed."""
    from sessionary.cli.shell import reading, told, which
    from sessionary.cli.shell.replaying import Replaying
    from sessionary.cli.shell.show import newest

    with told.ending():
        if not (plan or yes or (sys.stdin.isatty() and sys.stdout.isatty())):
            raise reading.Unanswered("calls that are asked again cost money: say --yes, or see with --plan what it is")
        paper, gateway = told.Paper(full), which.find(url, key, config, data_dir)
        name = newest(gateway, filter=_ORIGINALS) if session == NEWEST else session
        query = {"model": model} | ({"branch": branch} if branch else {})
        found = gateway.get(reading.session(name, "/replay"), query)
        of = gateway.get(reading.session(found["session"], "/transcript"), {"limit": 1})["session"]
        if not _wanted(paper, found, of, plan=plan, yes=yes, as_json=as_json):
            return
        replaying = Replaying(gateway, found)
        _go(gateway, replaying, _side(found, of, branch))
        page = _page(gateway, replaying, _side(found, of, branch))
        try:
            _tell(paper, replaying, found, page, as_json)
        except reading.Lost as lost:
            raise reading.Lost(f"{lost.message}: what was answered is kept; see {page}") from None
        if replaying.failed or replaying.answered < replaying.calls:
            raise typer.Exit(1)


def _wanted(paper: "Paper", found: Json, of: Json, *, plan: bool, yes: bool, as_json: bool) -> bool:
    """Whether it is done. Raises Unanswered where there is nothing to do."""
    from rich.console import Console

    from sessionary.cli.shell import reading, replayed, told

    if plan and as_json:
        paper.json(found)
        return False
    if as_json:  # what is no JSON is told beside it
        paper = told.Paper(console=Console(stderr=True, highlight=False))
    if not (as_json and yes):
        paper.put(*replayed.plan(found, of))
        paper.flush()
    if plan:
        return False
    if not found["calls"]:
        raise reading.Unanswered("none of its calls can be asked again")
    if not yes:
        paper.said("Replay? [y/N] ")
        if sys.stdin.readline().strip().lower() not in _YES:
            told.note("nothing was asked")
            return False
    return True


def _go(gateway: "Gateway", replaying: "Replaying", side: str) -> None:
    """Until all are answered, or somebody has had enough: then it is told how far it came."""
    from sessionary.cli.shell import reading, told

    passing = told.Passing()

    def tell() -> None:
        failed = f", {replaying.failed:,} failed" if replaying.failed else ""
        passing.tell(f"{replaying.answered:,} of {replaying.calls:,} answered{failed}")

    tell()
    try:
        replaying.go(tell)
    except KeyboardInterrupt:
        passing.leave()
        if replaying.session:
            told.note("stopping…")
            told.note(_stopped(replaying, *replaying.asked()))
            typer.echo(_page(gateway, replaying, side), err=True)
        raise
    except reading.Lost as lost:
        passing.leave()
        if not replaying.session:
            raise
        came = f"{replaying.answered:,} of {replaying.calls:,} were answered, the rest are not asked any more"
        raise reading.Lost(f"{lost.message}: {came}; see {_page(gateway, replaying, side)}") from None
    passing.leave()


def _stopped(replaying: "Replaying", asked: int, running: int) -> str:
    rest, cut = replaying.calls - asked, asked - replaying.answered - running
    told = f"stopped: {asked:,} of {replaying.calls:,} calls were asked"
    told += f", {cut:,} of them cancelled" if cut > 0 else ""
    told += f", {running:,} still run" if running else ""
    return f"{told}; the other {rest:,} were not" if rest > 0 else told


def _tell(paper: "Paper", replaying: "Replaying", found: Json, page: str, as_json: bool) -> None:
    from sessionary.cli.shell import pairs, replayed, told

    if not replaying.stored():
        told.note("not all of it is stored yet: what is missing here will be on the page")
    totals = pairs.Totals()
    for one in replaying.pairs():
        totals.add(one)
        if as_json:
            paper.json(one.json())
        else:
            paper.put(*replayed.told(one, paper.room))
        paper.flush()
    if (missing := replaying.calls - replaying.answered) > 0:
        told.note(f"{missing:,} more were not asked: the gateway stops")
    if as_json:
        facts = {"session": found["session"], "replay": replaying.session, "model": found["model"]}
        paper.json({"totals": totals.json(), **facts, "left_out": found["left_out"], "compare": page})
        return
    paper.put(*replayed.totals(totals))
    paper.said(f"{page}\n", "dim")


def _side(found: Json, of: Json, branch: str) -> str:
    """The session, as the page that compares names it: with its branch where it has several."""
    return f"{of['id']}~{found['until']}" if branch or of["branches"] else str(of["id"])


def _page(gateway: "Gateway", replaying: "Replaying", side: str) -> str:
    from sessionary.cli.shell import show

    return show.comparison(gateway, side, replaying.session)
