"""The counters' tables. They are made at start and never migrated: a changed table takes a new name.

limits_keys       what is in a key's buckets (see `arithmetic`)
limits_reserved   calls that are not settled; `open`: being answered, and counted by `concurrent`
limits_spent      what a key spent in a period, since a call of it first asked
limits_sessions   what a session used, since a call of it first asked
limits_histories  which session a call was of, by what it sent (see `histories`): for calls that name none
limits_writers    workers that lately said that they live: for the gateways of other hosts
"""

import sqlalchemy as sa

metadata = sa.MetaData()
_big = sa.BigInteger

keys = sa.Table(
    "limits_keys",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("calls", _big),  # arithmetic.Bucket.level; null: not limited when it last called
    sa.Column("calls_at", _big),
    sa.Column("tokens", _big),
    sa.Column("tokens_at", _big),
)

reserved = sa.Table(
    "limits_reserved",
    metadata,
    sa.Column("call_id", sa.Text, primary_key=True),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("project", sa.Integer, nullable=False),
    sa.Column("session", sa.Text, nullable=False),
    sa.Column("writer", sa.Text, nullable=False),  # whose folder of the spool the call is in
    sa.Column("at", _big, nullable=False),
    sa.Column("tokens", _big, nullable=False),
    sa.Column("cost", _big, nullable=False),
    sa.Column("open", sa.Boolean, nullable=False),
    sa.Index("limits_reserved_key", "key_id"),
    sa.Index("limits_reserved_session", "project", "session"),
    sa.Index("limits_reserved_writer", "writer"),
)

spent = sa.Table(
    "limits_spent",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("begins", _big, primary_key=True),
    sa.Column("ends", _big, primary_key=True),
    sa.Column("cost", _big, nullable=False),
)

sessions = sa.Table(
    "limits_sessions",
    metadata,
    sa.Column("project", sa.Integer, primary_key=True),
    sa.Column("session", sa.Text, primary_key=True),
    sa.Column("calls", _big, nullable=False),
    sa.Column("tokens", _big, nullable=False),
    sa.Column("cost", _big, nullable=False),
    sa.Column("at", _big, nullable=False),  # when a call of it last asked
    sa.Index("limits_sessions_at", "at"),
)

histories = sa.Table(
    "limits_histories",
    metadata,
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("history", sa.LargeBinary, primary_key=True),
    sa.Column("session", sa.Text, nullable=False),
    sa.Column("call_id", sa.Text, nullable=False),  # the newest that sent it
    sa.Column("at", _big, nullable=False),
    sa.Index("limits_histories_call", "call_id"),
    sa.Index("limits_histories_at", "at"),
)

writers = sa.Table(
    "limits_writers",
    metadata,
    sa.Column("writer", sa.Text, primary_key=True),
    sa.Column("seen_at", _big, nullable=False),
)
