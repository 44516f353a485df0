"""The pages: what passed by minute, hour and day, and saved views."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
_KEY = ("project", "step", "at", "key_id", "model", "client", "provider", "status")
_SUMS = ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens", "cost", "unpriced", "duration")


def upgrade() -> None:
    tables = sa.MetaData()
    big = sa.BigInteger
    sa.Table(
        "traffic",
        tables,
        sa.Column("project", sa.Integer, primary_key=True),
        sa.Column("step", sa.Integer, primary_key=True),
        sa.Column("at", big, primary_key=True),
        *(sa.Column(name, sa.Text, primary_key=True) for name in ("key_id", "model", "client", "provider", "status")),
        sa.Column("calls", sa.Integer, nullable=False),
        *(sa.Column(name, sa.Integer if name == "unpriced" else big, nullable=False) for name in _SUMS),
        sqlite_with_rowid=False,
    )
    sa.Table(
        "views",
        tables,
        sa.Column("project", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("name", "page", "query")),
        sa.Column("created_at", big, nullable=False),
    )
    tables.create_all(op.get_bind())
    for name in ("first_at", "cost", "calls", "turns", "errors", "active", "input_tokens", "output_tokens"):
        op.create_index(f"sessions_{name}", "sessions", ["project", name, "id"])
    long = sa.text("last_at - first_at > 86400000000")
    op.create_index("sessions_long", "sessions", ["project", "last_at", "id"], sqlite_where=long, postgresql_where=long)
    if op.get_bind().dialect.name == "sqlite":  # the index's words in order: see store.search
        op.execute("CREATE VIRTUAL TABLE search_text_words USING fts5vocab(search_text, instance)")
        every = "json_each(tags) t"
    else:
        every = "json_array_elements_text(tags) t(value)"
    tags = f"SELECT DISTINCT project, 'tag', t.value, sessions.id FROM sessions, {every}"  # noqa: S608
    op.execute(f"INSERT INTO facets (project, kind, value, session) {tags}")
    for statement in count_traffic():
        op.execute(statement)


def count_traffic() -> list[str]:
    """What passed before, from the calls that are there; minutes only of the last two days with calls."""
    return [_counted(step) for step in (60, 3600, 86400)]


def _counted(step: int) -> str:
    recent = "AND created_at >= (SELECT max(created_at) FROM calls) - 172800000000" if step == 60 else ""
    width = step * 1_000_000
    return f"""
        INSERT INTO traffic ({", ".join(_KEY)}, calls, {", ".join(_SUMS)})
        SELECT project, {step}, created_at / {width} * {width}, key_id, substr(model, 1, 200),
            substr(client, 1, 200), substr(coalesce(provider, ''), 1, 200),
            CASE WHEN status IN ('upstream_error', 'timeout', 'rejected') THEN 'errors'
                WHEN status IN ('client_closed', 'interrupted') THEN 'cut' ELSE 'ok' END,
            count(*), {", ".join(f"coalesce(sum({name}), 0)" for name in _SUMS[:5])},
            sum(CASE WHEN cost IS NULL AND status = 'ok' THEN 1 ELSE 0 END),
            sum(CASE WHEN finished_at > created_at THEN finished_at - created_at ELSE 0 END)
        FROM calls WHERE status <> 'live' {recent}
        GROUP BY 1, 2, 3, 4, 5, 6, 7, 8
    """  # noqa: S608
