"""Why a database cannot be used, in words for people: what it says itself, which never has a password or a value in it.

A statement that it does not understand is none of this: that is a fault of ours, and is shown whole.
"""

import sqlite3
from typing import Any, NamedTuple

import sqlalchemy as sa

_REACH = "look whether it runs, and at its address, user and password"
_STATES = {
    "08": ("cannot be reached, or refuses", _REACH),
    "25006": ("cannot be written", "name a server that is written to, and a user who may"),
    "28": ("cannot be reached, or refuses", _REACH),
    "3D": ("cannot be reached, or refuses", _REACH),
    "3F": ("cannot be written", "make the schema that search_path names, or take it out of the address"),
    "42501": ("does not let this user", "make it the user's own, by ALTER DATABASE name OWNER TO user"),
    "53": ("has no room", "make room for it, or let it have more connections"),
    "55P03": ("took too long", "look what keeps it busy, and at lock_timeout"),
    "57014": ("took too long", "look what keeps it busy, and at statement_timeout"),
    "57": ("cannot be reached, or refuses", _REACH),
    "58": ("is damaged, or its disk is", "look at the server's log"),
}
"""By SQLSTATE, or its class."""
_FILES = {
    sqlite3.SQLITE_BUSY: ("is locked", "look what else has it open"),
    sqlite3.SQLITE_CANTOPEN: ("cannot be opened", "look at its file and folder, and whose they are"),
    sqlite3.SQLITE_CORRUPT: ("is damaged, or no database", "bring back a copy of it, or move it away"),
    sqlite3.SQLITE_FULL: ("has no room", "make room on its disk"),
    sqlite3.SQLITE_IOERR: ("cannot be read or written", "look at its disk"),
    sqlite3.SQLITE_NOTADB: ("is damaged, or no database", "bring back a copy of it, or move it away"),
    sqlite3.SQLITE_PERM: ("cannot be opened", "look at its file and folder, and whose they are"),
    sqlite3.SQLITE_READONLY: ("cannot be written", "give its file and folder to the user who serves"),
}
"""By SQLite's result code."""


class Trouble(NamedTuple):
    said: str
    """What is said of the database: `cannot be reached, or refuses (…)`."""
    do: str
    """What to do about it."""

    def __str__(self) -> str:
        return f"The database {self.said}: {self.do}"


def trouble(error: BaseException) -> Trouble | None:
    """Of what SQLAlchemy or a driver raises; None where that, or anything else, is no trouble of the database's."""
    orig: Any = error.orig if isinstance(error, sa.exc.DBAPIError) else error
    if isinstance(orig, sqlite3.Error):
        found = _FILES.get(getattr(orig, "sqlite_errorcode", 0) & 0xFF)
    elif not hasattr(orig, "sqlstate"):  # of no driver
        return None
    elif orig.sqlstate is not None:
        found = _STATES.get(orig.sqlstate) or _STATES.get(orig.sqlstate[:2])
    else:  # the driver says it itself: of a connection, if there was one
        connecting = isinstance(error, sa.exc.DBAPIError) and error.statement is None
        found = _STATES["08"] if connecting or orig.__class__.__name__ == "OperationalError" else None
    return Trouble(f"{found[0]} ({_words(orig)})", found[1]) if found else None


def _words(error: BaseException) -> str:
    """On a line, without the statement, and without a driver's questions."""
    told = getattr(getattr(error, "diag", None), "message_primary", None) or str(error)
    lines = [" ".join(line.split()) for line in told.splitlines() if not line.startswith("\t")]
    return " ".join(lines).removeprefix("connection failed: ").removeprefix("connection is bad: ")
