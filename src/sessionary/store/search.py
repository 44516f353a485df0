"""Full-text search over what each call added. SQLite: FTS5; PostgreSQL: tsvector.

One document holds new text of one call: its new messages, or its answer. A query is words and "phrases"; all of
them must occur in a document, and the last word may be the beginning of one. Words are runs of letters and digits
to both engines; nothing in a query is syntax of either. The index keeps words alone: texts come from the tree.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Any

import msgspec
import sqlalchemy as sa

from sessionary.store import schema, words

_TERM = re.compile(r'"([^"]+)"|(\S+)')
_WORD = re.compile(r"[^\W_]+")
_SNIPPET = 160
_BEFORE = 40
_MOST_QUERY = 1000
_MOST_TERMS = 32
_ADD = {
    "sqlite": "INSERT INTO search_text(rowid, text) VALUES (:id, :text)",
    # Punctuation out of the parser's sight: it would take a path, a host or a tag for one word, or for none.
    "postgresql": "INSERT INTO search_text(id, words) VALUES "
    "(:id, to_tsvector('simple', translate(:text, './-_@+<>&;=?#:', '              ')))",
}
_REMOVE = {
    "sqlite": "INSERT INTO search_text(search_text, rowid, text) VALUES ('delete', :id, :text)",
    "postgresql": "DELETE FROM search_text WHERE id = :id",
}


class Doc(msgspec.Struct, frozen=True):
    """`answer` tells the call's answer from its request."""

    project: int
    call_id: str
    answer: bool
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
    """Whoever writes holds the store's lock, so that the next ids are free."""
    if not docs:
        return
    d = schema.search_docs
    first = (connection.scalar(sa.select(sa.func.max(d.c.id))) or 0) + 1
    rows = [{"id": first + n, **msgspec.structs.asdict(doc)} for n, doc in enumerate(docs)]
    named = [{k: row[k] for k in ("id", "project", "call_id", "answer")} for row in rows]
    connection.execute(sa.insert(d), named)
    texts = [{"id": row["id"], "text": row["text"]} for row in rows]
    connection.execute(sa.text(_ADD[connection.dialect.name]), texts)


def tidy(connection: sa.Connection) -> None:
    """A bounded step towards an index in one piece: smaller, and quicker to ask. PostgreSQL does that by itself."""
    if connection.dialect.name == "sqlite":
        connection.execute(sa.text("INSERT INTO search_text(search_text, rank) VALUES ('merge', -64)"))


def remove(connection: sa.Connection, project: int, calls: Sequence[sa.RowMapping]) -> None:
    """Before these calls and their messages are deleted: the index must be told the words that it is to forget."""
    d = schema.search_docs.c
    by_id = {call["id"]: call for call in calls}
    mine = (d.project == project, d.call_id.in_(list(by_id)))
    for doc in connection.execute(sa.select(d.id, d.call_id, d.answer).where(*mine)).all():
        gone = {"id": doc.id, "text": words.of_call(connection, by_id[doc.call_id], answer=doc.answer)}
        connection.execute(sa.text(_REMOVE[connection.dialect.name]), gone)
    connection.execute(sa.delete(schema.search_docs).where(*mine))


def phrases(query: str) -> list[str]:
    """The query's words and phrases as they stand."""
    found = (phrase.strip() or word for phrase, word in _TERM.findall(query[:_MOST_QUERY]))
    return [said for said in found if said][:_MOST_TERMS]


def terms(query: str) -> list[list[str]]:
    """The query's phrases, each as its words; without those that have none."""
    return [found for phrase in phrases(query) if (found := _WORD.findall(phrase))]


def matching(dialect: str, query: str) -> sa.Select[Any] | None:
    """A select of (id) of `search_docs` that match; None where the query has no words."""
    wanted = terms(query)
    if not wanted:
        return None
    star = not query.rstrip().endswith('"')
    if dialect == "sqlite":
        q = " ".join(f'"{" ".join(phrase)}"' for phrase in wanted) + "*" * star
        rows = sa.text("SELECT rowid AS id FROM search_text WHERE search_text MATCH :q")
    else:
        q = " & ".join("(" + " <-> ".join(phrase) + ")" for phrase in wanted)[: -1 if star else None] + ":*)" * star
        rows = sa.text("SELECT id FROM search_text WHERE words @@ to_tsquery('simple', :q)")
    bound = rows.bindparams(sa.bindparam("q", q, unique=True))
    return sa.select(bound.columns(sa.column("id", sa.Integer)).subquery().c.id)


def find(
    engine: sa.Engine, project: int | None, query: str, limit: int, before: tuple[int, int] | None = None
) -> list[Hit]:
    """Newest first. `before` is (at, id) of the last one seen."""
    match = matching(engine.dialect.name, query)
    if match is None:
        return []
    d, c, s = schema.search_docs.c, schema.calls.c, schema.sessions.c
    select = (
        sa.select(d.id.label("doc"), d.answer, schema.calls, s.session_id, s.title)
        .select_from(schema.search_docs)
        .join(schema.calls, sa.and_(c.project == d.project, c.id == d.call_id))
        .join(schema.sessions, sa.and_(s.project == c.project, s.id == c.session))
        .where(d.id.in_(match))
        .order_by(c.created_at.desc(), d.id.desc())
        .limit(limit)
    )
    if project is not None:
        select = select.where(d.project == project)
    if before is not None:
        select = select.where(sa.tuple_(c.created_at, d.id) < sa.tuple_(sa.literal(before[0]), sa.literal(before[1])))
    with engine.connect() as connection:
        return [_hit(connection, row, query) for row in connection.execute(select).mappings().all()]


def _hit(connection: sa.Connection, row: sa.RowMapping, query: str) -> Hit:
    return Hit(
        row["doc"],
        row["project"],
        row["id"],
        row["session"],
        row["session_id"],
        row["title"],
        row["created_at"],
        *snippet(words.of_call(connection, row, answer=row["answer"]), query),
    )


def snippet(text: str, query: str) -> tuple[str, list[tuple[int, int]]]:
    """The text around the first match, as plain text on one line, and where the query's words are in it."""
    wanted = sorted({_folded(w) for phrase in terms(query) for w in phrase}, key=len, reverse=True)
    pattern = re.compile(r"(?<![^\W_])(?:" + "|".join(map(re.escape, wanted)) + ")", re.IGNORECASE)
    folded = _folded(text)
    phrase = _phrase(query).search(folded) if wanted else None
    first = phrase or (pattern.search(folded) if wanted else None)
    start = max(0, first.start() - _BEFORE) if first else 0
    cut = " ".join(re.split(r"[\r\n\t]", text[start : start + _SNIPPET]))
    return cut, [m.span() for m in pattern.finditer(_folded(cut))] if wanted else []


def _phrase(query: str) -> re.Pattern[str]:
    """The query's longest phrase as it stands in a text: where a person looks first."""
    longest = max(terms(query), key=len)
    return re.compile(r"(?<![^\W_])" + r"[\W_]+".join(re.escape(_folded(w)) for w in longest), re.IGNORECASE)


def _folded(text: str) -> str:
    """Without accents, character for character."""
    if text.isascii():
        return text
    return "".join(c if c.isascii() else unicodedata.normalize("NFD", c)[0] for c in text)
