"""Trust: what the log has of a key's calls and how much it may ask for, the audit log, the ledger, emptied sessions."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    big = sa.BigInteger
    op.add_column("keys", sa.Column("capture", sa.Text, nullable=False, server_default="full"))
    op.add_column("keys", sa.Column("limits", sa.JSON))
    op.add_column("calls", sa.Column("unkept", sa.Text, nullable=False, server_default=""))
    op.add_column("sessions", sa.Column("emptied_at", big))
    op.add_column("sessions", sa.Column("contents", sa.Boolean, nullable=False, server_default=sa.true()))
    op.create_index(
        "sessions_contents",
        "sessions",
        ["last_at", "id"],
        sqlite_where=sa.text("contents = 1"),
        postgresql_where=sa.text("contents"),
    )
    op.add_column("cursors", sa.Column("gateway", sa.Text, nullable=False, server_default=""))
    for name in ("begun", "stored", "set_aside", "damaged"):
        op.add_column("cursors", sa.Column(name, big, nullable=False, server_default="0"))
    op.add_column("set_aside", sa.Column("call_id", sa.Text))
    op.create_index("set_aside_call", "set_aside", ["call_id"])
    tables = sa.MetaData()
    sa.Table(
        "audit",
        tables,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("at", big, nullable=False),
        sa.Column("project", sa.Integer),
        *(sa.Column(name, sa.Text, nullable=False) for name in ("actor", "actor_name", "action", "target")),
        sa.Column("detail", sa.JSON, nullable=False),
        sa.Index("audit_project", "project", "id"),
    )
    sa.Table(
        "ledger",
        tables,
        sa.Column("gateway", sa.Text, primary_key=True),
        *(sa.Column(name, big, nullable=False) for name in ("begun", "stored", "set_aside", "damaged")),
    )
    sa.Table(
        "deleted",
        tables,
        sa.Column("project", sa.Integer, primary_key=True),
        sa.Column("session", sa.Text, primary_key=True),
        sa.Column("at", big, nullable=False),
        sqlite_with_rowid=False,
    )
    tables.create_all(op.get_bind())
