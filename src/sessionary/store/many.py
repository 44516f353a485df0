"""Being one of many values: as one parameter, so that a statement is the same however many there are."""

from collections.abc import Collection
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql


def among(connection: sa.Connection, column: sa.ColumnElement[Any], values: Collection[str | int]) -> Any:
    """A condition that either engine answers by the index on `column`."""
    if connection.dialect.name == "postgresql":
        return column == sa.any_(
            sa.cast(sa.literal(list(values), postgresql.ARRAY(column.type)), postgresql.ARRAY(column.type))
        )
    every = sa.func.json_each(msgspec.json.encode(list(values)).decode()).table_valued("value")
    return column.in_(sa.select(every.c.value))
