"""Full-text search over what each call added. SQLite: FTS5; PostgreSQL: tsvector.

One document holds new text of one call: its new messages, or its answer. A query is words and "phrases"; all of
them must occur in a document, and the last word may be the beginning of one. Words are runs of letters and digits
to both engines; nothing in a query is syntax of either.
"""

import re
import unicodedata
from typing import Any

import msgspec
import sqlalchemy as sa

from sessionary.store import schema
from sessionary.store.writes import clean

_TERM = re.compile(r'"([^"]+)"|(\S+)')
_WORD = re.compile(r"[^\W_]+")
_SNIPPET = 160
_BEFORE = 40
_MOST_QUERY = 1000
_MOST_TERMS = 32
_POSTGRES_WORDS: sa.ColumnClause[Any] = sa.literal_column(
    "to_tsvector('simple', translate(search_docs.text, './-_@+<>&;=?#:', '              '))"
)
"""The expression that `migrations/` indexes."""


class Doc(msgspec.Struct, frozen=True):
    project: int
    call_id: str
    session: str
    at: int
    text: str


class Hit(msgspec.Struct, frozen=True):
    """`id` is the document's; `session` ours, `session_id` the client's; `marks` are [start, end) in `snippet`."""

    id: int
    project: int
    call_id: str
    session: str
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
    if connection.dialect.name == "sqlite":  # the index is told the words that it must forget
        connection.execute(
            sa.text(
                "INSERT INTO search_text(search_text, rowid, text) SELECT 'delete', id, text FROM search_docs"
                " WHERE project = :project AND session = :session"
            ),
            {"project": project, "session": session},
        )
    connection.execute(sa.delete(schema.search_docs).where(mine))


def phrases(query: str) -> list[str]:
    """The query's words and phrases as they stand."""
    found = (phrase.strip() or word for phrase, word in _TERM.findall(query[:_MOST_QUERY]))
    return [said for said in found if said][:_MOST_TERMS]


def terms(query: str) -> list[list[str]]:
    """The query's phrases, each as its words; without those that have none."""
    return [words for phrase in phrases(query) if (words := _WORD.findall(phrase))]


def matching(dialect: str, query: str) -> sa.Select[Any] | None:
    """A select of (id) of `search_docs` that match; None where the query has no words."""
    wanted = terms(query)
    if not wanted:
        return None
    d = schema.search_docs.c
    star = "" if query.rstrip().endswith('"') else "*"
    if dialect == "sqlite":
        quoted = [f'"{" ".join(words)}"' for words in wanted]
        rows = sa.text("SELECT rowid AS id FROM search_text WHERE search_text MATCH :q")
        bound = rows.bindparams(sa.bindparam("q", " ".join(quoted) + star, unique=True))
        found = bound.columns(sa.column("id", sa.Integer)).subquery()
        return sa.select(found.c.id)
    joined = [" <-> ".join(words) for words in wanted]
    if star:
        joined[-1] += ":*"
    q = sa.func.to_tsquery(sa.literal_column("'simple'"), " & ".join(f"({phrase})" for phrase in joined))
    return sa.select(d.id).where(_POSTGRES_WORDS.op("@@")(q))


def find(
    engine: sa.Engine, project: int | None, query: str, limit: int, before: tuple[int, int] | None = None
) -> list[Hit]:
    """Newest first. `before` is (at, id) of the last one seen."""
    match = matching(engine.dialect.name, query)
    if match is None:
        return []
    d, s = schema.search_docs.c, schema.sessions.c
    select = (
        sa.select(d.id, d.project, d.call_id, d.session, d.at, d.text, s.session_id, s.title)
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
    return [
        Hit(r.id, r.project, r.call_id, r.session, r.session_id, r.title, r.at, *snippet(r.text, query)) for r in rows
    ]


def snippet(text: str, query: str) -> tuple[str, list[tuple[int, int]]]:
    """The text around the first match, as plain text on one line, and where the query's words are in it."""
    words = sorted({_folded(w) for phrase in terms(query) for w in phrase}, key=len, reverse=True)
    pattern = re.compile(r"(?<![^\W_])(?:" + "|".join(map(re.escape, words)) + ")", re.IGNORECASE)
    folded = _folded(text)
    phrase = _phrase(query).search(folded) if words else None
    first = phrase or (pattern.search(folded) if words else None)
    start = max(0, first.start() - _BEFORE) if first else 0
    cut = " ".join(re.split(r"[\r\n\t]", text[start : start + _SNIPPET]))
    return cut, [m.span() for m in pattern.finditer(_folded(cut))] if words else []


def _phrase(query: str) -> re.Pattern[str]:
    """The query's longest phrase as it stands in a text: where a person looks first."""
    longest = max(terms(query), key=len)
    return re.compile(r"(?<![^\W_])" + r"[\W_]+".join(re.escape(_folded(w)) for w in longest), re.IGNORECASE)


def _folded(text: str) -> str:
    """Without accents, character for character."""
    if text.isascii():
        return text
    return "".join(c if c.isascii() else unicodedata.normalize("NFD", c)[0] for c in text)
