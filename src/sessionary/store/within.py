"""Full-text search within one session: newest first, as in `search`.

A session's documents lie close together in the index, in the order of time, so only that part of it is asked: words
that all of the store has cost no more than others.
"""

import sqlalchemy as sa

from sessionary.store import schema, search
from sessionary.store.many import among

MOST = 100_000
"""Documents of a session that are looked for: its newest."""


def find(
    engine: sa.Engine, project: int, session: str, query: str, limit: int, before: int | None = None
) -> search.Hits:
    """`session` is our id. `before` is the `after` of the page before."""
    d, c = schema.search_docs.c, schema.calls.c
    calls = sa.select(c.id).where(c.project == project, c.session == session)
    mine = sa.select(d.id).where(d.project == project, d.call_id.in_(calls))
    number = d.id + 0  # not by the index on the ids, which has all of the store
    with engine.connect() as connection:
        if before is not None:
            mine = mine.where(number < before)
        documents = set(connection.scalars(mine.order_by(number.desc()).limit(MOST)))
        matching = search.matching(connection, query, project)
        if matching is None or not documents:
            return search.Hits([], None)
        (id,) = matching.selected_columns
        there = matching.where(id.between(min(documents), max(documents))).order_by(id.desc())
        found: list[int] = []
        with connection.execute(there, execution_options={"yield_per": 500}) as rows:
            for (document,) in rows:
                if document in documents:
                    found.append(document)
                if len(found) > limit:
                    break
        after = found[limit - 1] if len(found) > limit else None
        told = search.documented(project).where(among(connection, d.id, found[:limit])).order_by(d.id.desc())
        hits = [search.hit(connection, row, query) for row in connection.execute(told).mappings().all()]
        return search.Hits(hits, after)
