"""The command line: `sessionary serve`, `sessionary keys …`, `sessionary login`."""

import os
import re
import sys
import time
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import msgspec
import typer
from rich.console import Console
from rich.table import Table

from sessionary import __version__
from sessionary.errors import SettingsError
from sessionary.settings import Settings
from sessionary.settings.load import load

if TYPE_CHECKING:
    import sqlalchemy as sa

app = typer.Typer(
    help="An LLM gateway that remembers: every call relayed, recorded, priced, and grouped into its session.",
    no_args_is_help=True,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_show_locals=False,
)
keys_app = typer.Typer(
    help="Make, list and revoke API keys. Works whether the server runs or not.", no_args_is_help=True
)
app.add_typer(keys_app, name="keys")

out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

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
        help="Everything is kept here. [default: ./sessionary-data]",
        file_okay=False,
    ),
]


def _settings(config: Path | None, **overrides: object) -> Settings:
    try:
        return load(config, os.environ, **{k: v for k, v in overrides.items() if v is not None})
    except SettingsError as error:
        _fail(error.message)


def _fail(message: str) -> NoReturn:
    err.print(f"[bold red]sessionary:[/] {message}", markup=True, soft_wrap=True)
    raise typer.Exit(2)


@app.command()
def serve(
    host: Annotated[
        str | None, typer.Option(envvar="SESSIONARY_HOST", help="Address to listen on. [default: 127.0.0.1]")
    ] = None,
    port: Annotated[
        int | None, typer.Option(envvar="SESSIONARY_PORT", help="Port. [default: 4000]", min=0, max=65535)
    ] = None,
    config: Config = None,
    data_dir: DataDir = None,
    workers: Annotated[
        int | None,
        typer.Option(envvar="SESSIONARY_WORKERS", help="Processes that serve. [default: 1]", min=1),
    ] = None,
) -> None:
    """Start the gateway."""
    from sessionary import server

    settings = _settings(config, host=host, port=port, data_dir=data_dir, workers=workers)
    server.configure_logging(settings.log_level)
    for note in settings.ignored:
        err.print(f"[yellow]note:[/] {note}", soft_wrap=True)

    def ready(base_url: str, key: str, made: bool) -> None:
        _banner(settings, base_url, key, made)

    try:
        raise typer.Exit(server.serve(settings, os.environ, ready))
    except SettingsError as error:
        _fail(error.message)


def _banner(settings: Settings, base_url: str, key: str, made: bool) -> None:
    from sqlalchemy.exc import SQLAlchemyError

    from sessionary.auth import MASTER
    from sessionary.providers.routing import Router
    from sessionary.store import keys as key_store
    from sessionary.store.engine import open_engine

    engine = open_engine(settings.database_url)
    try:
        page = (
            f"{base_url}/ui/login?token={key_store.new_link(engine, MASTER, 3600)}  [dim](works once, for an hour)[/]"
        )
    except SQLAlchemyError:  # the store is away: calls are relayed and recorded all the same
        page = f"{base_url}/ui/"
    engine.dispose()
    router = Router(settings, os.environ)
    shown = key if made else f"in {settings.data_dir / 'master.key'}" if not settings.master_key else "as configured"
    providers = (
        "demo (no provider key is set: answers are made up)" if router.is_demo else ", ".join(router.provider_names())
    )
    snippet_key = (
        key
        if made
        else "$(cat " + str(settings.data_dir / "master.key") + ")"
        if not settings.master_key
        else "YOUR_KEY"
    )
    out.print()
    out.print(f"[bold green]Sessionary {__version__}[/] is listening on [bold]{base_url}[/]")
    out.print(f"  page       {page}", soft_wrap=True)
    out.print(f"  key        {shown}", soft_wrap=True, markup=False)
    out.print(f"  providers  {providers}", soft_wrap=True, markup=False)
    out.print(f"  data       {settings.data_dir.resolve()}", soft_wrap=True, markup=False)
    out.print()
    out.print(
        f'  curl {base_url}/chat/completions -H "Authorization: Bearer {snippet_key}" \\\n'
        '    -H \'Content-Type: application/json\' -d \'{"model": "gpt-4o-mini",\n'
        '    "messages": [{"role": "user", "content": "Hello"}], "metadata": {"litellm_session_id": "my-session"}}\'',
        markup=False,
        soft_wrap=True,
    )
    out.print()
    sys.stdout.flush()


@app.command()
def login(config: Config = None, data_dir: DataDir = None) -> None:
    """Print a new one-time link to the pages."""
    from sessionary.auth import MASTER
    from sessionary.store import keys as key_store

    settings = _settings(config, data_dir=data_dir)
    token = key_store.new_link(_engine(settings), MASTER, 3600)
    out.print(f"http://{settings.host}:{settings.port}/ui/login?token={token}", soft_wrap=True)


@app.command("rehash")
def rehash(config: Config = None, data_dir: DataDir = None) -> None:
    """Hash stored messages by this version's rules, so that new calls go on from old ones; also while it serves."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from sessionary.app import run_rehash

    settings = _settings(config, data_dir=data_dir)
    _engine(settings).dispose()  # the database is there, and of this version
    columns = (SpinnerColumn(), TextColumn("{task.completed} messages and calls"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True) as progress:
        task = progress.add_task("", total=None)
        counts = run_rehash(settings, lambda looked_at: progress.update(task, completed=looked_at))
    out.print(f"{counts.messages} messages and {counts.calls} calls looked at, {counts.changed} changed.")


@keys_app.command("create")
def keys_create(
    project: Annotated[str, typer.Option(help="The project whose calls this key makes and reads; made if new.")],
    name: Annotated[str, typer.Option(help="What the key is for.")] = "",
    models: Annotated[
        list[str] | None, typer.Option(help="Models it may use, as patterns; repeat or separate by commas.")
    ] = None,
    expires: Annotated[str | None, typer.Option(help="30d, 12h, or a date as 2027-01-31.")] = None,
    threading: Annotated[
        bool, typer.Option(help="Whether calls that name no session are put into one by their content.")
    ] = True,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Make a key. It is shown once."""
    from sessionary.store import keys as key_store

    allowed = [m.strip() for part in models or [] for m in part.split(",") if m.strip()] or None
    settings = _settings(config, data_dir=data_dir)
    if not project.strip():
        _fail("--project must not be empty")
    plain, row = key_store.create(
        _engine(settings), project.strip(), name or project.strip(), allowed, _expiry(expires), threading=threading
    )
    if as_json:
        shown = {
            "key": plain,
            "id": row.id,
            "project": project.strip(),
            "name": row.name,
            "models": allowed,
            "expires_at": _iso(row.expires_at),
            "threading": threading,
        }
        sys.stdout.write(msgspec.json.encode(shown).decode() + "\n")
        return
    out.print(f"[bold]{plain}[/]", soft_wrap=True)
    err.print(f"[dim]Key {row.id} for project {project.strip()}. It is not shown again.[/]")


@keys_app.command("list")
def keys_list(
    as_json: Annotated[bool, typer.Option("--json", help="For scripts.")] = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Show all keys, without their secrets."""
    from sessionary.store import keys as key_store

    rows = key_store.list_keys(_engine(_settings(config, data_dir=data_dir)))
    if as_json:
        shown = [
            {
                "id": r.id,
                "project": r.project_name,
                "name": r.name,
                "hint": r.hint,
                "models": r.models,
                "created_at": _iso(r.created_at),
                "expires_at": _iso(r.expires_at),
                "revoked_at": _iso(r.revoked_at),
                "threading": r.threading,
            }
            for r in rows
        ]
        sys.stdout.write(msgspec.json.encode(shown).decode() + "\n")
        return
    table = Table(box=None, header_style="bold")
    for heading in ("id", "project", "name", "models", "expires", "state"):
        table.add_column(heading, overflow="fold", no_wrap=heading != "models")
    now = time.time_ns() // 1000
    for r in rows:
        state = "revoked" if r.revoked_at else "expired" if (r.expires_at or now) < now else "valid"
        models, expires = ", ".join(r.models or []) or "all", (_iso(r.expires_at) or "never")[:10]
        table.add_row(r.id, r.project_name, r.name, models, expires, state)
    out.print(table)


@keys_app.command("threading")
def keys_threading(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `keys list` shows it.")],
    on: Annotated[bool, typer.Option("--on/--off", help="Whether content may decide which session a call belongs to.")],
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Turn threading by content on or off for a key's calls."""
    from sessionary.store import keys as key_store

    if not key_store.set_threading(_engine(_settings(config, data_dir=data_dir)), key_id, on):
        _fail(f"there is no key {key_id}")
    err.print(f"[dim]Calls of {key_id} are {'' if on else 'not '}threaded by content, within a second.[/]")


@keys_app.command("revoke")
def keys_revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `keys list` shows it.")],
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """End a key. A running server refuses it within a second."""
    from sessionary.store import keys as key_store

    if not key_store.revoke(_engine(_settings(config, data_dir=data_dir)), key_id):
        _fail(f"there is no valid key {key_id}")
    out.print(f"revoked {key_id}")


@app.command()
def version() -> None:
    """Print the version."""
    out.print(__version__)


def _engine(settings: Settings) -> "sa.Engine":
    """The store, made and migrated where it is not there yet."""
    from sessionary.store.engine import open_engine
    from sessionary.store.migrate import upgrade

    settings.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    upgrade(settings.database_url)
    return open_engine(settings.database_url)


def _expiry(text: str | None) -> int | None:
    """Microseconds since 1970."""
    if text is None:
        return None
    if match := re.fullmatch(r"(\d+)([hdw])", text.strip()):
        seconds = int(match[1]) * {"h": 3600, "d": 86400, "w": 604800}[match[2]]
        return time.time_ns() // 1000 + seconds * 1_000_000
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        _fail(f"--expires {text}: give 30d, 12h or a date as 2027-01-31")
    return int(at.timestamp() * 1_000_000)


def _iso(at: int | None) -> str | None:
    return datetime.fromtimestamp(at / 1e6).astimezone().isoformat(timespec="seconds") if at else None


def main() -> None:
    app()
