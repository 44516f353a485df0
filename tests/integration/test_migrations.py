"""The schema that migrations make is the one that the code uses, on both engines; whose keys begin with the project."""

import threading

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from sessionary.errors import SettingsError
from sessionary.limits import counters
from sessionary.store import schema
from sessionary.store.engine import open_engine
from sessionary.store.migrate import HEAD, upgrade


def described(engine: sa.Engine) -> list[tuple[str, ...]]:
    """Everything the engine knows of its tables and indexes, in its own words; without full-text search."""
    asked = _SQLITE if engine.dialect.name == "sqlite" else _POSTGRES
    with engine.connect() as connection:
        rows = [row for query in asked for row in connection.exec_driver_sql(query)]
    found = [tuple(map(str, row)) for row in rows]
    return sorted(row for row in found if not any(word in " ".join(row) for word in _NOT_OURS))


FTS5 = ("_config", "_content", "_data", "_docsize", "_idx", "_words")
_NOT_OURS = ("search_text", "search_docs_text", "alembic_version", "calls_p20", "exchanges_p20", "s_default")
_OF_ONE_ENGINE = ("sessions_hash", "sessions_text")  # which Alembic does not know of
_SQLITE = (  # not the tables' own text: columns that came later stand in it in another form
    'SELECT t.name, t.wr, c.cid, c.name, c.type, c."notnull", c.dflt_value, c.pk'
    " FROM pragma_table_list t, pragma_table_info(t.name) c WHERE t.name NOT LIKE 'sqlite%'",
    "SELECT name, sql FROM sqlite_master WHERE type = 'index'",
)
_POSTGRES = (  # the tables of some weeks are made as time goes
    "SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns"
    " WHERE table_schema = 'public' AND NOT (SELECT relispartition FROM pg_class WHERE oid = to_regclass(table_name))",
    "SELECT indexname, indexdef FROM pg_indexes JOIN pg_class ON pg_class.oid = to_regclass(tablename)"
    " WHERE schemaname = 'public' AND NOT relispartition",
    "SELECT conname, pg_get_constraintdef(o.oid) FROM pg_constraint o JOIN pg_class c ON c.oid = conrelid"
    " WHERE connamespace = 'public'::regnamespace AND NOT relispartition",
    "SELECT partrelid::regclass, partstrat, pg_get_partkeydef(partrelid) FROM pg_partitioned_table",
    "SELECT inhparent::regclass, 'for the rest' FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid"
    " WHERE pg_get_expr(relpartbound, c.oid) = 'DEFAULT'",
)


def test_migrations_make_exactly_the_schema(engine: sa.Engine, empty_engine: sa.Engine) -> None:
    schema.metadata.create_all(empty_engine)
    assert described(engine) == described(empty_engine)
    with engine.connect() as connection:
        found = compare_metadata(MigrationContext.configure(connection), schema.metadata)
    assert [d for d in found if not any(word in str(d) for word in (*_NOT_OURS, *_OF_ONE_ENGINE))] == []


WITHOUT_PROJECT = {
    "projects": "one a project",
    "keys": "few: a request is known by its key, and its project by that",
    "logins": "few: a browser is known by its cookie",
    "audit": "small: what concerns the whole gateway has no project",
    "versions": "of the whole database",
    "alembic_version": "of the whole database",
    "cursors": "one a worker, whose calls are of any project",
    "ledger": "one a gateway",
    "set_aside": "small: records that could not be understood, their project neither",
    "limits_keys": "one a key",
    "limits_reserved": "calls in flight",
    "limits_spent": "a few a key",
    "limits_histories": "of hours: asked for by the key",
    "limits_writers": "one a worker",
    **dict.fromkeys((f"search_text{part}" for part in ("", *FTS5)), "SQLite: FTS5's own, by the document’s number"),
}


def test_a_sharded_database_can_distribute_every_table_that_grows(engine: sa.Engine) -> None:
    """By the project, which is first in the primary key of all tables but the small ones."""
    counters.prepare(engine)
    inspector = sa.inspect(engine)
    firsts = {
        name: [*inspector.get_pk_constraint(name)["constrained_columns"], ""][0] for name in inspector.get_table_names()
    }
    assert len(firsts) > 20
    allowed = WITHOUT_PROJECT if engine.dialect.name == "sqlite" else WITHOUT_PROJECT.keys() - {"search_text"}
    assert {name for name, first in firsts.items() if first != "project"} <= {*allowed}


def test_migrating_again_changes_nothing(empty_url: str) -> None:
    upgrade(empty_url)
    engine = open_engine(empty_url)
    before = described(engine)
    upgrade(empty_url)
    assert described(engine) == before
    engine.dispose()


def test_many_that_start_at_once_migrate_once(empty_url: str) -> None:
    failed: list[BaseException] = []

    def start() -> None:
        try:
            upgrade(empty_url)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    engine = open_engine(empty_url)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").all() == [(HEAD,)]
    engine.dispose()


def test_a_newer_database_is_refused_with_a_reason(empty_url: str) -> None:
    upgrade(empty_url)
    engine = open_engine(empty_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    engine.dispose()
    with pytest.raises(SettingsError, match="newer Sessionary"):
        upgrade(empty_url)
