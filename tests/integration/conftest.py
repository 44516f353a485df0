"""Both engines: every test that takes `engine` runs on SQLite and on PostgreSQL."""

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
        url = f"sqlite:///{tmp_path / 'store.db'}"
        upgrade(url)
        yield url
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
