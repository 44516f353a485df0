"""Whether the store is what it should be: everything that can be derived from something else is derived again.

    found     what is reported, and the runner: page by page, each on a snapshot of its own
    messages  ids, nodes, depths and bodies of the tree, and what nothing needs
    calls     what calls end at, their recipes, their words in the search index, what traffic counted of them
    sessions  what a session's row, facets and bodies add up to
    pointers  rows that name what is not there

It goes on while the gateway serves: what differs is looked at once more, for it may have been written just then. What
was said in a session may be deleted, and the calls stay (`store.emptying`): that is no difference.
"""

import time

import sqlalchemy as sa

from sessionary.store import rehash, rollups, schema
from sessionary.store.verify import calls, messages, pointers, sessions
from sessionary.store.verify.found import Difference, Report, Told, run
from sessionary.store.writes import transaction
from sessionary.wire import meaning

__all__ = ["Difference", "Report", "Told", "repair", "total", "verify"]


def total(engine: sa.Engine) -> int:
    """How many rows are looked at."""
    counted = (schema.bodies, schema.messages, schema.calls, schema.sessions, schema.search_docs)
    with engine.connect() as connection:
        return sum(connection.scalar(sa.select(sa.func.count()).select_from(table)) or 0 for table in counted)


def verify(engine: sa.Engine, told: Told = lambda _: None, shown: int = 20, again: float = 0.3) -> Report:
    """`told` hears of how many rows have been looked at; `shown` differences of a kind are told. `again`: seconds after
    which what differs is looked at once more."""
    report = Report(shown)
    with engine.connect() as connection:
        projects = connection.scalars(sa.select(schema.projects.c.id).order_by(schema.projects.c.id)).all()
        report.older_rules = rehash.version(connection) not in (None, meaning.VERSION)
        report.set_aside = connection.scalar(sa.select(sa.func.count()).select_from(schema.set_aside)) or 0
    for project in projects:
        tree, told_calls = messages.Messages(engine, project, nodes=not report.older_rules), calls.Calls(project)
        checks = [tree.check(), tree.bodies(), told_calls.check(), sessions.check(project), calls.docs(project)]
        for check in (*checks, *pointers.checks(project)):
            run(engine, check, report, told, again)
        report.add(tree.unnamed())
        report.add(told_calls.uncounted(engine))
    return report


def repair(engine: sa.Engine, report: Report) -> int:
    """Makes the rows of sessions that differ anew from their calls; returns how many."""
    wrong = report.sessions
    for project, session in wrong:
        with transaction(engine) as connection:
            rollups.recompute(connection, project, session, time.time_ns() // 1000)
    return len(wrong)
