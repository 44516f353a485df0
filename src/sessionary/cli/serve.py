"""`sessionary serve`, `sessionary login`."""

import contextlib
import gc
import os
import sys
from collections.abc import Iterator
from typing import Annotated

import msgspec
import typer

from sessionary import __version__, listening
from sessionary.cli.common import (
    Config,
    DataDir,
    by,
    configured,
    err,
    fail,
    gateway_url,
    nobody_reads,
    out,
    present,
    store,
)
from sessionary.errors import SettingsError
from sessionary.settings import Settings


def serve(
    host: Annotated[
        str | None, typer.Option(envvar="SESSIONARY_HOST", help="Address to listen on.", show_default="127.0.0.1")
    ] = None,
    port: Annotated[
        int | None, typer.Option(envvar="SESSIONARY_PORT", help="Port.", show_default="4000", min=0, max=65535)
    ] = None,
    config: Config = None,
    data_dir: DataDir = None,
    workers: Annotated[
        int | None,
        typer.Option(envvar="SESSIONARY_WORKERS", help="Processes that serve.", show_default="1", min=1),
    ] = None,
) -> None:
    """Start the gateway."""
    settings = configured(config, host=host, port=port, data_dir=data_dir, workers=workers)
    gc.disable()  # what is imported is no garbage, and looking for some among it takes long
    from sessionary import server  # not before it is clear what to serve: it brings all that serving needs

    server.configure_logging(settings.log_level)
    with _heard_or_not():
        for note in settings.ignored:
            err.print(f"[yellow]note:[/] {note}", soft_wrap=True)

    def ready(base_url: str, key: str, made: bool) -> None:
        with _heard_or_not():
            _banner(settings, base_url, key, made)

    try:
        raise typer.Exit(server.serve(settings, os.environ, ready))
    except SettingsError as error:
        fail(error.message)


@contextlib.contextmanager
def _heard_or_not() -> Iterator[None]:
    """A gateway serves whether what it prints is read or not: its reader may have gone, its disk may be full."""
    try:
        yield
    except OSError:
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                nobody_reads(stream)


def _banner(settings: Settings, base_url: str, key: str, made: bool) -> None:
    from sqlalchemy.exc import SQLAlchemyError

    from sessionary.auth import MASTER
    from sessionary.providers.routing import Router
    from sessionary.store import keys as key_store
    from sessionary.store.audit import GATEWAY
    from sessionary.store.engine import open_engine

    engine = open_engine(settings.database_url)
    try:
        token = key_store.new_link(engine, MASTER, 3600, GATEWAY)
        page = f"{base_url}/ui/login?token={token}  [dim](works once, for an hour)[/]"
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
    # In single quotes of a shell.
    model = msgspec.json.encode(router.example() or "MODEL").decode().replace("'", "\\u0027")
    out.print()
    out.print(f"[bold green]Sessionary {__version__}[/] is listening on [bold]{base_url}[/]")
    out.print(f"  page       {page}", soft_wrap=True)
    out.print(f"  key        {shown}", soft_wrap=True, markup=False)
    out.print(f"  providers  {providers}", soft_wrap=True, markup=False)
    out.print(f"  data       {settings.data_dir.resolve()}", soft_wrap=True, markup=False)
    out.print()
    out.print(
        f'  curl {base_url}/chat/completions -H "Authorization: Bearer {snippet_key}" \\\n'
        f"    -H 'Content-Type: application/json' -d '{{\"model\": {model},\n"
        '    "messages": [{"role": "user", "content": "Hello"}], "metadata": {"litellm_session_id": "my-session"}}\'',
        markup=False,
        soft_wrap=True,
    )
    out.print()
    sys.stdout.flush()


def login(config: Config = None, data_dir: DataDir = None) -> None:
    """Print a new one-time link to the pages."""
    from sessionary.auth import MASTER
    from sessionary.store import keys as key_store

    settings = configured(config, data_dir=data_dir)
    present(settings)
    if not listening.is_served(settings.data_dir):
        err.print(
            f"[yellow]note:[/] no gateway serves {settings.data_dir} now: the link works once one does, for an hour",
            soft_wrap=True,
        )
    token = key_store.new_link(store(settings, make=True), MASTER, 3600, by())
    out.print(f"{gateway_url(settings)}/ui/login?token={token}", soft_wrap=True)
