"""The store's conformance suite: every test that takes `engine`, `url` or `kind`, here and in tests/security, runs on
SQLite and on PostgreSQL, with the same words; a store is right when all of them pass on it.

    pytest tests/integration                    both
    pytest tests/integration -k postgresql      one of them; or -k sqlite
    SESSIONARY_TEST_POSTGRES=postgresql://user:password@host/postgres pytest tests/integration -k postgresql
        on a PostgreSQL of your own, in databases that the tests make there and drop; by one who may create them

What is one engine's alone says so with `parametrize("kind", …)`: the plans that SQLite makes, in words of its own (what
holds for both is in test_plans.py), PostgreSQL's partitions, and several drains at once. Replicas and pgbouncer are
started beside a cluster of the tests' own.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from sessionary.store.engine import open_engine
from sessionary.store.migrate import upgrade
from tests.support.postgres import Postgres, running_postgres
from tests.support.recorded import Log


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    with running_postgres() as started:
        yield started


@pytest.fixture(scope="session")
def migrated_postgres(postgres: Postgres) -> str:
    """The name of a database that has the schema, to be copied."""
    url = postgres.new_database()
    upgrade(url)
    return url.rpartition("/")[2]


@pytest.fixture(scope="session")
def migrated_sqlite(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database that has the schema, to be copied."""
    path = tmp_path_factory.mktemp("schema") / "store.db"
    upgrade(f"sqlite:///{path}")
    return path


@pytest.fixture(params=["sqlite", "postgresql"])
def kind(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def empty_url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database without anything in it."""
    if kind == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    url = postgres.new_database()
    yield url
    postgres.drop(url)


@pytest.fixture
def empty_engine(empty_url: str) -> Iterator[sa.Engine]:
    opened = open_engine(empty_url)
    yield opened
    opened.dispose()


@pytest.fixture
def url(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of a database that has the schema, and nothing in it."""
    if kind == "sqlite":
        migrated: Path = request.getfixturevalue("migrated_sqlite")
        yield f"sqlite:///{shutil.copy(migrated, tmp_path / 'store.db')}"
        return
    template: str = request.getfixturevalue("migrated_postgres")
    postgres: Postgres = request.getfixturevalue("postgres")
    url = postgres.new_database(template)
    yield url
    postgres.drop(url)


@pytest.fixture
def engine(url: str) -> Iterator[sa.Engine]:
    opened = open_engine(url)
    yield opened
    opened.dispose()


@pytest.fixture
def log(engine: sa.Engine) -> Log:
    return Log(engine)
