"""What people change: a session's title and tags, and deleting it with everything that only it needs."""

import time

import msgspec
import sqlalchemy as sa

from sessionary.store import schema, search, tree
from sessionary.store.writes import clean, present, transaction


def patch_session(engine: sa.Engine, project: int, session: str, title: str | None, tags: list[str] | None) -> None:
    s = schema.sessions.c
    values: dict[str, object] = {"updated_at": time.time_ns() // 1000}
    if title is not None:
        values |= {"title": title, "title_set": True}
    if tags is not None:
        values["tags"] = tags
    with transaction(engine) as connection:
        connection.execute(
            sa.update(schema.sessions).where(s.project == project, s.id == session).values(clean(values))
        )


def delete_session(engine: sa.Engine, project: int, session: str) -> None:
    """Messages and bodies stay where another call's path goes through them."""
    c, e = schema.calls.c, schema.exchanges.c
    with transaction(engine) as connection:
        rows = connection.execute(
            sa.select(c.id, c.leaf, c.output).where(c.project == project, c.session == session)
        ).all()
        call_ids = [row.id for row in rows]
        ends = {end for row in rows for end in (row.leaf, row.output) if end is not None}
        hashes = _recipe_hashes(connection, project, call_ids)
        for table, column in ((schema.exchanges, e.call_id), (schema.partials, schema.partials.c.call_id)):
            for start in range(0, len(call_ids), 500):
                part = call_ids[start : start + 500]
                connection.execute(sa.delete(table).where(table.c.project == project, column.in_(part)))
        connection.execute(sa.delete(schema.calls).where(c.project == project, c.session == session))
        f, s = schema.facets.c, schema.sessions.c
        connection.execute(sa.delete(schema.facets).where(f.project == project, f.session == session))
        connection.execute(sa.delete(schema.sessions).where(s.project == project, s.id == session))
        search.remove(connection, project, session)
        hashes |= _free_messages(connection, project, ends)
        _free_bodies(connection, project, hashes)


def _recipe_hashes(connection: sa.Connection, project: int, call_ids: list[str]) -> set[bytes]:
    found: set[bytes] = set()
    for row in present(connection, schema.exchanges, "call_id", project, call_ids, "request", "response"):
        for packed in (row.request, row.response):
            if packed is not None:
                recipe = tree.recipe(packed)
                found |= {*recipe.lifted.values(), *recipe.preamble}
    return found


def _free_messages(connection: sa.Connection, project: int, ends: set[bytes]) -> set[bytes]:
    """Deletes from the ends upwards while nobody hangs on a message; returns the hashes of their bodies."""
    m = schema.messages.c
    freed: set[bytes] = set()
    level = ends
    while level:
        rows = present(connection, schema.messages, "id", project, level, "parent", "body", "node")
        nodes = {row.node for row in rows}
        held = {r.parent for r in present(connection, schema.messages, "parent", project, {row.id for row in rows})}
        held |= {r.leaf for r in present(connection, schema.calls, "leaf_node", project, nodes, "leaf")}
        held |= {r.output for r in present(connection, schema.calls, "output_node", project, nodes, "output")}
        gone = [row for row in rows if row.id not in held]
        for row in gone:
            connection.execute(sa.delete(schema.messages).where(m.project == project, m.id == row.id))
            freed.add(row.body)
        level = {row.parent for row in gone if row.parent is not None}
    return freed


def _free_bodies(connection: sa.Connection, project: int, hashes: set[bytes]) -> None:
    """Deletes the bodies that no message and no recipe of the project refers to."""
    b = schema.bodies.c
    free = hashes - {row.body for row in present(connection, schema.messages, "body", project, hashes)}
    if not free:
        return
    e = schema.exchanges.c
    for row in connection.execute(sa.select(e.request, e.response).where(e.project == project)):
        for packed in (row.request, row.response):
            if packed is not None and free:
                recipe = msgspec.structs.asdict(tree.recipe(packed))
                free -= {*recipe["lifted"].values(), *recipe["preamble"]}
    for hashed in free:
        connection.execute(sa.delete(schema.bodies).where(b.project == project, b.hash == hashed))
