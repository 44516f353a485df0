"""`sessionary demo`."""

from typing import Annotated

import typer

from sessionary import listening
from sessionary.cli.common import Config, DataDir, by, configured, err, fail, gateway_url, out, present, store


def demo(
    sessions: Annotated[int, typer.Option(help="How many.", min=1, max=2000)] = 200,
    clear: Annotated[bool, typer.Option("--clear", help="Take them away again, and nothing else.")] = False,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Fill the pages with made-up sessions, to see what there is to see. Works whether the server runs or not."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    from sessionary.app.upkeep import clear_demo, run_demo
    from sessionary.demo import asking, filling

    settings = configured(config, data_dir=data_dir)
    if clear:
        present(settings)
        store(settings).dispose()
        deleted = clear_demo(settings, by())
        out.print(f"{deleted} demo session{'' if deleted == 1 else 's'} removed. Nothing else was touched.")
        return
    engine = store(settings, make=True)
    served = listening.is_served(settings.data_dir)
    columns = (TextColumn("making calls"), BarColumn(), MofNCompleteColumn())
    try:
        with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
            task = progress.add_task("", total=None)
            filled = run_demo(settings, sessions, lambda n, of: progress.update(task, completed=n, total=of), by())
    except filling.Busy:
        fail("demo sessions are being made right now; try again when they are there")
    base = gateway_url(settings)
    live = served and asking.for_live(engine, base)
    made = f"[bold]{filled.sessions} sessions[/] with {filled.calls} calls of the last two weeks"
    out.print(f"{made} are in the project demo.", soft_wrap=True)
    if not filled.stored:
        out.print("They are stored as soon as the database can be written.")
    if not served:
        out.print("Start the server to look at them: [bold]sessionary serve[/]")
    elif live:
        out.print(f"One is going on right now, for a minute: [bold]{base}/ui/[/]", soft_wrap=True)
    else:
        out.print(f"Look at them: [bold]{base}/ui/[/]  [dim](`sessionary login` prints a link)[/]", soft_wrap=True)
    out.print("\nWorth a look:")
    for shown in filled.shown:
        out.print(f"  {shown.what}\n    [dim]{base}/ui/sessions/{shown.session}[/]", soft_wrap=True)
    out.print(
        "\nAll of it goes away with [bold]sessionary demo --clear[/], or with the button on the list.", soft_wrap=True
    )
