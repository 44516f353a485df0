"""How many bytes a database holds. Free pages do not count: what is deleted makes room for what comes.

SQLite knows. PostgreSQL knows how large its tables and indexes are, but not what of them is in use: of the tables that
grow, the rows of some pages are measured, and a table that is half empty is taken to have half empty indexes.
"""

import sqlalchemy as sa

_GROWING = ("bodies", "messages", "calls", "exchanges", "sessions", "search_docs", "search_text")
_PAGES = 500
"""Of a table that are read."""
_HEAD = 28
"""Bytes that a row has beside its values."""
_SQLITE = sa.text(
    "SELECT (page_count - freelist_count) * page_size FROM pragma_page_count, pragma_freelist_count, pragma_page_size"
)
_SIZES = sa.text(
    "SELECT c.relname AS name, coalesce(p.relname, c.relname) AS whose,"
    " pg_table_size(c.oid) AS data, pg_total_relation_size(c.oid) AS whole,"
    " pg_relation_size(c.oid) / current_setting('block_size')::int AS pages"
    " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
    " LEFT JOIN pg_inherits i ON i.inhrelid = c.oid LEFT JOIN pg_class p ON p.oid = i.inhparent"
    " WHERE c.relkind = 'r' AND n.nspname = current_schema()"
)


def used(connection: sa.Connection) -> int:
    """Bytes; of PostgreSQL about. Takes as long for a large database as for a small one."""
    if connection.dialect.name == "sqlite":
        return int(connection.execute(_SQLITE).scalar_one())
    total = 0
    for name, whose, data, whole, pages in connection.execute(_SIZES).all():
        if whose in _GROWING and data:
            percent = min(100.0, 100.0 * _PAGES / max(1, pages))
            rows = sa.text(
                f"SELECT sum(pg_column_size(t.*) + {_HEAD}) FROM {name} t TABLESAMPLE SYSTEM ({percent})"  # noqa: S608
            )
            held = int(connection.execute(rows).scalar() or 0) * 100 / percent
            total += round(whole * min(1.0, held / data))
        else:
            total += whole
    return total
