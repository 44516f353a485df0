"""The first schema: calls, sessions, the message tree, keys, and full-text search."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    bind = op.get_bind()
    tables = sa.MetaData()
    sa.Table(
        "projects",
        tables,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("name", sa.Text, nullable=False, unique=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    sa.Table(
        "keys",
        tables,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("project", sa.Integer, sa.ForeignKey("projects.id"), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("hash", sa.LargeBinary(32), nullable=False, unique=True),
        sa.Column("hint", sa.Text, nullable=False),
        sa.Column("models", sa.JSON),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger),
        sa.Column("revoked_at", sa.BigInteger),
    )
    sa.Table(
        "logins",
        tables,
        sa.Column("hash", sa.LargeBinary(32), primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
    )
    sa.Table(
        "bodies",
        tables,
        sa.Column("project", sa.Integer, primary_key=True),
        sa.Column("hash", sa.LargeBinary(16), primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    sa.Table(
        "messages",
        tables,
        sa.Column("project", sa.Integer, primary_key=True),
        sa.Column("id", sa.LargeBinary(16), primary_key=True),
        sa.Column("parent", sa.LargeBinary(16)),
        sa.Column("node", sa.LargeBinary(16), nullable=False),
        sa.Column("depth", sa.Integer, nullable=False),
        sa.Column("role", sa.Text, nullable=False),
        sa.Column("format", sa.Text, nullable=False),
        sa.Column("answer", sa.Boolean, nullable=False),
        sa.Column("frame", sa.LargeBinary(16), nullable=False),
        sa.Column("text", sa.LargeBinary(16)),
        sa.Index("messages_parent", "project", "parent"),
        sqlite_with_rowid=False,
    )
    sa.Table(
        "sessions",
        tables,
        sa.Column("project", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False, server_default=""),
        sa.Column("title_set", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("calls", sa.Integer, nullable=False, server_default="0"),
        sa.Column("live", sa.Integer, nullable=False, server_default="0"),
        sa.Column("turns", sa.Integer, nullable=False, server_default="0"),
        sa.Column("errors", sa.Integer, nullable=False, server_default="0"),
        sa.Column("input_tokens", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("cached_tokens", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("output_tokens", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("reasoning_tokens", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("cost", sa.BigInteger),
        sa.Column("unpriced", sa.Integer, nullable=False, server_default="0"),
        sa.Column("active", sa.BigInteger, nullable=False, server_default="0"),
        sa.Column("models", sa.JSON, nullable=False),
        sa.Column("clients", sa.JSON, nullable=False),
        sa.Column("keys", sa.JSON, nullable=False),
        sa.Column("users", sa.JSON, nullable=False),
        sa.Column("tags", sa.JSON, nullable=False),
        sa.Column("first_at", sa.BigInteger, nullable=False),
        sa.Column("last_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sa.Index("sessions_last", "project", "last_at", "id"),
        sa.Index("sessions_newest", "last_at", "id"),
        sa.Index("sessions_text", "project", "session_id"),
        sa.Index("sessions_updated", "updated_at"),
    )
    sa.Table(
        "session_bodies",
        tables,
        sa.Column("project", sa.Integer, primary_key=True),
        sa.Column("hash", sa.LargeBinary(16), primary_key=True),
        sa.Column("session", sa.Text, primary_key=True),
        sa.Index("session_bodies_session", "project", "session"),
        sqlite_with_rowid=False,
    )
    sa.Table(
        "facets",
        tables,
        sa.Column("project", sa.Integer, primary_key=True),
        sa.Column("kind", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, primary_key=True),
        sa.Column("session", sa.Text, primary_key=True),
        sa.Index("facets_session", "project", "session"),
        sqlite_with_rowid=False,
    )
    sa.Table(
        "calls",
        tables,
        sa.Column("project", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("session", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("rule", sa.Text, nullable=False),
        sa.Column("key_id", sa.Text, nullable=False),
        sa.Column("parent", sa.Text),
        sa.Column("turn", sa.Integer, nullable=False),
        sa.Column("base_depth", sa.Integer, nullable=False, server_default="0"),
        sa.Column("above", sa.Integer, nullable=False, server_default="0"),
        sa.Column("conversation", sa.Text),
        sa.Column("edit", sa.Integer),
        sa.Column("endpoint", sa.Text, nullable=False),
        sa.Column("stream", sa.Boolean, nullable=False),
        sa.Column("client", sa.Text, nullable=False),
        sa.Column("user", sa.Text, nullable=False),
        sa.Column("agent", sa.Text, nullable=False, server_default=""),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("finished_at", sa.BigInteger),
        sa.Column("ttft", sa.BigInteger),
        sa.Column("http_status", sa.Integer),
        sa.Column("provider", sa.Text),
        sa.Column("deployment", sa.Text),
        sa.Column("upstream_model", sa.Text),
        sa.Column("finish_reason", sa.Text),
        sa.Column("response_id", sa.Text),
        sa.Column("error_type", sa.Text),
        sa.Column("error_message", sa.Text),
        sa.Column("attempts", sa.JSON),
        sa.Column("input_tokens", sa.BigInteger),
        sa.Column("cached_tokens", sa.BigInteger),
        sa.Column("output_tokens", sa.BigInteger),
        sa.Column("reasoning_tokens", sa.BigInteger),
        sa.Column("estimated", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("cost", sa.BigInteger),
        sa.Column("leaf", sa.LargeBinary(16)),
        sa.Column("leaf_node", sa.LargeBinary(16)),
        sa.Column("output", sa.LargeBinary(16)),
        sa.Column("output_node", sa.LargeBinary(16)),
        sa.Column("input_depth", sa.Integer, nullable=False, server_default="0"),
        sa.Column("writer", sa.Text, nullable=False),
        sa.Index("calls_session", "project", "session", "created_at", "id"),
        sa.Index("calls_created", "project", "created_at", "id"),
        sa.Index("calls_newest", "created_at", "id"),
        sa.Index(
            "calls_output",
            "project",
            "output_node",
            sqlite_where=sa.text("output_node IS NOT NULL"),
            postgresql_where=sa.text("output_node IS NOT NULL"),
        ),
        sa.Index(
            "calls_leaf",
            "project",
            "leaf_node",
            sqlite_where=sa.text("leaf_node IS NOT NULL"),
            postgresql_where=sa.text("leaf_node IS NOT NULL"),
        ),
        sa.Index(
            "calls_live",
            "writer",
            sqlite_where=sa.text("status = 'live'"),
            postgresql_where=sa.text("status = 'live'"),
        ),
    )
    sa.Table(
        "exchanges",
        tables,
        sa.Column("project", sa.Integer, primary_key=True),
        sa.Column("call_id", sa.Text, primary_key=True),
        sa.Column("request", sa.LargeBinary, nullable=False),
        sa.Column("request_headers", sa.JSON, nullable=False),
        sa.Column("response", sa.LargeBinary),
        sa.Column("response_headers", sa.JSON),
        sa.Column("raw", sa.LargeBinary),
    )
    sa.Table(
        "forgotten",
        tables,
        sa.Column("project", sa.Integer, primary_key=True),
        sa.Column("call_id", sa.Text, primary_key=True),
        sqlite_with_rowid=False,
    )
    sa.Table(
        "conversations",
        tables,
        sa.Column("project", sa.Integer, primary_key=True),
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("metadata", sa.JSON, nullable=False),
        sa.Column("edit", sa.Integer, nullable=False),
        sa.Column("base", sa.Text, nullable=False),
        sa.Column("head", sa.Text, nullable=False),
        sqlite_with_rowid=False,
    )
    sa.Table(
        "conversation_items",
        tables,
        sa.Column("project", sa.Integer, primary_key=True),
        sa.Column("conversation", sa.Text, primary_key=True),
        sa.Column("position", sa.Integer, primary_key=True),
        sa.Column("item", sa.LargeBinary, nullable=False),
    )
    sa.Table(
        "partials",
        tables,
        sa.Column("project", sa.Integer, primary_key=True),
        sa.Column("call_id", sa.Text, primary_key=True),
        sa.Column("seq", sa.Integer, primary_key=True),
        sa.Column("data", sa.LargeBinary, nullable=False),
    )
    sa.Table(
        "cursors",
        tables,
        sa.Column("writer", sa.Text, primary_key=True),
        sa.Column("segment", sa.Integer, nullable=False),
        sa.Column("offset", sa.BigInteger, nullable=False),
    )
    sa.Table(
        "set_aside",
        tables,
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("at", sa.BigInteger, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    )
    sa.Table(
        "search_docs",
        tables,
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("project", sa.Integer, nullable=False),
        sa.Column("call_id", sa.Text, nullable=False),
        sa.Column("answer", sa.Boolean, nullable=False),
        sa.Index("search_docs_call", "project", "call_id", "answer", unique=True),
    )
    tables.create_all(bind)
    if bind.dialect.name == "sqlite":
        op.execute("CREATE VIRTUAL TABLE search_text USING fts5(text, content='', columnsize=0)")
        op.execute(
            "INSERT INTO search_text(search_text, rank) VALUES ('automerge', 2)"
        )  # few segments: small, quick to ask
    else:
        op.execute("CREATE TABLE search_text (id integer PRIMARY KEY, words tsvector NOT NULL)")
        op.execute("CREATE INDEX search_text_words ON search_text USING gin (words)")
