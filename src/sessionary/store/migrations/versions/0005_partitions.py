"""Speed: on PostgreSQL calls and what was said in them are partitioned by time; what was there is one partition."""

import time

import sqlalchemy as sa
from alembic import op

from sessionary import ids

revision = "0005"
down_revision = "0004"
_LENGTH_MS = 28 * 86_400_000


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        return
    bound = ids.first_call_id((time.time_ns() // 1_000_000 // _LENGTH_MS + 1) * _LENGTH_MS)
    for table, key in (("calls", "id"), ("exchanges", "call_id")):
        _partition(table, key, bound)


def _partition(table: str, key: str, bound: str) -> None:
    """Indexes stay as they are. What is of a time to come goes into the default."""
    before, default = f"{table}_before", f"{table}_default"
    named = sa.text(
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = current_schema() AND tablename = :name"
    )
    indexes = op.get_bind().execute(named, {"name": table}).all()
    op.rename_table(table, before)
    for name, _ in indexes:
        op.execute(f"ALTER INDEX {name} RENAME TO before_{name}")
    op.execute(f"CREATE TABLE {table} (LIKE {before} INCLUDING DEFAULTS) PARTITION BY RANGE ({key})")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY (project, {key})")
    for name, definition in indexes:
        if name != f"{table}_pkey":
            op.execute(definition.replace(":", "\\:"))
    op.execute(f"CREATE TABLE {default} PARTITION OF {table} DEFAULT")
    if op.get_bind().execute(sa.text(f"SELECT 1 FROM {before} LIMIT 1")).first() is None:  # noqa: S608
        op.drop_table(before)
        return
    later = f"WITH later AS (DELETE FROM {before} WHERE {key} >= '{bound}' RETURNING *)"  # noqa: S608
    op.execute(f"{later} INSERT INTO {default} SELECT * FROM later")  # noqa: S608
    op.execute(f"ALTER TABLE {table} ATTACH PARTITION {before} FOR VALUES FROM (MINVALUE) TO ('{bound}')")
