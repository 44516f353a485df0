"""PostgreSQL: texts that are searched have numbers that several gateways may take at the same time."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    if op.get_bind().dialect.name == "sqlite":
        return
    op.execute("CREATE SEQUENCE search_docs_next OWNED BY search_docs.id")
    last = sa.text("SELECT setval('search_docs_next', coalesce(max(id), 0) + 1, false) FROM search_docs")
    op.get_bind().execute(last)
