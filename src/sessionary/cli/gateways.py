"""`sessionary gateways`: others on the same database that are not heard of, and what to do with one that is lost."""

import sys
from typing import Annotated

import msgspec
import typer

from sessionary.cli.common import AsJson, Config, DataDir, by, configured, iso, out, present, store, tell


def gateways(
    lost: Annotated[
        str, typer.Option(metavar="ID", help="Give up this one, whose data folder is lost: its calls in flight end.")
    ] = "",
    as_json: AsJson = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Show the gateways on this PostgreSQL that are not heard of, and give up those that never come back."""
    from sessionary.app.upkeep import run_gateways, run_lost

    settings = configured(config, data_dir=data_dir)
    present(settings)
    store(settings).dispose()  # the database is there, and of this version
    if lost:
        ended = run_lost(settings, lost, by())
        if ended is None:
            tell(f"{lost} is no gateway that is away: it is heard of, or not known, or this one")
            raise typer.Exit(1)
        out.print(f"{ended} calls of {lost} were in flight, and are interrupted.")
        return
    found = run_gateways(settings)
    if as_json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
        return
    for away in found:
        out.print(
            f"{away.gateway}  not heard of since {iso(away.seen_at)}, calls in flight: {away.live}", soft_wrap=True
        )
    if not found:
        out.print("No other gateway is away.")
