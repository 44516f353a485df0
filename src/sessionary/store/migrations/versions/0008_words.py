"""SQLite: which documents of the search index have the words of older rules, by which it forgets them."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    if op.get_bind().dialect.name != "sqlite":
        return
    last = op.get_bind().scalar(sa.text("SELECT max(id) FROM search_docs"))
    if last is not None:
        op.get_bind().execute(sa.text("INSERT INTO versions (name, version) VALUES ('words', :last)"), {"last": last})
