"""The tables. Written for SQLite and PostgreSQL; `migrations/` creates exactly these.

The message tree is `messages`. Each row is one message at one place in a history, *exactly as sent*:

    id   = digest(parent id,   digest(wire bytes))      equal only for the same bytes in the same history
    node = digest(parent node, meaning of the message)  equal for the same meaning in the same history

So a call is read back exactly by walking `id`, and threaded by comparing `node`; a new normalisation rule
changes `node` and nothing else. Both chains start at `ids.root_node(project)`, which scopes them to the project.
The wire bytes are in `bodies`, once per project however often they are sent.

Times are microseconds since 1970 (UTC), durations microseconds, money nano-dollars (10^-9 USD; null = unknown).
`project` leads the primary key of every table that grows, so that a sharded PostgreSQL can distribute by it.
An entry of a PostgreSQL index has an end, at some 2,700 bytes: what clients write is cut before it gets into one, at
`LONGEST` characters at most, or is in one by its hash.
"""

import sqlalchemy as sa

metadata = sa.MetaData()
_big = sa.BigInteger
_hash = sa.LargeBinary(16)
LONGEST = 500
"""Characters of a text that is part of a key: in UTF-8 at most four bytes each."""

projects = sa.Table(
    "projects",
    metadata,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, nullable=False, unique=True),
    sa.Column("created_at", _big, nullable=False),
)

keys = sa.Table(
    "keys",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # key_…
    sa.Column("project", sa.Integer, sa.ForeignKey("projects.id"), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("hash", sa.LargeBinary(32), nullable=False, unique=True),  # SHA-256 of the key
    sa.Column("hint", sa.Text, nullable=False),  # sk-ses-…last four, for people
    sa.Column("models", sa.JSON),  # list of allowed patterns; null = all
    sa.Column("created_at", _big, nullable=False),
    sa.Column("expires_at", _big),
    sa.Column("revoked_at", _big),
    sa.Column("threading", sa.Boolean, nullable=False, server_default=sa.true()),  # of calls without a session's id
    sa.Column("capture", sa.Text, nullable=False, server_default="full"),  # full | metadata
    sa.Column("limits", sa.JSON),  # settings.Limits; null = those of the configuration
)

audit = sa.Table(  # who did what to keys, projects and what is stored: only ever added to
    "audit",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # audit_…, in the order of time
    sa.Column("at", _big, nullable=False),
    sa.Column("project", sa.Integer),  # that it concerns; null: the whole gateway
    sa.Column("actor", sa.Text, nullable=False),  # a key's id, `master`, or `command` for the command line
    sa.Column("actor_name", sa.Text, nullable=False),  # for people, as it was then
    sa.Column("action", sa.Text, nullable=False),  # key.create, session.delete, …
    sa.Column("target", sa.Text, nullable=False),  # the id of what it was done to
    sa.Column("detail", sa.JSON, nullable=False),  # what was changed; never contents, never a secret
    sa.Index("audit_project", "project", "id"),
)

logins = sa.Table(  # one-time links (kind "link") and browser sessions (kind "cookie")
    "logins",
    metadata,
    sa.Column("hash", sa.LargeBinary(32), primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("key_id", sa.Text, nullable=False),  # "master" or keys.id
    sa.Column("created_at", _big, nullable=False),
    sa.Column("expires_at", _big, nullable=False),
)

bodies = sa.Table(
    "bodies",
    metadata,
    sa.Column("project", sa.Integer, primary_key=True),
    sa.Column("hash", _hash, primary_key=True),  # digest of the uncompressed bytes
    sa.Column("data", sa.LargeBinary, nullable=False),  # see store.pack
)

messages = sa.Table(
    "messages",
    metadata,
    sa.Column("project", sa.Integer, primary_key=True),
    sa.Column("id", _hash, primary_key=True),
    sa.Column("parent", _hash),  # null at depth 1
    sa.Column("node", _hash, nullable=False),
    sa.Column("depth", sa.Integer, nullable=False),  # 1 for the first message after the preamble
    sa.Column("role", sa.Text, nullable=False),
    sa.Column("format", sa.Text, nullable=False),  # see wire.reading
    sa.Column("answer", sa.Boolean, nullable=False),
    sa.Column("frame", _hash, nullable=False),  # hashes of bodies: see wire.literal
    sa.Column("text", _hash),
    sa.Index("messages_parent", "project", "parent"),
    sqlite_with_rowid=False,
)

sessions = sa.Table(
    "sessions",
    metadata,
    sa.Column("project", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),  # ses_…
    sa.Column("session_id", sa.Text, nullable=False),  # as the client sent it
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("title", sa.Text, nullable=False, server_default=""),
    sa.Column("title_set", sa.Boolean, nullable=False, server_default=sa.false()),  # by a person or a client
    sa.Column("status", sa.Text, nullable=False),  # live | ok | errors | cut
    sa.Column("calls", sa.Integer, nullable=False, server_default="0"),
    sa.Column("live", sa.Integer, nullable=False, server_default="0"),
    sa.Column("turns", sa.Integer, nullable=False, server_default="0"),
    sa.Column("errors", sa.Integer, nullable=False, server_default="0"),
    sa.Column("input_tokens", _big, nullable=False, server_default="0"),
    sa.Column("cached_tokens", _big, nullable=False, server_default="0"),
    sa.Column("output_tokens", _big, nullable=False, server_default="0"),
    sa.Column("reasoning_tokens", _big, nullable=False, server_default="0"),
    sa.Column("cost", _big),  # sum of the calls whose price is known; null when none is
    sa.Column("unpriced", sa.Integer, nullable=False, server_default="0"),  # finished calls without a price
    sa.Column("active", _big, nullable=False, server_default="0"),  # sum of the calls' durations
    sa.Column("models", sa.JSON, nullable=False),
    sa.Column("clients", sa.JSON, nullable=False),
    sa.Column("keys", sa.JSON, nullable=False),
    sa.Column("users", sa.JSON, nullable=False),
    sa.Column("tags", sa.JSON, nullable=False),
    sa.Column("first_at", _big, nullable=False),
    sa.Column("last_at", _big, nullable=False),
    sa.Column("updated_at", _big, nullable=False),  # when this row was last written: the live tail reads by it
    sa.Column("branches", sa.Integer, nullable=False, server_default="0"),  # beside the first
    sa.Column("agents", sa.Integer, nullable=False, server_default="0"),  # beside the one that people talk to
    sa.Column("continues", sa.Text),  # a call of the session that this one goes on from under another id, or replays
    sa.Column("emptied_at", _big),  # when what was said in it was deleted, and its calls and costs were kept
    sa.Column("contents", sa.Boolean, nullable=False, server_default=sa.true()),  # whether there may be any to delete
    sa.Index("sessions_last", "project", "last_at", "id"),
    sa.Index("sessions_newest", "last_at", "id"),  # the same for the master, who sees every project
    sa.Index("sessions_text", "project", "session_id").ddl_if(dialect="sqlite"),
    sa.Index("sessions_hash", "session_id", postgresql_using="hash").ddl_if(dialect="postgresql"),  # of any length
    sa.Index("sessions_updated", "updated_at"),
    *(
        sa.Index(f"sessions_{name}", "project", name, "id")  # lists in these orders
        for name in ("first_at", "cost", "calls", "turns", "errors", "active", "input_tokens", "output_tokens")
    ),
    sa.Index(  # those that have not lost yet what was said in them, oldest first
        "sessions_contents",
        "last_at",
        "id",
        sqlite_where=sa.text("contents = 1"),
        postgresql_where=sa.text("contents"),
    ),
    sa.Index(  # those that may have begun long before they ended
        "sessions_long",
        "project",
        "last_at",
        "id",
        sqlite_where=sa.text("last_at - first_at > 86400000000"),
        postgresql_where=sa.text("last_at - first_at > 86400000000"),
    ),
)

session_bodies = sa.Table(  # which sessions' calls need which bodies beside the tree: system prompts, tools
    "session_bodies",
    metadata,
    sa.Column("project", sa.Integer, primary_key=True),
    sa.Column("hash", _hash, primary_key=True),
    sa.Column("session", sa.Text, primary_key=True),
    sa.Index("session_bodies_session", "project", "session"),
    sqlite_with_rowid=False,
)

facets = sa.Table(  # which sessions have which model, client, key, user, tag: what list filters look up
    "facets",
    metadata,
    sa.Column("project", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),  # model | client | key | user | agent | tag
    sa.Column("value", sa.Text, primary_key=True),  # its first `LONGEST` characters
    sa.Column("session", sa.Text, primary_key=True),
    sa.Index("facets_session", "project", "session"),
    sqlite_with_rowid=False,
)

calls = sa.Table(
    "calls",
    metadata,
    sa.Column("project", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),  # call_…
    sa.Column("session", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),
    sa.Column("rule", sa.Text, nullable=False),
    sa.Column("key_id", sa.Text, nullable=False),
    sa.Column("parent", sa.Text),  # the call whose answer this one goes on from
    sa.Column("turn", sa.Integer, nullable=False),  # 1, 2, … within the session
    sa.Column("base_depth", sa.Integer, nullable=False, server_default="0"),  # messages up to here were there before
    sa.Column("above", sa.Integer, nullable=False, server_default="0"),  # messages up to here were not sent again
    sa.Column("conversation", sa.Text),
    sa.Column("edit", sa.Integer),  # of the conversation: see store.conversations
    sa.Column("endpoint", sa.Text, nullable=False),
    sa.Column("stream", sa.Boolean, nullable=False),
    sa.Column("client", sa.Text, nullable=False),
    sa.Column("user", sa.Text, nullable=False),
    sa.Column("agent", sa.Text, nullable=False, server_default=""),
    sa.Column("model", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("created_at", _big, nullable=False),
    sa.Column("finished_at", _big),
    sa.Column("ttft", _big),
    sa.Column("http_status", sa.Integer),
    sa.Column("provider", sa.Text),
    sa.Column("deployment", sa.Text),
    sa.Column("upstream_model", sa.Text),
    sa.Column("finish_reason", sa.Text),
    sa.Column("response_id", sa.Text),
    sa.Column("error_type", sa.Text),
    sa.Column("error_message", sa.Text),
    sa.Column("attempts", sa.JSON),  # see store.attempts
    sa.Column("input_tokens", _big),
    sa.Column("cached_tokens", _big),
    sa.Column("output_tokens", _big),
    sa.Column("reasoning_tokens", _big),
    sa.Column("estimated", sa.Boolean, nullable=False, server_default=sa.false()),  # tokens were counted by us
    sa.Column("cost", _big),
    sa.Column("leaf", _hash),  # messages.id of the last input message
    sa.Column("leaf_node", _hash),
    sa.Column("output", _hash),  # messages.id of the answer
    sa.Column("output_node", _hash),
    sa.Column("input_depth", sa.Integer, nullable=False, server_default="0"),
    sa.Column("writer", sa.Text, nullable=False),  # the spool writer that begun it: who to blame if it never ends
    # How it was threaded (see drain.link)
    sa.Column("home", sa.Text),  # the session that its own id names, where a person moved it to another
    sa.Column("origin", sa.Text),  # a call that it comes from, other than by going on from its answer
    sa.Column("origin_kind", sa.Text),  # spawn | compaction | retry | replay
    sa.Column("origin_tool", sa.Text),  # the id of the tool call that started it
    sa.Column("agent_name", sa.Text, nullable=False, server_default=""),  # for people
    sa.Column("agent_parent", sa.Text, nullable=False, server_default=""),  # the agent that started it; "" the main one
    sa.Column("side", sa.Boolean, nullable=False, server_default=sa.false()),  # for a title, a topic: no turn
    sa.Column("ambiguous", sa.Boolean, nullable=False, server_default=sa.false()),  # others would have done as well
    sa.Column("continued", sa.Boolean, nullable=False, server_default=sa.false()),  # another call goes on from it
    sa.Column("scope", sa.Integer, nullable=False, server_default="0"),  # of key and user: see ids.scope
    sa.Column("evidence", sa.JSON(none_as_null=True)),  # where content decided: see drain.link.Evidence
    sa.Column("answer_key", _hash),  # what the answer means, wherever it stands
    sa.Column("prompt_key", _hash),  # of the system prompt; null where there is none
    sa.Column("summary_key", _hash),  # where it was asked for a summary: see drain.compaction
    sa.Column(
        "unkept", sa.Text, nullable=False, server_default=""
    ),  # why its contents are not kept: see record.exchange
    sa.Index("calls_session", "project", "session", "created_at", "id"),
    sa.Index("calls_created", "project", "created_at", "id"),
    sa.Index("calls_newest", "created_at", "id"),
    sa.Index(
        "calls_output",
        "project",
        "output_node",
        "scope",
        "created_at",
        sqlite_where=sa.text("output_node IS NOT NULL"),
        postgresql_where=sa.text("output_node IS NOT NULL"),
    ),
    sa.Index(
        "calls_leaf",
        "project",
        "leaf_node",
        "scope",
        "created_at",
        sqlite_where=sa.text("leaf_node IS NOT NULL"),
        postgresql_where=sa.text("leaf_node IS NOT NULL"),
    ),
    sa.Index(
        "calls_answer",
        "project",
        "answer_key",
        "scope",
        "created_at",
        sqlite_where=sa.text("answer_key IS NOT NULL"),
        postgresql_where=sa.text("answer_key IS NOT NULL"),
    ),
    sa.Index(
        "calls_summary",
        "project",
        "summary_key",
        sqlite_where=sa.text("summary_key IS NOT NULL"),
        postgresql_where=sa.text("summary_key IS NOT NULL"),
    ),
    sa.Index(
        "calls_live",
        "writer",
        sqlite_where=sa.text("status = 'live'"),
        postgresql_where=sa.text("status = 'live'"),
    ),
    postgresql_partition_by="RANGE (id)",  # see store.partitions
)

exchanges = sa.Table(  # one row a call: what is not shared with other calls
    "exchanges",
    metadata,
    sa.Column("project", sa.Integer, primary_key=True),
    sa.Column("call_id", sa.Text, primary_key=True),
    sa.Column("request", sa.LargeBinary, nullable=False),  # wire.recipe.Recipe, packed
    sa.Column("request_headers", sa.JSON, nullable=False),
    sa.Column("response", sa.LargeBinary),  # wire.recipe.Recipe of the (assembled) answer, packed
    sa.Column("response_headers", sa.JSON),
    sa.Column("raw", sa.LargeBinary),  # a streamed answer's bytes as they came, packed
    postgresql_partition_by="RANGE (call_id)",
)

for _table in (calls, exchanges):
    _default = sa.DDL(f"CREATE TABLE {_table.name}_default PARTITION OF {_table.name} DEFAULT")  # type: ignore[no-untyped-call]
    sa.event.listen(_table, "after_create", _default.execute_if(dialect="postgresql"))

forgotten = sa.Table(  # calls that nothing goes on from: deleted by a client, or made with `store: false`
    "forgotten",
    metadata,
    sa.Column("project", sa.Integer, primary_key=True),
    sa.Column("call_id", sa.Text, primary_key=True),
    sqlite_with_rowid=False,
)

conversations = sa.Table(  # what a client named, and from where it goes on: see store.conversations
    "conversations",
    metadata,
    sa.Column("project", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("created_at", sa.BigInteger, nullable=False),
    sa.Column("metadata", sa.JSON, nullable=False),
    sa.Column("edit", sa.Integer, nullable=False),
    sa.Column("base", sa.Text, nullable=False),
    sa.Column("head", sa.Text, nullable=False),
    sqlite_with_rowid=False,
)

conversation_items = sa.Table(  # put in by hand since the base
    "conversation_items",
    metadata,
    sa.Column("project", sa.Integer, primary_key=True),
    sa.Column("conversation", sa.Text, primary_key=True),
    sa.Column("position", sa.Integer, primary_key=True),
    sa.Column("item", sa.LargeBinary, nullable=False),  # JSON, packed; with its id
)

spawns = sa.Table(  # tool calls that start an agent, by what they tell it: see drain.spawns
    "spawns",
    metadata,
    sa.Column("project", sa.Integer, primary_key=True),
    sa.Column("prompt", _hash, primary_key=True),
    sa.Column("call_id", sa.Text, primary_key=True),
    sa.Column("tool_call", sa.Text, primary_key=True),  # its id, the first `LONGEST` characters
    sa.Column("name", sa.Text, nullable=False),  # of the agent, for people
    sa.Column("at", _big, nullable=False),
    sa.Column("taken", sa.Text),  # the first call of the agent that it started
    sa.Index("spawns_call", "project", "call_id"),
    sqlite_with_rowid=False,
)

merged = sa.Table(  # sessions that are another's now: their ids still name it
    "merged",
    metadata,
    sa.Column("project", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("session", sa.Text, nullable=False),
    sa.Index("merged_session", "project", "session"),
    sqlite_with_rowid=False,
)

rates = sa.Table(  # how calls found their sessions, by the day and the calling program
    "rates",
    metadata,
    sa.Column("project", sa.Integer, primary_key=True),
    sa.Column("day", sa.Integer, primary_key=True),  # since 1970-01-01, UTC
    sa.Column("client", sa.Text, primary_key=True),
    sa.Column("rule", sa.Text, primary_key=True),  # of the call; `missed`: a history that no call's answer is on
    sa.Column("calls", sa.Integer, nullable=False),
    sa.Column("ambiguous", sa.Integer, nullable=False),
    sqlite_with_rowid=False,
)

traffic = sa.Table(  # what passed, by minute, hour and day: deleted sessions' calls stay counted. See store.traffic
    "traffic",
    metadata,
    sa.Column("project", sa.Integer, primary_key=True),
    sa.Column("step", sa.Integer, primary_key=True),  # seconds: 60 | 3600 | 86400
    sa.Column("at", _big, primary_key=True),  # when the step began; a call counts in that in which it began
    sa.Column("key_id", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("client", sa.Text, primary_key=True),
    sa.Column("provider", sa.Text, primary_key=True),
    sa.Column("status", sa.Text, primary_key=True),  # ok | errors | cut
    sa.Column("calls", sa.Integer, nullable=False),
    sa.Column("input_tokens", _big, nullable=False),
    sa.Column("cached_tokens", _big, nullable=False),
    sa.Column("output_tokens", _big, nullable=False),
    sa.Column("reasoning_tokens", _big, nullable=False),
    sa.Column("cost", _big, nullable=False),  # of the calls whose price is known
    sa.Column("unpriced", sa.Integer, nullable=False),  # calls without a price
    sa.Column("duration", _big, nullable=False),
    sqlite_with_rowid=False,
)

views = sa.Table(  # lists that people saved: a page's parameters under a name
    "views",
    metadata,
    sa.Column("project", sa.Integer, primary_key=True),
    sa.Column("id", sa.Text, primary_key=True),  # view_…
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("page", sa.Text, nullable=False),  # sessions | calls
    sa.Column("query", sa.Text, nullable=False),
    sa.Column("created_at", _big, nullable=False),
)

deleted = sa.Table(  # sessions that were deleted lately: the spool may still have calls of theirs. See store.edits
    "deleted",
    metadata,
    sa.Column("project", sa.Integer, primary_key=True),
    sa.Column("session", sa.Text, primary_key=True),
    sa.Column("at", _big, nullable=False),
    sqlite_with_rowid=False,
)

unneeded = sa.Table(  # what deleting has yet to look at: see store.sweep
    "unneeded",
    metadata,
    sa.Column("project", sa.Integer, primary_key=True),
    sa.Column("kind", sa.Text, primary_key=True),  # session | contents | message | body | scanned | …
    sa.Column("ref", sa.LargeBinary, primary_key=True),  # a name as UTF-8, else a hash
    sqlite_with_rowid=False,
)

versions = sa.Table(  # of what the stored hashes were made by: see wire.meaning; and the last document of older words
    "versions",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("version", sa.Integer, nullable=False),
)

partials = sa.Table(  # checkpoints of streams in flight; gone when the call ends
    "partials",
    metadata,
    sa.Column("project", sa.Integer, primary_key=True),
    sa.Column("call_id", sa.Text, primary_key=True),
    sa.Column("seq", sa.Integer, primary_key=True),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

cursors = sa.Table(  # how far the drain has read each spool writer; committed with the batch
    "cursors",
    metadata,
    sa.Column("writer", sa.Text, primary_key=True),
    sa.Column("segment", sa.Integer, nullable=False),
    sa.Column("offset", _big, nullable=False),
    sa.Column("gateway", sa.Text, nullable=False, server_default=""),  # whose writer it is: the id of a data folder
    sa.Column("begun", _big, nullable=False, server_default="0"),  # calls, as the writer numbered them
    sa.Column("stored", _big, nullable=False, server_default="0"),  # of them, as the next two
    sa.Column("set_aside", _big, nullable=False, server_default="0"),  # they could not be understood
    sa.Column("damaged", _big, nullable=False, server_default="0"),  # they could not be read from the spool any more
    sa.Column("reached", _big, nullable=False, server_default="0"),  # until when all of it is stored: see store.others
)

ledger = sa.Table(  # what became of the calls of writers that are gone: see store.ledger
    "ledger",
    metadata,
    sa.Column("gateway", sa.Text, primary_key=True),
    sa.Column("begun", _big, nullable=False),
    sa.Column("stored", _big, nullable=False),
    sa.Column("set_aside", _big, nullable=False),
    sa.Column("damaged", _big, nullable=False),
)

search_docs = sa.Table(  # the calls that search finds; their text is in the tree, the index beside this table
    "search_docs",
    metadata,
    sa.Column("project", sa.Integer, primary_key=True),
    sa.Column("call_id", sa.Text, primary_key=True),
    sa.Column("answer", sa.Boolean, primary_key=True),  # of the call's two texts: what it asked, what it was told
    sa.Column("id", sa.Integer, nullable=False),  # of the document, in the order in which they came: no other has it
    sa.Index("search_docs_id", "id"),
    sqlite_with_rowid=False,
)

set_aside = sa.Table(  # records that could not be understood: kept, with the reason
    "set_aside",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),  # writer/segment/offset after it
    sa.Column("at", _big, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("payload", sa.LargeBinary, nullable=False),
    sa.Column("call_id", sa.Text),  # where that can be told
    sa.Index("set_aside_call", "call_id"),
)
