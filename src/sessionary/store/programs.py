"""A calling program by its name. Stored is what it says of itself, version included (`Claude Code 2.0.58`, see
`sessions.clients`); people look for the program. So filters, facets and health cut the version off when they read.

The version is what stands behind the last space, where that begins with a digit. Pure; SQL cuts as Python does.
"""

import sqlalchemy as sa

_DIGITS = tuple("0123456789")


def program(client: str) -> str:
    """`Claude Code 2.0.58` -> `Claude Code`; what has no version stays as it is."""
    name, _, version = client.rpartition(" ")
    return name if name and version.startswith(_DIGITS) else client


def program_of(client: sa.ColumnElement[str]) -> sa.ColumnElement[str]:
    """The same of a column."""
    front = sa.func.rtrim(client, sa.func.replace(client, " ", ""), type_=sa.Text)  # up to its last space
    size = sa.func.length(front)
    versioned = sa.and_(size > 1, sa.func.substr(client, size + 1, 1).in_(_DIGITS))
    return sa.case((versioned, sa.func.substr(front, 1, size - 1)), else_=client)
