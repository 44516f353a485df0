"""What the commands that ask a gateway have in common: their options, and words that begin with a dash."""

import re
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

Url = Annotated[
    str | None,
    typer.Option(
        envvar="SESSIONARY_BASE_URL", help="A gateway anywhere.", show_default="the one of the data folder here"
    ),
]
Key = Annotated[
    str | None,
    typer.Option(
        envvar="SESSIONARY_API_KEY", help="What it is asked with.", show_default="the data folder's master key"
    ),
]
Limit = Annotated[int, typer.Option("--limit", "-n", help="How many.", min=1)]
JsonLines = Annotated[bool, typer.Option("--json", help="For scripts: the API's JSON, a line each.")]
Full = Annotated[
    bool | None,
    typer.Option("--full/--fold", help="Show long results whole, or folded.", show_default="folded on a terminal only"),
]
Whole = Annotated[
    bool | None,
    typer.Option(
        "--full/--fold",
        help="Show questions and answers whole, or their first lines.",
        show_default="shortened on a terminal only",
    ),
]
SessionName = Annotated[
    str,
    typer.Argument(metavar="SESSION", help="Our id, or the one that the client sent.", show_default="-, the newest"),
]
_TERM = re.compile(r"-[^-\s].", re.DOTALL)
"""A word of a filter that is turned around, as `-client:curl`: options of one letter stand alone."""
_NUMBER = re.compile(r"-n\d+")
"""But for this one, as `head` has it."""


class Asking(TyperCommand):
    """What is typed comes before what the environment says: a data folder that is named is not another gateway's."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        rest = super().parse_args(ctx, args)
        source = {name: getattr(ctx.get_parameter_source(name), "name", "") for name in ctx.params}
        if "COMMANDLINE" in (source.get("data_dir"), source.get("config")) and source.get("url") == "ENVIRONMENT":
            ctx.params["url"] = None
            if source.get("key") == "ENVIRONMENT":  # it is that gateway's
                ctx.params["key"] = None
        return rest


class Words(Asking):
    """Takes `-client:curl` for a word, not for the options -c, -l, …"""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        with_value = {name for p in self.params if not getattr(p, "is_flag", True) for name in p.opts}
        kept: list[str] = []
        words: list[str] = []
        rest = iter(args)
        for arg in rest:
            if arg == "--":
                words += rest
            elif arg in with_value:
                kept += [arg, *([value] if (value := next(rest, None)) is not None else [])]
            elif _TERM.match(arg) and not _NUMBER.fullmatch(arg):
                words.append(arg)
            elif arg.startswith("-"):
                kept.append(arg)
            else:
                words.append(arg)
        return super().parse_args(ctx, [*kept, "--", *words] if words else kept)
