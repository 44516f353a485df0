"""The search index: PostgreSQL's has other words of a text than SQLite's, so it is made of the texts."""

from collections.abc import Iterator

import sqlalchemy as sa

from sessionary.migrating.source import Place
from sessionary.store import schema, words

_DOCS, _CHARACTERS = 500, 2 << 20
"""Of a batch, whatever comes first."""
_d, _c = schema.search_docs.c, schema.calls.c


def texts(connection: sa.Connection, after: Place) -> Iterator[list[tuple[int, int, str]]]:
    """Of documents behind the one that `after` names: project, id and text, by id, in batches. One without its call has
    no words."""
    last = after[0] if after else 0
    while docs := connection.execute(
        sa.select(_d.id.label("doc"), _d.project.label("of"), _d.answer, schema.calls)
        .outerjoin(schema.calls, sa.and_(_c.project == _d.project, _c.id == _d.call_id))
        .where(_d.id > last)
        .order_by(_d.id)
        .limit(_DOCS)
    ).all():
        batch: list[tuple[int, int, str]] = []
        held = 0
        for doc in docs:
            row = doc._mapping
            text = "" if row["id"] is None else words.of_call(connection, row, answer=row["answer"])
            batch.append((row["of"], row["doc"], text))
            held += len(text)
            if held >= _CHARACTERS:
                yield batch
                batch, held = [], 0
        if batch:
            yield batch
        last = docs[-1].doc
