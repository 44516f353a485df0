"""Full-text search over what each call added. SQLite: FTS5; PostgreSQL: tsvector.

One document holds the new text of one call: its new messages, or its answer. Queries are words and "phrases";
all must occur, the last word may be a beginning. Nothing in a query is syntax of the engine.
"""

import re
from typing import Any

import msgspec
import sqlalchemy as sa

from sessionary.store import schema
from sessionary.store.writes import clean

_TERM = re.compile(r'"([^"]+)"|(\S+)')
_WORD = re.compile(r"\w+")
_SNIPPET = 160


class Doc(msgspec.Struct, frozen=True):
    project: int
    call_id: str
    session: str
    at: int
    text: str


class Hit(msgspec.Struct, frozen=True):
    """`marks` are [start, end) pairs within `snippet`."""

    call_id: str
    session_id: str
    title: str
    at: int
    snippet: str
    marks: list[tuple[int, int]]


def add(connection: sa.Connection, docs: list[Doc]) -> None:
    for doc in docs:
        row = clean(msgspec.structs.asdict(doc))
        added = connection.execute(sa.insert(schema.search_docs).values(row).returning(schema.search_docs.c.id))
        rowid = added.scalar_one()
        if connection.dialect.name == "sqlite":
            connection.execute(
                sa.text("INSERT INTO search_text(rowid, text) VALUES (:id, :text)"), {"id": rowid, "text": row["text"]}
            )


def remove(connection: sa.Connection, project: int, session: str) -> None:
    d = schema.search_docs.c
    mine = sa.and_(d.project == project, d.session == session)
    if connection.dialect.name == "sqlite":
        for row in connection.execute(sa.select(d.id, d.text).where(mine)).all():
            connection.execute(
                sa.text("INSERT INTO search_text(search_text, rowid, text) VALUES ('delete', :id, :text)"),
                {"id": row.id, "text": row.text},
            )
    connection.execute(sa.delete(schema.search_docs).where(mine))


def terms(query: str) -> list[list[str]]:
    """The query's phrases, each as its words."""
    found = [_WORD.findall(phrase or word) for phrase, word in _TERM.findall(query[:1000])]
    return [words for words in found if words]


def matching(dialect: str, query: str) -> sa.Select[Any] | None:
    """A select of (id) of `search_docs` that match; None where the query has no words."""
    wanted = terms(query)
    if not wanted:
        return None
    d = schema.search_docs.c
    if dialect == "sqlite":
        quoted = [f'"{" ".join(words)}"' for words in wanted]
        if not query.rstrip().endswith('"'):
            quoted[-1] += "*"
        rows = sa.text("SELECT rowid AS id FROM search_text WHERE search_text MATCH :q").bindparams(q=" ".join(quoted))
        found = rows.columns(sa.column("id", sa.Integer)).subquery()
        return sa.select(d.id).where(d.id.in_(sa.select(found.c.id)))
    phrases = [" <-> ".join(words) for words in wanted]
    if not query.rstrip().endswith('"'):
        phrases[-1] += ":*"
    q = sa.func.to_tsquery(sa.literal_column("'simple'"), " & ".join(f"({p})" for p in phrases))
    return sa.select(d.id).where(sa.func.to_tsvector(sa.literal_column("'simple'"), d.text).op("@@")(q))


def find(engine: sa.Engine, project: int | None, query: str, limit: int, before: tuple[int, int] | None) -> list[tuple[int, Hit]]:
    """Newest first; each with its document's id. `before` is (at, id) of the last one seen."""
    match = matching(engine.dialect.name, query)
    if match is None:
        return []
    d, s = schema.search_docs.c, schema.sessions.c
    select = (
        sa.select(d.id, d.call_id, d.session, d.at, d.text, s.title)
        .join(schema.sessions, sa.and_(s.project == d.project, s.id == d.session))
        .where(d.id.in_(match))
        .order_by(d.at.desc(), d.id.desc())
        .limit(limit)
    )
    if project is not None:
        select = select.where(d.project == project)
    if before is not None:
        select = select.where(sa.tuple_(d.at, d.id) < sa.tuple_(sa.literal(before[0]), sa.literal(before[1])))
    with engine.connect() as connection:
        rows = connection.execute(select).all()
    return [(r.id, Hit(r.call_id, r.session, r.title, r.at, *snippet(r.text, query))) for r in rows]


def snippet(text: str, query: str) -> tuple[str, list[tuple[int, int]]]:
    """The text around the first match, and where the query's words are in it."""
    words = [re.escape(w) for phrase in terms(query) for w in phrase]
    pattern = re.compile(r"\b(?:" + "|".join(words) + ")", re.IGNORECASE)
    first = pattern.search(text)
    start = max(0, first.start() - 40) if first else 0
    cut = text[start : start + _SNIPPET].replace("\n", " ")
    return cut, [m.span() for m in pattern.finditer(cut)]
