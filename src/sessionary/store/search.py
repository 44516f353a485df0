"""Full-text search over what each call added. SQLite: FTS5; PostgreSQL: tsvector.

One document holds new text of one call: its new messages, or its answer. A query is words and "phrases"; all of
them must occur in a document, and the last word may be the beginning of one. Words are runs of letters and digits
to both engines; nothing in a query is syntax of either. The index keeps words alone: texts come from the tree.
"""

import re
import unicodedata
from collections.abc import Sequence
from itertools import product
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from sessionary.store import schema, words
from sessionary.store.bulk import driver
from sessionary.store.many import among
from sessionary.store.writes import insert

_TERM = re.compile(r'"([^"]+)"|(\S+)')
_WORD = re.compile(r"[^\W_]+")
_SNIPPET = 160
_BEFORE = 40
_MOST_QUERY = 1000
_SHORTEST = 2
"""Letters by which a word is found that begins with them."""
_BEGINNINGS = 64
"""Words that may be meant by the beginning of one."""
_NEXT_WORD = sa.text("SELECT term FROM search_text_words WHERE term >= :at LIMIT 1")
LOOKED_AT = 20_000
"""Documents that match, for a page of hits."""
_MOST_TERMS = 32
_LAST = (
    "SELECT max(coalesce((SELECT max(id) FROM search_docs), 0),"
    " coalesce((SELECT version FROM versions WHERE name = 'words'), 0))"
)
"""Behind those of older words, also where they are gone."""
_NEXT = sa.text("SELECT nextval('search_docs_next') FROM generate_series(1, :count)")
_ADD_SQLITE = "INSERT INTO search_text(rowid, text) VALUES (?, ?)"
# Punctuation out of the parser's sight: it would take a path, a host or a tag for one word, or for none.
_ADD_POSTGRESQL = sa.text(
    "INSERT INTO search_text(project, id, words)"
    " SELECT project, id, to_tsvector('simple', translate(text, './-_@+<>&;=?#:', '              '))"
    " FROM unnest(:projects, :ids, :texts) AS given(project, id, text)"
).bindparams(
    sa.bindparam("projects", type_=postgresql.ARRAY(sa.Integer)),
    sa.bindparam("ids", type_=postgresql.ARRAY(sa.Integer)),
    sa.bindparam("texts", type_=postgresql.ARRAY(sa.Text)),
)
_SQLITE = sa.table("search_text", sa.column("rowid", sa.Integer), sa.column("search_text"))
_POSTGRESQL = sa.table("search_text", *(sa.column(name, sa.Integer) for name in ("project", "id")), sa.column("words"))
_FORGET = "INSERT INTO search_text(search_text, rowid, text) VALUES ('delete', :id, :text)"


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


class Hits(msgspec.Struct, frozen=True):
    """`after`: the document below which the search goes on, None where there is no more. A page may have fewer hits
    than it was asked for and not be the last: so many documents are looked at for one."""

    hits: list[Hit]
    after: int | None


def add(connection: sa.Connection, docs: list[Doc]) -> None:
    if not docs:
        return
    ids = _next_ids(connection, len(docs))
    rows = [
        {"id": id, "project": doc.project, "call_id": doc.call_id, "answer": doc.answer}
        for id, doc in zip(ids, docs, strict=True)
    ]
    insert(connection, schema.search_docs, rows)
    index(connection, [(doc.project, id, doc.text) for id, doc in zip(ids, docs, strict=True)])


def _next_ids(connection: sa.Connection, count: int) -> Sequence[int]:
    """Of documents. SQLite's one writer has the next ones for itself."""
    if connection.dialect.name == "sqlite":
        first = connection.exec_driver_sql(_LAST).scalar_one() + 1
        return range(first, first + count)
    return connection.scalars(_NEXT, {"count": count}).all()


def index(connection: sa.Connection, texts: Sequence[tuple[int, int, str]]) -> None:
    """Documents' projects, ids and texts, of which none is in the index yet."""
    if connection.dialect.name == "sqlite":
        with driver(connection, _ADD_SQLITE) as cursor:
            cursor.executemany(_ADD_SQLITE, [text[1:] for text in texts])
    else:
        given = zip(("projects", "ids", "texts"), map(list, zip(*texts, strict=True)), strict=True)
        connection.execute(_ADD_POSTGRESQL, dict(given))


def tidy(connection: sa.Connection) -> None:
    """A bounded step towards an index in one piece: smaller, and quicker to ask. PostgreSQL does that by itself."""
    if connection.dialect.name == "sqlite":
        connection.execute(sa.text("INSERT INTO search_text(search_text, rank) VALUES ('merge', -64)"))


def merge(connection: sa.Connection) -> bool:
    """As `tidy`; whether there is more to do. SQLite's index has the words of a text that was removed until the pieces
    are merged in which it was added and removed."""
    if connection.dialect.name != "sqlite":
        return False
    changes = sa.text("SELECT total_changes()")
    before = connection.execute(changes).scalar_one()
    tidy(connection)
    return bool(connection.execute(changes).scalar_one() - before > 1)


def remove(connection: sa.Connection, project: int, calls: Sequence[str]) -> None:
    """Before these calls, by their ids, and their messages are deleted: SQLite's index must be told the words that it
    is to forget."""
    d = schema.search_docs.c
    mine = (d.project == project, d.call_id.in_(calls))
    docs = connection.execute(sa.select(d.id, d.call_id, d.answer).where(*mine)).all()
    if not docs:
        return
    if connection.dialect.name == "sqlite":
        texts: dict[tuple[str, bool], str] = {}
        older = words.older(connection)
        for answer, escaped in product((False, True), (False, True)):
            having = [doc.call_id for doc in docs if doc.answer == answer and (doc.id <= older) == escaped]
            found = words.of_calls(connection, project, having, answer=answer, escaped=escaped)
            texts |= {(call, answer): text for call, text in found.items()}
        gone = [{"id": doc.id, "text": texts.get((doc.call_id, bool(doc.answer)), "")} for doc in docs]
        connection.execute(sa.text(_FORGET), gone)
    else:
        gone_ids = _POSTGRESQL.c.id.in_([doc.id for doc in docs])
        connection.execute(sa.delete(_POSTGRESQL).where(_POSTGRESQL.c.project == project, gone_ids))
    connection.execute(sa.delete(schema.search_docs).where(*mine))


def phrases(query: str) -> list[str]:
    """The query's words and phrases as they stand."""
    found = (phrase.strip() or word for phrase, word in _TERM.findall(query[:_MOST_QUERY]))
    return [said for said in found if said][:_MOST_TERMS]


def terms(query: str) -> list[list[str]]:
    """The query's phrases, each as its words; without those that have none."""
    return [found for phrase in phrases(query) if (found := _WORD.findall(phrase))]


def matching(
    connection: sa.Connection, query: str, project: sa.ColumnElement[int] | int, of: sa.ColumnElement[int] | None = None
) -> sa.Select[Any] | None:
    """A select of the ids of `search_docs` that match; None where the query has no words. `of`: only of that one.

    PostgreSQL's are of the project. SQLite's index knows none: what it finds is held against `search_docs`."""
    wanted = terms(query)
    if not wanted:
        return None
    star = not query.rstrip().endswith('"')
    if connection.dialect.name == "sqlite":
        q = " AND ".join(
            [*map(_phrased, wanted[:-1]), _begun(connection, wanted[-1]) if star else _phrased(wanted[-1])]
        )
        id, match = _SQLITE.c.rowid, _SQLITE.c.search_text.op("MATCH")(q)
        select = sa.select(id).where(match)
    else:
        q = " & ".join("(" + " <-> ".join(phrase) + ")" for phrase in wanted)[: -1 if star else None] + ":*)" * star
        id, match = _POSTGRESQL.c.id, _POSTGRESQL.c.words.op("@@")(sa.func.to_tsquery("simple", q))
        select = sa.select(id).where(_POSTGRESQL.c.project == project, match)
    return select if of is None else select.where(id == of)


def _phrased(phrase: list[str]) -> str:
    return f'"{" ".join(phrase)}"'


def _begun(connection: sa.Connection, phrase: list[str]) -> str:
    """The phrase, its last word or one that begins with it: those are looked up, a bounded number of them, for FTS5's
    own prefixes gather all that any such word is in before the first is answered."""
    *before, last = phrase
    folded, found = _folded(last).lower(), [last]
    at = folded if len(folded) >= _SHORTEST or not folded.isascii() else None
    while at is not None and len(found) <= _BEGINNINGS:
        at = connection.scalar(_NEXT_WORD, {"at": at + "\1"})  # sought, and not passed by all places that the word has
        at = at if at is not None and at.startswith(folded) else None
        found += [] if at is None or at == folded else [at]
    return "(" + " OR ".join(_phrased([*before, word]) for word in found) + ")"


def newest(
    connection: sa.Connection, projects: Sequence[int] | None, query: str, most: int, before: int | None = None
) -> Sequence[int]:
    """The ids of the documents that match, newest first, below `before`: at most `most`, so that a word that is in all
    of them costs no more than another. Of `projects`, None: of all; SQLite's are of all in any case."""
    p = schema.projects.c
    select = matching(connection, query, p.id)
    if select is None:
        return []
    (id,) = select.selected_columns
    if before is not None:
        select = select.where(id < before)
    select = select.order_by(id.desc()).limit(most)
    if connection.dialect.name == "postgresql":  # each project's newest, by its index
        each = select.correlate(schema.projects).lateral()
        every = sa.select(each.c.id).select_from(schema.projects.join(each, sa.true()))
        select = (every if projects is None else every.where(p.id.in_(projects))).order_by(each.c.id.desc()).limit(most)
    return list(connection.execute(select).scalars())


def find(engine: sa.Engine, project: int | None, query: str, limit: int, before: int | None = None) -> Hits:
    """Newest first. `before` is the `after` of the page before."""
    d = schema.search_docs.c
    with engine.connect() as connection:
        docs = newest(connection, None if project is None else [project], query, LOOKED_AT, before)
        after = docs[-1] if len(docs) == LOOKED_AT else None
        found: list[sa.RowMapping] = []
        start, size = 0, 2 * limit
        while start < len(docs) and len(found) <= limit:
            some = documented(project).where(among(connection, d.id, docs[start : start + size]))
            found += connection.execute(some.order_by(d.id.desc())).mappings().all()
            start, size = start + size, 1000
        if len(found) > limit:
            after = found[limit - 1]["doc"]
        return Hits([hit(connection, row, query) for row in found[:limit]], after)


def documented(project: int | None) -> sa.Select[Any]:
    """Documents with their calls and sessions; those of deleted sessions are not found any more."""
    d, c, s = schema.search_docs.c, schema.calls.c, schema.sessions.c
    select = (
        sa.select(d.id.label("doc"), d.answer, schema.calls, s.session_id, s.title)
        .select_from(schema.search_docs)
        .join(schema.calls, sa.and_(c.project == d.project, c.id == d.call_id))
        .join(schema.sessions, sa.and_(s.project == c.project, s.id == c.session))
    )
    # Not by the index that begins with the project: it would be read whole, for a few documents that are known.
    return select if project is None else select.where(sa.func.coalesce(d.project, -1) == project)


def hit(connection: sa.Connection, row: sa.RowMapping, query: str) -> Hit:
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
