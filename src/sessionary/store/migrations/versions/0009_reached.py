"""Gateways say until when they have stored all that they recorded."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("cursors", sa.Column("reached", sa.BigInteger, nullable=False, server_default="0"))
