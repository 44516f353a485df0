"""Holding two sessions against each other: `sessionary compare`."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sessionary.cli.common import Config, DataDir
from sessionary.cli.shell.words import JsonLines, Key, Url, Whole

if TYPE_CHECKING:
    from sessionary.cli.shell.pairs import Pair

Json = dict[str, Any]
_SIDE = "A session, by our id or the client's; of a branch SESSION~CALL, with any call on it."


def compare(
    a: Annotated[str, typer.Argument(metavar="A", help=_SIDE)],
    b: Annotated[str, typer.Argument(metavar="B", help="What it is held against.")],
    full: Whole = None,
    as_json: JsonLines = False,
    url: Url = None,
    key: Key = None,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Hold two sessions, or two branches of one, against each other turn by turn. Exit code 1 where answers differ."""
    from sessionary.cli.shell import comparing, replayed, show, told, which
    from sessionary.ui import compared

    with told.ending():
        paper, gateway = told.Paper(full), which.find(url, key, config, data_dir)
        found = comparing.Comparison(gateway, a, b)
        one, other, shared = found.one, found.other, found.common
        if shared and not as_json:
            paper.said(f"{shared:,} {'turn' if shared == 1 else 'turns'} in common\n", "dim")
        for pair in found.pairs():
            if as_json:
                paper.json(_json(pair))
            else:
                paper.put(*replayed.told(pair, paper.room, replayed.COMPARED))
            paper.flush()
        page = show.comparison(gateway, one.id, other.id)
        if as_json:
            sums = {"a": one.sums, "b": other.sums}
            paper.json(
                {"totals": sums | {"common": shared, "same": found.same, "different": found.different}, "compare": page}
            )
        else:
            paper.put(*replayed.compared(found.same, found.different, compared.metrics(one.sums, other.sums)))
            paper.said(f"{page}\n", "dim")
        if found.different:
            raise typer.Exit(1)


def _json(pair: "Pair") -> Json:
    a, b = pair.sides
    either = a or b
    return {"turn": either["call"]["turn"] if either else None, "same": pair.same, "a": a, "b": b}
