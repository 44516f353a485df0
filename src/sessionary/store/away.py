"""A PostgreSQL that does not answer is asked by one at a time, now and then: all others learn at once that it is away.

One that refuses is no trouble: that takes no time.
"""

import time
from typing import Any

import sqlalchemy as sa

_LONG = 1.0
"""Seconds after which a connection that is not made was waited for."""
_PAUSE = 3.0
"""Seconds for which that is believed."""


class Away:
    """Of one engine."""

    def __init__(self) -> None:
        self._silent = False
        self._until = float("-inf")

    def connect(self, dialect: sa.Dialect, record: Any, given: Any, named: Any) -> Any:
        """SQLAlchemy's `do_connect`. Raises the driver's OperationalError."""
        began = time.monotonic()
        if began < self._until:
            raise dialect.loaded_dbapi.OperationalError("the database did not answer a moment ago")
        if self._silent:
            self._until = began + _PAUSE  # who asks now asks for all
        try:
            connection = dialect.connect(*given, **named)
        except dialect.loaded_dbapi.OperationalError:
            now = time.monotonic()
            self._silent = now - began >= _LONG
            self._until = now + _PAUSE if self._silent else now
            raise
        self._silent, self._until = False, float("-inf")
        return connection
