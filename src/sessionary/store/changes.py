"""Whether anything has changed in the database: for what is asked so often that asking what it is would cost too much.

SQLite tells it by a number that is another after each commit of any other connection. So the one that asks is kept for
that, and never writes. PostgreSQL has no such number.
"""

import threading

import sqlalchemy as sa


class Changes:
    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._connection: sa.PoolProxiedConnection | None = None
        self._turn = threading.Lock()

    def version(self) -> int | None:
        """The same as before only if nothing was committed since; None where that cannot be told. Raises what the
        database raises."""
        if self._engine.dialect.name != "sqlite":
            return None
        with self._turn:
            if self._connection is None:
                self._connection = self._engine.raw_connection()
            cursor = self._connection.cursor()
            try:
                cursor.execute("PRAGMA data_version")
                ((version,),) = cursor.fetchall()
            finally:
                cursor.close()
            return int(version)
