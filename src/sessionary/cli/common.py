"""What all commands share: their options, where they tell of something, the configuration and the store."""

import contextlib
import getpass
import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn, TextIO

import typer
from rich.console import Console
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from sessionary import listening
from sessionary.cli.shell import harmless
from sessionary.errors import SettingsError
from sessionary.settings import Settings
from sessionary.settings.load import load

if TYPE_CHECKING:
    import sqlalchemy as sa

    from sessionary.store.audit import Actor


class Printer(Console):
    """Where nobody reads any more it raises BrokenPipeError, as writing does, in place of ending the process."""

    def on_broken_pipe(self) -> None:
        raise BrokenPipeError


out = Printer(highlight=False)
err = Printer(stderr=True, highlight=False)

Config = Annotated[
    Path | None,
    typer.Option(
        "--config",
        "-c",
        envvar="SESSIONARY_CONFIG",
        help="YAML file, or a LiteLLM config.yaml.",
        dir_okay=False,
    ),
]
DataDir = Annotated[
    Path | None,
    typer.Option(
        "--data-dir",
        envvar="SESSIONARY_DATA_DIR",
        help="Everything is kept here.",
        show_default="./sessionary-data",
        file_okay=False,
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="For scripts.")]


def configured(config: Path | None, **overrides: object) -> Settings:
    try:
        return load(config, os.environ, **{k: v for k, v in overrides.items() if v is not None})
    except SettingsError as error:
        fail(error.message)


def fail(message: str) -> NoReturn:
    tell(message)
    raise typer.Exit(2)


def tell(message: str) -> None:
    """What went wrong, printed as it is: brackets in it are no markup."""
    err.print(f"[bold red]sessionary:[/] {escape(message)}", markup=True, soft_wrap=True)


def nobody_reads(stream: TextIO) -> None:
    """What is still in its buffer goes nowhere, or Python would complain of it at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


def present(settings: Settings) -> None:
    """For what is about the folder itself: fails where there is none."""
    if not settings.data_dir.exists():
        fail(f"{settings.data_dir} is not there: `sessionary serve` makes it, --data-dir names another one")


def store(settings: Settings, *, make: bool = False) -> "sa.Engine":
    """The store, of this version's schema. One that is not there is made only where `make` says so: a folder that was
    mistyped is not an empty store."""
    from sessionary.store.engine import open_engine
    from sessionary.store.migrate import upgrade

    if make:
        settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    else:
        _find(settings)
    upgrade(settings.database_url)
    return open_engine(settings.database_url)


def _find(settings: Settings) -> None:
    """Fails where there is no store yet. What else may be wrong with it, who opens it says."""
    import sqlalchemy as sa

    from sessionary.store.engine import address, open_engine
    from sessionary.store.migrate import version

    if not settings.database:
        present(settings)
    url = address(settings.database_url)
    with contextlib.suppress(sa.exc.OperationalError):
        if url.get_backend_name() == "sqlite":
            if not Path(url.database or "").exists():
                fail(f"{url.database} is not there: `sessionary serve` makes it")
            return
        engine = open_engine(settings.database_url)
        try:
            if version(engine) is None:
                fail(f"the database {url.database} has no tables yet: `sessionary serve` makes them")
        finally:
            engine.dispose()


def gateway_url(settings: Settings) -> str:
    """Of the data folder's gateway as it runs; where none does, as the configuration has it."""
    from sessionary.demo import asking

    return asking.address(*(listening.served_at(settings.data_dir) or (settings.host, settings.port)))


def by() -> "Actor":
    """Whoever types, by the machine's name for them."""
    from sessionary.store.audit import Actor

    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # in a container a user may have no name
        name = str(os.getuid())
    return Actor("command", name)


def iso(at: int | None) -> str | None:
    """As the API tells times."""
    from sessionary.api import types

    return types.iso(at) if at else None


def listed(headings: Sequence[str], rows: Iterable[Sequence[str]], folded: Sequence[str]) -> None:
    """A table, of which the columns `folded` may take several lines; in a pipe a line each, with tabs between cells."""
    table = Table(box=None, header_style="bold")
    for heading in headings:
        table.add_column(heading, overflow="fold", no_wrap=heading not in folded)
    for row in rows:
        cells = [harmless.line(cell) for cell in row]
        if out.is_terminal:
            table.add_row(*map(Text, cells))
        else:
            out.file.write("\t".join(cells) + "\n")
    if out.is_terminal:
        out.print(table)
