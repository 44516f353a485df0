"""Holding two sessions against each other: `sessionary compare`."""

from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

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
    from sessionary.cli.shell import comparing, replayed, told, which
    from sessionary.ui import compared

    with told.ending():
        paper, gateway = told.Paper(full), which.find(url, key, config, data_dir)
        one, other = comparing.Side(gateway, a), comparing.Side(gateway, b)
        same = shared = comparing.common(one, other)
        different = 0
        shortened = paper.terminal if full is None else not full
        if shared and not as_json:
            paper.said(f"{shared:,} {'turn' if shared == 1 else 'turns'} in common\n", "dim")
        for pair in comparing.pairs(one, other, shared):
            same, different = same + bool(pair.same), different + (not pair.same)
            if as_json:
                paper.json(_json(pair))
            else:
                paper.put(*replayed.told(pair, paper.width if shortened else None, replayed.COMPARED))
            paper.flush()
        page = f"{gateway.url}/ui/compare?a={quote(one.id, safe='~')}&b={quote(other.id, safe='~')}"
        if as_json:
            sums = {"a": one.sums, "b": other.sums}
            paper.json({"totals": sums | {"common": shared, "same": same, "different": different}, "compare": page})
        else:
            paper.put(*replayed.compared(same, different, compared.metrics(one.sums, other.sums)))
            paper.said(f"{page}\n", "dim")
        if different:
            raise typer.Exit(1)


def _json(pair: "Pair") -> Json:
    sides = {
        name: {"call": s["call"], "output": s["output"]} if s else None for name, s in zip("ab", pair[1:], strict=True)
    }
    turns = [side["call"]["turn"] for side in pair[1:] if side]
    return {"turn": turns[0] if turns else None, "same": pair.same} | sides
