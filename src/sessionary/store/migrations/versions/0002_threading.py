"""Threading by content: how a call found its session, agents, merged sessions, and what deleting has yet to do."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    no, yes = sa.false(), sa.true()
    _add("keys", sa.Column("threading", sa.Boolean, nullable=False, server_default=yes))
    _add("sessions", sa.Column("branches", sa.Integer, nullable=False, server_default="0"))
    _add("sessions", sa.Column("agents", sa.Integer, nullable=False, server_default="0"))
    _add("sessions", sa.Column("continues", sa.Text))
    for name in ("home", "origin", "origin_kind", "origin_tool"):
        _add("calls", sa.Column(name, sa.Text))
    for name in ("agent_name", "agent_parent"):
        _add("calls", sa.Column(name, sa.Text, nullable=False, server_default=""))
    for name in ("side", "ambiguous", "continued"):
        _add("calls", sa.Column(name, sa.Boolean, nullable=False, server_default=no))
    _add("calls", sa.Column("scope", sa.Integer, nullable=False, server_default="0"))
    _add("calls", sa.Column("evidence", sa.JSON))
    for name in ("answer_key", "prompt_key", "summary_key"):
        _add("calls", sa.Column(name, sa.LargeBinary(16)))
    for name in ("output", "leaf"):
        op.drop_index(f"calls_{name}", "calls")
    for name, column in (("output", "output_node"), ("leaf", "leaf_node"), ("answer", "answer_key")):
        _index(f"calls_{name}", ["project", column, "scope", "created_at"], f"{column} IS NOT NULL")
    _index("calls_summary", ["project", "summary_key"], "summary_key IS NOT NULL")
    tables = sa.MetaData()
    sa.Table(
        "spawns",
        tables,
        sa.Column("project", sa.Integer, primary_key=True),
        sa.Column("prompt", sa.LargeBinary(16), primary_key=True),
        sa.Column("call_id", sa.Text, primary_key=True),
        sa.Column("tool_call", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("taken", sa.Text),
        sa.Index("spawns_call", "project", "call_id"),
        sqlite_with_rowid=False,
    )
    sa.Table(
        "merged",
        tables,
        sa.Column("project", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("session", sa.Text, nullable=False),
        sa.Index("merged_session", "project", "session"),
        sqlite_with_rowid=False,
    )
    sa.Table(
        "rates",
        tables,
        sa.Column("project", sa.Integer, primary_key=True),
        sa.Column("day", sa.Integer, primary_key=True),
        sa.Column("client", sa.Text, primary_key=True),
        sa.Column("rule", sa.Text, primary_key=True),
        sa.Column("calls", sa.Integer, nullable=False),
        sa.Column("ambiguous", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    sa.Table(
        "unneeded",
        tables,
        sa.Column("project", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("ref", sa.LargeBinary, primary_key=True),
        sqlite_with_rowid=False,
    )
    sa.Table(
        "versions",
        tables,
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("version", sa.Integer, nullable=False),
    )
    tables.create_all(op.get_bind())


def _add(table: str, column: "sa.Column[object]") -> None:
    op.add_column(table, column)


def _index(name: str, columns: list[str], where: str) -> None:
    op.create_index(name, "calls", columns, sqlite_where=sa.text(where), postgresql_where=sa.text(where))
