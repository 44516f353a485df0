"""Whose fault an error is: the record's that was to be stored, or the store's.

What a record does to a database it does each time, so it is set aside, and the others go on. A store that is away,
locked, full, read-only or not as we know it says nothing of records: they wait for it.
"""

import sqlalchemy as sa

_CLASSES = ("0A", "22", "23", "54")
"""Of SQLSTATE: not supported, data, integrity, limits of the program (a row too large for an index)."""
_INTERNAL = "XX000"
"""What PostgreSQL says of a value that it cannot find the memory for, among other things."""
_STATELESS = (sa.exc.DataError, sa.exc.IntegrityError, sa.exc.NotSupportedError, sa.exc.ProgrammingError)
"""Of what a driver says itself, before the database is asked."""
_AWAY = (sa.exc.TimeoutError, sa.exc.DisconnectionError, sa.exc.ResourceClosedError)


def reason(error: Exception) -> str | None:
    """Why the record is refused, in few words that hold nothing of it; None where store or disk are in trouble."""
    if isinstance(error, sa.exc.DBAPIError):
        if error.connection_invalidated:
            return None
        state = getattr(error.orig, "sqlstate", None)
        if state is None:
            refused = isinstance(error, _STATELESS)
        else:
            refused = state.startswith(_CLASSES) or state == _INTERNAL
        return f"refused by the database: {error.orig.__class__.__name__}" if refused else None
    if isinstance(error, (*_AWAY, OSError)):
        return None
    return f"could not be stored: {error.__class__.__name__}"
