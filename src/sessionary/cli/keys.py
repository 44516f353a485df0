"""`sessionary keys …`."""

import sys
import time
from typing import Annotated, Any

import msgspec
import typer

from sessionary.cli.common import AsJson, Config, DataDir, by, configured, err, fail, iso, listed, out, store

_MOST_PROJECT = 200
_TAKES = {
    "budget": "a number (of USD)",
    "budget_period": "day, month or total",
    "session_cost": "a number (of USD)",
}
"""Of limits that are no whole numbers: what they are."""
app = typer.Typer(help="Make, list and revoke API keys. Works whether the server runs or not.", no_args_is_help=True)


@app.command("create")
def create(
    project: Annotated[str, typer.Option(help="The project whose calls this key makes and reads; made if new.")],
    name: Annotated[str, typer.Option(help="What the key is for.")] = "",
    models: Annotated[
        list[str] | None, typer.Option(help="Models it may use, as patterns; repeat or separate by commas.")
    ] = None,
    expires: Annotated[str | None, typer.Option(help="30d, 12h, or a date as 2027-01-31.")] = None,
    threading: Annotated[
        bool, typer.Option(help="Whether calls that name no session are put into one by their content.")
    ] = True,
    capture: Annotated[
        str, typer.Option(help="What the log has of its calls: full, or metadata (that they were made, and the cost).")
    ] = "full",
    limit: Annotated[
        list[str] | None,
        typer.Option(help="How much it may ask for, as calls_per_minute=60 or budget=20; repeat for more."),
    ] = None,
    as_json: AsJson = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Make a key. It is shown once."""
    from sessionary.store import keys as key_store

    allowed = [m.strip() for part in models or [] for m in part.split(",") if m.strip()] or None
    settings = configured(config, data_dir=data_dir)
    if not project.strip():
        fail("--project must not be empty")
    if len(project) > _MOST_PROJECT:
        fail(f"--project has at most {_MOST_PROJECT} characters")
    if capture not in ("full", "metadata"):
        fail("--capture must be full or metadata")
    limits = _limits(limit or [])
    plain, row = key_store.create(
        store(settings),
        project.strip(),
        name or project.strip(),
        allowed,
        _expiry(expires),
        threading=threading,
        capture=capture,
        limits=limits,
        by=by(),
    )
    if as_json:
        shown = {
            "key": plain,
            "id": row.id,
            "project": project.strip(),
            "name": row.name,
            "models": allowed,
            "expires_at": iso(row.expires_at),
            "threading": threading,
            "capture": capture,
            "limits": limits,
        }
        sys.stdout.write(msgspec.json.encode(shown).decode() + "\n")
        return
    out.print(f"[bold]{plain}[/]", soft_wrap=True)
    err.print(f"[dim]Key {row.id} for project {project.strip()}. It is not shown again.[/]")


@app.command("list")
def list_(
    as_json: AsJson = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Show all keys, without their secrets."""
    from sessionary.store import keys as key_store

    rows = key_store.list_keys(store(configured(config, data_dir=data_dir)))
    if as_json:
        shown = [
            {
                "id": r.id,
                "project": r.project_name,
                "name": r.name,
                "hint": r.hint,
                "models": r.models,
                "created_at": iso(r.created_at),
                "expires_at": iso(r.expires_at),
                "revoked_at": iso(r.revoked_at),
                "threading": r.threading,
                "capture": r.capture,
                "limits": r.limits,
            }
            for r in rows
        ]
        sys.stdout.write(msgspec.json.encode(shown).decode() + "\n")
        return
    shown_rows = []
    now = time.time_ns() // 1000
    for r in rows:
        state = "revoked" if r.revoked_at else "expired" if (r.expires_at or now) < now else "valid"
        models, expires = ", ".join(r.models or []) or "all", (iso(r.expires_at) or "never")[:10]
        shown_rows.append((r.id, r.project_name, r.name, models, expires, state))
    listed(("id", "project", "name", "models", "expires", "state"), shown_rows, ("models",))


@app.command("threading")
def threading(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `keys list` shows it.")],
    on: Annotated[
        bool | None,
        typer.Option(
            "--on/--off", help="Whether content may decide which session a call belongs to.", show_default=False
        ),
    ] = None,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Turn threading by content on or off for a key's calls."""
    from sessionary.store import keys as key_store

    if on is None:
        fail("say --on or --off")
    if not key_store.change(store(configured(config, data_dir=data_dir)), key_id, threading=on, by=by()):
        fail(f"there is no key {key_id}")
    err.print(f"[dim]Calls of {key_id} are {'' if on else 'not '}threaded by content, within a second.[/]")


@app.command("limit")
def limit(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `keys list` shows it.")],
    limit: Annotated[
        list[str] | None, typer.Argument(help="How much it may ask for, as calls_per_minute=60 budget=20.")
    ] = None,
    none: Annotated[bool, typer.Option("--none", help="No limits of its own: those of the configuration.")] = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Set a key's own limits, in place of those that it had."""
    from sessionary.store import keys as key_store

    if bool(limit) == none:
        fail("give limits as name=value, or --none")
    limits = _limits(limit or [])
    if not key_store.change(store(configured(config, data_dir=data_dir)), key_id, limits=limits, by=by()):
        fail(f"there is no key {key_id}")
    err.print(f"[dim]Limits of {key_id} hold within a second.[/]")


@app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(help="The key's id, as `keys list` shows it.")],
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """End a key. A running server refuses it within a second."""
    from sessionary.store import keys as key_store

    if not key_store.revoke(store(configured(config, data_dir=data_dir)), key_id, by()):
        fail(f"there is no valid key {key_id}")
    out.print(f"revoked {key_id}")


def _expiry(text: str | None) -> int | None:
    """Microseconds since 1970."""
    if text is None:
        return None
    from sessionary.store import keys as key_store

    try:
        return key_store.expiry(text)
    except ValueError as error:
        fail(f"--expires {text}: {error}")


def _limits(given: list[str]) -> dict[str, Any] | None:
    """The fields of settings.Limits, from `name=value` texts."""
    from sessionary.settings import Limits

    values = {name: value for part in given for name, _, value in (text.partition("=") for text in part.split(","))}
    for name, value in values.items():
        if name not in Limits.__struct_fields__:
            fail(f"limits: there is no '{name}' (known: {', '.join(Limits.__struct_fields__)})")
        try:
            msgspec.convert({name: value}, Limits, strict=False)
        except msgspec.ValidationError:
            fail(f"limits: {name} must be {_TAKES.get(name, 'a whole number')}, not '{value}'")
    found = msgspec.structs.asdict(msgspec.convert(values, Limits, strict=False))
    for name, value in found.items():
        if isinstance(value, int | float) and not 0 <= value < 1 << 53:
            fail(f"limits: {name} must be from 0 to {(1 << 53) - 1}")
    return {name: value for name, value in found.items() if name in values} or None
