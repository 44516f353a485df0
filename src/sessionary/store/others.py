"""Gateways that share the store: how far each has come, and for how long one waits for what another has not stored yet.

Each says with what it stores *until when* all is stored that it recorded (`cursors.reached`), by the clock of its host.
"""

import sqlalchemy as sa

from sessionary.store import schema

HELD_BACK = 3.0
"""Seconds, after it has begun, for which a call is held back whose history ends with an answer that is not stored:
another gateway may have given it. What its gateway recorded after it is held back with it."""
PATIENCE = HELD_BACK + 1.0
"""Seconds after which a call, or its end, is stored, if it is at all: it may be held back, and then comes the next
round. So long it is looked for before it counts as not there."""


def reached(connection: sa.Connection, own: str) -> list[int]:
    """Until when each gateway but `own` has stored all, in microseconds; 0 for one that has not said it."""
    c = schema.cursors.c
    theirs = sa.select(sa.func.max(c.reached)).where(c.gateway.not_in(("", own))).group_by(c.gateway)
    return list(connection.scalars(theirs))
