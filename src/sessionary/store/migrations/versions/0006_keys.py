"""Keys: a session's id may be of any length on PostgreSQL, and whatever grows has its project first in its key."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        _rebuild_docs()
        return
    op.drop_index("sessions_text", "sessions")
    op.create_index("sessions_hash", "sessions", ["session_id"], postgresql_using="hash")
    op.execute("ALTER TABLE search_docs DROP CONSTRAINT search_docs_pkey")
    op.execute("ALTER TABLE search_docs ADD CONSTRAINT search_docs_pkey PRIMARY KEY USING INDEX search_docs_call")
    op.execute("ALTER TABLE search_docs ALTER id DROP DEFAULT")
    op.execute("DROP SEQUENCE search_docs_id_seq")
    op.create_index("search_docs_id", "search_docs", ["id"])
    _give_texts_projects()


def _rebuild_docs() -> None:
    tables = sa.MetaData()
    docs = sa.Table(
        "search_docs_new",
        tables,
        sa.Column("project", sa.Integer, primary_key=True),
        sa.Column("call_id", sa.Text, primary_key=True),
        sa.Column("answer", sa.Boolean, primary_key=True),
        sa.Column("id", sa.Integer, nullable=False),
        sqlite_with_rowid=False,
    )
    docs.create(op.get_bind())
    columns = "project, call_id, answer, id"
    op.execute(f"INSERT INTO search_docs_new ({columns}) SELECT {columns} FROM search_docs ORDER BY {columns}")  # noqa: S608
    op.drop_table("search_docs")
    op.rename_table("search_docs_new", "search_docs")
    op.create_index("search_docs_id", "search_docs", ["id"])


def _give_texts_projects() -> None:
    """What most of them have is every row's without writing any: there is most often one project. It stays the default
    for gateways of the version before, which may go on for a while, and say none."""
    counted = "SELECT project FROM search_docs GROUP BY project ORDER BY count(*) DESC LIMIT 1"
    found = op.get_bind().scalar(sa.text(counted))
    most = found or 0
    op.execute(f"ALTER TABLE search_text ADD project integer NOT NULL DEFAULT {most:d}")
    others = f"d.id = t.id AND d.project <> {most:d}"
    op.execute(f"UPDATE search_text t SET project = d.project FROM search_docs d WHERE {others}")  # noqa: S608
    op.execute("ALTER TABLE search_text DROP CONSTRAINT search_text_pkey, ADD PRIMARY KEY (project, id)")
    if found is None:
        op.execute("ALTER TABLE search_text ALTER project DROP DEFAULT")
