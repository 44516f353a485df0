"""Moving to PostgreSQL: `sessionary migrate`."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Annotated

import typer
from rich.markup import escape

from sessionary.cli.common import Config, DataDir, by, configured, err, fail, out

_LINE_EVERY = 5.0
"""Seconds, where there is no terminal."""


def migrate(
    to: Annotated[str, typer.Option("--to", help="An empty database: postgresql://user:password@host/name.")],
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Copy everything from SQLite to PostgreSQL, and check it, while no gateway runs. Interrupted, it goes on later."""
    import sqlalchemy as sa

    try:
        import psycopg

        from sessionary.app.migrating import run_migrate
    except ModuleNotFoundError:
        fail("What speaks to PostgreSQL is not installed: pip install 'sessionary[postgres]'")
    from sessionary.errors import SettingsError
    from sessionary.migrating import Refused

    if not to.startswith(("postgresql://", "postgres://")):
        fail("--to takes postgresql://user:password@host/name.")
    settings = configured(config, data_dir=data_dir)
    try:
        with _progress() as told:
            report = run_migrate(settings, to, told, by())
    except (Refused, SettingsError) as error:
        fail(str(error))
    except (sa.exc.OperationalError, psycopg.OperationalError) as error:
        error.add_note("What is copied is copied: run this again, and it goes on.")
        raise
    if report.done_before:
        out.print("All of it is there already, and nothing was written here since.")
        return
    for one in report.differences:
        out.print(f"[bold]{one.kind}[/] {one.id} of project {one.project}: {escape(one.what)}", soft_wrap=True)
    if report.differences:
        fail("The copy is not what it was made of, and is not taken into use.")
    out.print(f"{report.sessions} sessions with {report.calls} calls, {report.rows} rows in all: copied and checked.")
    out.print(f"{report.sampled} of them, picked at random, were derived again: hashes, sums and search are right.")
    if report.changed:
        out.print(
            f"{report.changed} texts had NUL characters, which PostgreSQL does not take: they have \ufffd instead."
        )
    for table, rows in report.refused.items():
        out.print(f"{rows} rows of {table} were refused by PostgreSQL: they are kept in its table set_aside.")
    told_to = sa.make_url(to).render_as_string(hide_password=True)
    out.print(
        f"Start the gateway with `database: {escape(told_to)}` and this data folder: what waits in its spool is stored "
        "there then. The SQLite database is as it was; do not serve from it again.",
        soft_wrap=True,
    )


@contextmanager
def _progress() -> Iterator[Callable[[str, int, int, int], None]]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    if not err.is_terminal:
        yield _lines()
        return
    columns = (
        TextColumn("{task.description:<24}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[mb]} MB"),
    )
    with Progress(*columns, TimeElapsedColumn(), console=err, transient=True) as progress:
        task = progress.add_task("", total=None, mb=0)
        yield lambda at, done, of, size: progress.update(
            task, description=at, completed=done, total=of, mb=size // 1_000_000
        )


def _lines() -> Callable[[str, int, int, int], None]:
    """A line for whatever is begun, and every few seconds."""
    before, last = "", float("-inf")

    def told(at: str, done: int, of: int, size: int) -> None:
        nonlocal before, last
        if at != before or time.monotonic() - last > _LINE_EVERY:
            before, last = at, time.monotonic()
            err.print(f"{at}: {done} of {of} rows, {size // 1_000_000} MB", soft_wrap=True)

    return told
