"""The command line. Each command imports what it needs when it is called: `sessionary --help` is there at once."""

import sys
from collections.abc import Callable
from typing import Annotated

import typer

from sessionary import __version__
from sessionary.cli import demo, gateways, keys, migrate, serve, upkeep
from sessionary.cli.common import nobody_reads, out, tell
from sessionary.cli.shell import compare, mcp, replay, sessions, show, watch
from sessionary.cli.shell.words import Asking, Words
from sessionary.errors import SettingsError

_READ = "Read what a gateway has, from anywhere"
app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_show_locals=False,
)
_upkeep = (upkeep.doctor, upkeep.verify, upkeep.rehash, gateways.gateways, migrate.migrate)
for command in (serve.serve, serve.login, demo.demo, *_upkeep):
    app.command()(command)
_lists: tuple[Callable[..., None], ...] = (sessions.sessions, sessions.calls, sessions.search)
for asked in _lists:
    app.command(cls=Words, rich_help_panel=_READ)(asked)
_one: tuple[Callable[..., None], ...] = (show.show, show.export, watch.watch, compare.compare, replay.replay, mcp.mcp)
for asked in _one:
    app.command(cls=Asking, rich_help_panel=_READ)(asked)
app.command("audit")(upkeep.audit_log)
app.add_typer(keys.app, name="keys")


@app.command()
def version() -> None:
    """Print the version."""
    out.print(__version__)


def _say_version(asked: bool) -> None:
    if asked:
        out.print(f"sessionary {__version__}", highlight=False)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_say_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """An LLM gateway that remembers: every call relayed, recorded, priced, and grouped into its session."""


def main() -> None:
    try:
        app()
    except SettingsError as error:  # of a store that cannot be opened, whichever command asks for it
        message = error.message
    except BrokenPipeError:  # whoever read has had enough, and the verdict is not told
        nobody_reads(sys.stdout)
        raise SystemExit(1) from None
    except Exception as error:
        from sessionary.store.trouble import trouble  # brings what speaks to databases

        if (found := trouble(error)) is None:
            raise
        message = ". ".join([str(found), *getattr(error, "__notes__", ())])
    else:
        return
    tell(message)
    raise SystemExit(2)
