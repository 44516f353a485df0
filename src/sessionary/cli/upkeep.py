"""Looking after what is kept: `sessionary doctor`, `sessionary verify`, `sessionary rehash`, `sessionary audit`."""

import os
import sys
from typing import Annotated

import msgspec
import typer
from rich.markup import escape
from rich.text import Text

from sessionary.cli.common import AsJson, Config, DataDir, by, configured, err, fail, iso, listed, out, store


def doctor(
    online: Annotated[
        bool, typer.Option("--online", help="Ask the providers too, whether they take the keys.")
    ] = False,
    as_json: AsJson = False,
    host: Annotated[str | None, typer.Option(envvar="SESSIONARY_HOST", help="As the server is given it.")] = None,
    port: Annotated[int | None, typer.Option(envvar="SESSIONARY_PORT", min=0, max=65535)] = None,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Look for what is wrong, or soon will be; whether the server runs or not. Exit code 1 where something fails."""
    from sessionary.doctor.examine import examine

    overrides = {"host": host, "port": port, "data_dir": data_dir}
    colours = {"ok": "green", "warn": "yellow", "fail": "bold red"}
    found = []
    for finding in examine(config, os.environ, overrides, online=online):
        found.append(finding)
        if not as_json:
            text = Text.assemble((f"{finding.level:<5}", colours[finding.level]), f"{finding.check:<15}{finding.said}")
            out.print(text, soft_wrap=True)
            if finding.do:
                out.print(Text(f"{'':20}{finding.do}", style="dim"), soft_wrap=True)
    if as_json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    raise typer.Exit(1 if any(finding.level == "fail" for finding in found) else 0)


def verify(
    show: Annotated[int, typer.Option(help="Differences of each kind that are shown.", min=0)] = 20,
    as_json: AsJson = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Make the rows of sessions that differ anew from their calls.")
    ] = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Derive again everything that is stored twice, and tell what differs; also while it serves. Exit code 1 if any."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    from sessionary.app.upkeep import run_verify

    settings = configured(config, data_dir=data_dir)
    store(settings).dispose()  # the database is there, and of this version
    columns = (TextColumn("verifying"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("", total=None)
        report = run_verify(
            settings,
            lambda total: progress.update(task, total=total),
            lambda looked_at: progress.update(task, completed=looked_at),
            show,
            mend=repair,
        )
    if as_json:
        told = {"looked_at": report.looked_at, "counts": report.counts, "set_aside": report.set_aside}
        told |= {"older_rules": report.older_rules}
        told |= {"differences": report.differences, "repaired": len(report.sessions) if repair else 0}
        sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
    else:
        for one in report.differences:
            out.print(f"[bold]{one.kind}[/] {one.id} of project {one.project}: {escape(one.what)}", soft_wrap=True)
        more = sum(report.counts.values()) - len(report.differences)
        if more:
            out.print(f"… and {more} more")
        if report.older_rules:
            out.print("Nodes were not looked at: they are of an older version's rules, see `sessionary rehash`.")
        if report.set_aside:
            out.print(f"{report.set_aside} records could not be stored when they came, and are kept in set_aside.")
        if repair and report.sessions:
            out.print(f"{len(report.sessions)} sessions made anew from their calls.")
        differences = sum(report.counts.values())
        out.print(f"{report.looked_at} rows looked at, {differences} difference{'' if differences == 1 else 's'}.")
    raise typer.Exit(1 if report.counts else 0)


def rehash(config: Config = None, data_dir: DataDir = None) -> None:
    """Hash stored messages by this version's rules, so that new calls go on from old ones; also while it serves."""
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    from sessionary.app.upkeep import run_rehash

    settings = configured(config, data_dir=data_dir)
    store(settings).dispose()  # the database is there, and of this version
    columns = (SpinnerColumn(), TextColumn("{task.completed} messages and calls"), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("", total=None)
        counts = run_rehash(settings, lambda looked_at: progress.update(task, completed=looked_at), by())
    out.print(f"{counts.messages} messages and {counts.calls} calls looked at, {counts.changed} changed.")


def audit_log(
    action: Annotated[str, typer.Option(help="As key.create, or key for everything done to keys.")] = "",
    actor: Annotated[str, typer.Option(help="A key's id or name, master, command or gateway.")] = "",
    target: Annotated[str, typer.Option(help="The id of what it was done to.")] = "",
    limit: Annotated[int, typer.Option(help="How many, the newest first.", min=1, max=10_000)] = 50,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts: a line each.")] = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Show who did what to keys, projects and what is stored."""
    from sessionary.store import audit, reads

    engine = store(configured(config, data_dir=data_dir))
    rows = audit.entries(engine, None, audit.Wanted(action, actor, target), limit)
    if not rows and action and not audit.is_known(action):  # one of another version may be there all the same
        fail(f"--action {action} is none of {', '.join(audit.ACTIONS)}; nor the beginning of one, as key")
    if as_json:
        names = reads.project_names(engine)
        for r in rows:
            told = r._asdict() | {"at": iso(r.at), "project": None if r.project is None else names.get(r.project, "")}
            sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
        return
    shown = [
        (
            iso(r.at) or "",
            f"{r.actor} {r.actor_name}".strip(),
            r.action,
            r.target,
            msgspec.json.encode(r.detail).decode() if r.detail else "",
        )
        for r in rows
    ]
    listed(("at", "actor", "action", "target", "detail"), shown, ("actor", "detail"))
