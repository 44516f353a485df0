"""Commands that look after what is kept, and what they say when it is not there, or when they are not understood."""

import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest
from click.testing import Result
from typer.testing import CliRunner

from sessionary.cli import app

OF_THE_FOLDER = (("demo", "--clear"), ("gateways",))
OF_THE_STORE = (
    ("verify",),
    ("rehash",),
    ("audit",),
    ("keys", "list"),
    ("keys", "create", "--project", "p"),
    ("keys", "limit", "key_1", "budget=1"),
    ("keys", "threading", "key_1", "--off"),
    ("keys", "revoke", "key_1"),
)


def run(*args: str, **env: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"} | env).invoke(app, args)


@pytest.mark.parametrize("command", OF_THE_FOLDER + OF_THE_STORE, ids=" ".join)
def test_a_folder_that_was_mistyped_is_no_empty_store(command: tuple[str, ...], tmp_path: Path) -> None:
    none = tmp_path / "none"
    done = run(*command, "--data-dir", str(none))
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{none} is not there: `sessionary serve` makes it" in done.stderr
    assert not none.exists()
    done = run(*command, "--data-dir", str(tmp_path))
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"{tmp_path / 'sessionary.db'} is not there" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("command", OF_THE_STORE, ids=" ".join)
def test_a_database_without_tables_is_no_empty_store(command: tuple[str, ...], empty_url: str, tmp_path: Path) -> None:
    done = run(*command, "--data-dir", str(tmp_path / "none"), SESSIONARY_DATABASE=empty_url)
    assert (done.exit_code, done.stdout) == (2, "")
    assert ("has no tables yet" if "postgres" in empty_url else "empty.db is not there") in done.stderr
    if "postgres" in empty_url:
        with psycopg.connect(empty_url) as connection:
            assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
    assert not list(tmp_path.iterdir())


def test_a_store_elsewhere_needs_no_folder(url: str, tmp_path: Path) -> None:
    none = tmp_path / "none"
    for command in (("verify",), ("rehash",)):
        done = run(*command, "--data-dir", str(none), SESSIONARY_DATABASE=url)
        assert done.exit_code == 0, done.output
    assert not none.exists()


def test_what_makes_a_store_still_does(tmp_path: Path) -> None:
    done = run("demo", "--sessions", "1", "--data-dir", str(tmp_path / "new"))
    assert done.exit_code == 0, done.output
    assert "1 demo session removed" in run("demo", "--clear", "--data-dir", str(tmp_path / "new")).stdout


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("calls_per_minute=many", "limits: calls_per_minute must be a whole number, not 'many'"),
        ("calls_per_minute=1.5", "limits: calls_per_minute must be a whole number, not '1.5'"),
        ("budget=much", "limits: budget must be a number (of USD), not 'much'"),
        ("budget_period=week", "limits: budget_period must be day, month or total, not 'week'"),
        ("calls=3", "limits: there is no 'calls' (known: calls_per_minute, "),
        ("budget", "limits: budget must be a number (of USD), not ''"),
        ("budget=-1", "limits: budget must be from 0"),
    ],
)
def test_limits_that_are_none(given: str, said: str, tmp_path: Path) -> None:
    done = run("keys", "limit", "key_1", given, "--data-dir", str(tmp_path))
    assert (done.exit_code, said in done.stderr) == (2, True), done.stderr


def test_threading_is_turned_on_or_off(tmp_path: Path) -> None:
    done = run("keys", "threading", "key_1", "--data-dir", str(tmp_path))
    assert (done.exit_code, done.stderr) == (2, "sessionary: say --on or --off\n")


def test_an_action_that_is_none(migrated_sqlite: Path, tmp_path: Path) -> None:
    shutil.copy(migrated_sqlite, tmp_path / "sessionary.db")
    for action in ("bogus", "key.made"):
        done = run("audit", "--action", action, "--data-dir", str(tmp_path))
        assert (done.exit_code, done.stdout) == (2, "")
        assert f"--action {action} is none of" in done.stderr
        assert "key.create" in done.stderr
    for action in ("key", "key.create"):
        assert run("audit", "--action", action, "--data-dir", str(tmp_path)).exit_code == 0


@pytest.mark.parametrize("command", ["doctor", "verify", "keys list", "audit"])
def test_whoever_reads_has_had_enough(migrated_sqlite: Path, tmp_path: Path, command: str) -> None:
    """As behind `| head`, whose end of the pipe is closed by then."""
    shutil.copy(migrated_sqlite, tmp_path / "sessionary.db")
    run("keys", "create", "--project", "p", "--data-dir", str(tmp_path))
    nobody, pipe = os.pipe()
    os.close(nobody)
    program = [sys.executable, "-m", "sessionary", *command.split(), "--data-dir", str(tmp_path)]
    done = subprocess.run(program, stdout=pipe, stderr=subprocess.PIPE, timeout=60, check=False)
    os.close(pipe)
    assert (done.returncode, done.stderr) == (1, b"")


def test_what_goes_into_a_pipe(migrated_sqlite: Path, tmp_path: Path) -> None:
    """Cells with tabs between them, times and names as the API has them, and nothing beside."""
    shutil.copy(migrated_sqlite, tmp_path / "sessionary.db")
    folder = ("--data-dir", str(tmp_path))
    made = json.loads(run("keys", "create", "--project", "p", "--models", "a,b", "--json", *folder).stdout)
    assert run("keys", "list", *folder).stdout == f"{made['id']}\tp\tp\ta, b\tnever\tvalid\n"
    (listed,) = json.loads(run("keys", "list", "--json", *folder).stdout)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", listed["created_at"])
    told = [json.loads(line) for line in run("audit", "--json", *folder).stdout.splitlines()]
    assert [(one["action"], one["project"]) for one in told] == [("key.create", "p"), ("project.create", "p")]
    first, second = run("audit", *folder).stdout.splitlines()
    assert first.split("\t")[0] == told[0]["at"]
    assert second.split("\t")[2:4] == ["project.create", "p"]
    for command in (("verify",), ("rehash",), ("demo", "--sessions", "1")):
        assert run(*command, *folder).stderr == ""
    with sqlite3.connect(tmp_path / "sessionary.db") as database:
        database.execute("UPDATE sessions SET calls = calls + 1")
    database.close()
    assert run("verify", *folder).stdout.endswith(" rows looked at, 1 difference.\n")
