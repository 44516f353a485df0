"""A PostgreSQL that cannot be used as it is: said in plain words before anything is begun, or made to do."""

import os
import subprocess
import sys
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
from sessionary.store.trouble import trouble
from tests.support.postgres import Postgres, running_postgres
from tests.support.server import free_port

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


PASSWORD = "sek/ret-canary"
DATABASE = "The database cannot be reached, or refuses ("
WRITE = "The database cannot be written ("
ADDRESS = "The database's address is not valid: "
SAID = {
    "away": DATABASE,
    "no such user": DATABASE,
    "no such database": DATABASE,
    "read only": WRITE,
    "no right": "The database does not let this user (permission denied for schema public)",
    "no schema": WRITE,
    "no number": ADDRESS,
    "several hosts": ADDRESS,
    "an @": ADDRESS,
    "an option": DATABASE,
    "another": ADDRESS,
}


@pytest.fixture(scope="module")
def unusable(postgres: Postgres) -> dict[str, str]:
    """The addresses of databases that no gateway can start with, by what is wrong with them."""
    for user, more in (("reader", "SET default_transaction_read_only = on"), ("guest", "SET search_path = public")):
        postgres.run(f"CREATE ROLE {user} LOGIN")
        postgres.run(f"ALTER ROLE {user} {more}")
    readable, theirs = postgres.new_database(), postgres.new_database()
    postgres.run(f"ALTER DATABASE {readable.rpartition('/')[2]} OWNER TO reader")
    server = theirs.partition("@")[2].partition("/")[0]
    start = f"postgresql://postgres:{PASSWORD}@"
    return {
        "away": f"{start}127.0.0.1:{free_port()}/x",
        "no such user": f"postgresql://nobody:{PASSWORD}@{server}/postgres",
        "no such database": f"{start}{server}/nowhere",
        "read only": as_user(readable, f"reader:{PASSWORD}"),
        "no right": as_user(theirs, f"guest:{PASSWORD}"),
        "no schema": f"{start}{theirs.partition('@')[2]}?options=-csearch_path%3Dnowhere",
        "no number": f"{start}127.0.0.1:54x2/x",
        "several hosts": f"{start}127.0.0.1:1,{server}/x",
        "an @": f"postgresql://postgres:p@ss-canary@{server}/x",
        "an option": f"{start}{server}/x?connect_timeout=soon",
        "another": f"mysql://u:{PASSWORD}@127.0.0.1/x",
    }


def told(folder: Path, *command: str, **environ: str) -> str:
    """What a command that fails says, a line; without what is around it."""
    line = [sys.executable, "-m", "sessionary", *command, "--data-dir", str(folder)]
    env = {"PATH": os.environ["PATH"], "SESSIONARY_STREAMS": "100"} | environ
    done = subprocess.run(line, env=env, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 2, (done.stdout[-3000:], done.stderr[-3000:])
    assert "canary" not in done.stdout + done.stderr
    (said,) = (each for each in done.stderr.splitlines() if not each.startswith("note: "))
    return said.removeprefix("sessionary: ")


@pytest.mark.parametrize("wrong", SAID)
def test_a_start_says_in_a_line_what_is_wrong(wrong: str, unusable: dict[str, str], tmp_path: Path) -> None:
    assert told(tmp_path, "serve", "--port", "0", SESSIONARY_DATABASE=unusable[wrong]).startswith(SAID[wrong])
    level, said, do = examined(unusable[wrong], tmp_path)
    assert level == "fail"
    assert "canary" not in said + do
    assert SAID[wrong].removeprefix("The database").removeprefix("'s").removesuffix(": ") in f" {said}"


def test_so_it_does_of_a_replica(postgres: Postgres, unusable: dict[str, str], tmp_path: Path) -> None:
    environ = {"SESSIONARY_DATABASE": postgres.new_database(), "SESSIONARY_DATABASE_REPLICA": unusable["no number"]}
    assert told(tmp_path, "serve", "--port", "0", **environ).startswith("The replica's address is not valid: ")


def test_several_hosts_are_written_as_it_says(postgres: Postgres, tmp_path: Path) -> None:
    server, _, name = postgres.new_database().partition("@")[2].partition("/")
    url = f"postgresql://postgres:p%40ss@/{name}?host=127.0.0.1:{free_port()}&host={server}"
    migrate.upgrade(url)
    assert examined(url, tmp_path)[0] == "ok"


COMMANDS = ("verify", "keys list", "login", "gateways", "rehash", "audit", "demo")


@pytest.mark.parametrize("command", COMMANDS)
@pytest.mark.parametrize("wrong", ["away", "no number"])
def test_so_does_every_command(command: str, wrong: str, unusable: dict[str, str], tmp_path: Path) -> None:
    said = told(tmp_path, *command.split(), SESSIONARY_DATABASE=unusable[wrong])
    assert said.startswith(SAID[wrong])


@pytest.mark.parametrize("wrong", SAID.keys() - {"another"})
def test_so_does_a_copy_to_it(wrong: str, unusable: dict[str, str], tmp_path: Path) -> None:
    migrate.upgrade(f"sqlite:///{tmp_path / 'sessionary.db'}")
    said = told(tmp_path, "migrate", "--to", unusable[wrong])
    assert said.startswith(SAID[wrong])
    assert said.endswith("run this again, and it goes on.") is (SAID[wrong] == DATABASE and wrong != "an option")


def test_a_fault_of_ours_is_shown_whole(postgres: Postgres, tmp_path: Path) -> None:
    engine = open_engine(postgres.new_database())
    for statement in ("SELECT nothing FROM nowhere", "SELEC"):
        with engine.connect() as connection, pytest.raises(sa.exc.ProgrammingError) as raised:
            connection.exec_driver_sql(statement)
        assert trouble(raised.value) is None
    engine.dispose()
    engine = open_engine(f"sqlite:///{tmp_path / 'some.db'}")
    with engine.connect() as connection, pytest.raises(sa.exc.OperationalError) as refused:
        connection.exec_driver_sql("SELECT nothing FROM nowhere")
    assert trouble(refused.value) is None
    engine.dispose()
    assert trouble(ValueError("connection failed")) is None


def test_files(tmp_path: Path) -> None:
    (tmp_path / "sessionary.db").write_bytes(b"no database" * 1000)
    assert told(tmp_path, "keys", "list").startswith("The database is damaged, or no database (file is not a database)")
    other = tmp_path / "a folder"
    (other / "sessionary.db").mkdir(parents=True)
    assert told(other, "verify").startswith("The database cannot be opened (unable to open database file)")
