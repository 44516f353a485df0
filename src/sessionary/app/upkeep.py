"""What the command line does beside serving."""

import asyncio
import contextlib
import os

import msgspec
import sqlalchemy as sa

from sessionary import listening
from sessionary.app.drain import build_drain
from sessionary.app.parts import Folder
from sessionary.demo import filling
from sessionary.demo.button import PROJECT
from sessionary.drain.loop import drain_all
from sessionary.limits import opened, presence
from sessionary.limits.presence import Away
from sessionary.metrics import Metrics
from sessionary.record.recorder import now_us
from sessionary.settings import Settings
from sessionary.spool.reader import Reader
from sessionary.state.spooled import Spooled
from sessionary.state.walk import State
from sessionary.store import audit, keys, rehash, verify
from sessionary.store.audit import COMMAND, Actor
from sessionary.store.engine import open_engine


def run_rehash(settings: Settings, told: rehash.Told, by: Actor = COMMAND) -> rehash.Counts:
    """Gives what is stored the hashes of this version's rules. `told` hears of how much has been looked at."""
    engine = open_engine(settings.database_url)
    state = State(engine, Spooled(Reader(Folder(settings.data_dir).spool)))

    def resolve(project: int, item: str) -> bytes | None:
        return asyncio.run(state.items(project, [item])).get(item)

    try:
        counts = rehash.rehash(engine, resolve, told)
        audit.tell(engine, by, "rehash", "", changed=counts.changed)
        return counts
    finally:
        engine.dispose()


def run_verify(settings: Settings, begun: verify.Told, told: verify.Told, shown: int, *, mend: bool) -> verify.Report:
    """Looks at all that is stored. `begun` hears of how many rows there are, `told` of how many have been looked at.
    `mend`: sessions whose rows differ are made anew from their calls."""
    engine = open_engine(settings.database_url)
    try:
        begun(verify.total(engine))
        report = verify.verify(engine, told, shown)
        if mend:
            verify.repair(engine, report)
        return report
    finally:
        engine.dispose()


def run_gateways(settings: Settings) -> list[Away]:
    """Other gateways on the database that are not heard of; the one that is away longest first."""
    engine = open_engine(settings.database_url)
    try:
        return _away(engine, settings)
    finally:
        engine.dispose()


def _away(engine: sa.Engine, settings: Settings) -> list[Away]:
    return presence.away(engine, Folder(settings.data_dir).gateway(), now_us())


def run_lost(settings: Settings, gateway: str, by: Actor = COMMAND) -> int | None:
    """Gives up a gateway whose data folder is lost; how many calls that has ended. None: it is none that is away."""
    engine = open_engine(settings.database_url)
    try:
        if gateway not in {away.gateway for away in _away(engine, settings)}:
            return None
        with contextlib.closing(build_drain(settings, gateway)) as drain:
            ended = drain.give_up()
        audit.tell(engine, by, "gateway.lost", gateway, calls=ended)
        return ended
    finally:
        engine.dispose()


def run_demo(settings: Settings, count: int, told: filling.Told, by: Actor = COMMAND) -> filling.Filled:
    """Makes demo sessions, in the project `demo`, and stores them where no server does. `told` hears of calls that are
    written, and how many there will be. Raises filling.Busy."""
    folder, engine = Folder(settings.data_dir), open_engine(settings.database_url)
    folder.spool.mkdir(parents=True, exist_ok=True, mode=0o700)
    served = listening.is_served(folder.root)
    if served:  # a server's books show what is stored beside what was begun: these are begun here
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder.metrics)
    try:
        project = keys.ensure_project(engine, PROJECT, by)
        metrics = Metrics() if served else None
        filled = filling.fill(engine, folder.root, project, count, metrics, told, by=by)
    finally:
        engine.dispose()
    if served:
        return filled
    opened.prepare(settings)
    with contextlib.closing(build_drain(settings)) as drain:
        drain_all(drain, folder.spool)
    return msgspec.structs.replace(filled, stored=True)


def clear_demo(settings: Settings, by: Actor = COMMAND) -> int:
    """Deletes the demo sessions of all projects; how many those were."""
    engine = open_engine(settings.database_url)
    try:
        return filling.clear_all(engine, settings.data_dir, by=by)
    finally:
        engine.dispose()
