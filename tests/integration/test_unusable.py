"""A PostgreSQL that cannot be used as it is: said in plain words before anything is begun, or made to do."""

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from sessionary.doctor import kept
from sessionary.errors import SettingsError
from sessionary.settings import Settings
from sessionary.store import migrate
from sessionary.store.engine import open_engine
from sessionary.store.replica import Replica
from tests.support.postgres import Postgres, running_postgres

TEXT = "漢字 é ✓"


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """With users of its own."""
    with running_postgres(ours=True) as started:
        yield started


def as_user(url: str, name: str) -> str:
    return url.replace("postgres@", f"{name}@", 1)


def examined(url: str, folder: Path) -> tuple[str, str, str]:
    """What `doctor` finds first of the database: level, text, and what to do."""
    found = next(kept.database(Settings(data_dir=folder, database=url)))
    return found.level, found.said, found.do


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII", "EUC_JP"])
def test_a_database_that_has_not_every_letter_is_refused(postgres: Postgres, encoding: str, tmp_path: Path) -> None:
    url = postgres.new_database(more=f"ENCODING '{encoding}' LOCALE 'C'")
    with pytest.raises(SettingsError) as refused:
        migrate.upgrade(url)
    assert refused.value.message.startswith(f"The database's encoding is {encoding}, ")
    assert refused.value.message.endswith(migrate.MADE_BY)
    level, said, do = examined(url, tmp_path)
    assert (level, said.partition(": ")[2]) == ("fail", f"its encoding is {encoding}, which has not every letter")
    assert do == f"make one by {migrate.MADE_BY}"


def test_one_that_is_made_as_it_says_is_taken(postgres: Postgres, tmp_path: Path) -> None:
    postgres.run(migrate.MADE_BY.replace("name", "as_it_says"))
    migrate.upgrade(postgres.url("as_it_says"))
    assert examined(postgres.url("as_it_says"), tmp_path)[0] == "ok"


@pytest.mark.parametrize("setting", ["", "?client_encoding=LATIN1", "?options=-cclient_encoding%3DSQL_ASCII"])
def test_texts_are_whole_whatever_encoding_is_set_for_the_user(postgres: Postgres, setting: str) -> None:
    postgres.run("DROP ROLE IF EXISTS latin")
    postgres.run("CREATE ROLE latin LOGIN")
    postgres.run("ALTER ROLE latin SET client_encoding = 'LATIN1'")
    url = as_user(postgres.new_database(), "latin") + setting
    replica = Replica(url, url)  # which follows nobody: its connections are the database's own
    for engine in (open_engine(url), replica.engine):
        with engine.connect() as connection:
            assert connection.scalar(sa.select(sa.func.concat(TEXT, sa.text("chr(28450)")))) == TEXT + "漢"
        engine.dispose()
    replica.close()
