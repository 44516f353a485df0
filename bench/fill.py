"""Fills a SQLite database with realistic sessions and calls, fast: for benchmarks of what reads them.

A few thousand conversations are put through the drain's `Round`, as a gateway's would be. Their rows are then written
again and again under other ids, times, models, keys, users, costs and ends, in the order of time. So every table has
what it would have, facets, search index and traffic included; the texts of a share of the calls are in the search
index, and these can be read back.

usage: uv run python bench/fill.py DATABASE [--sessions 1000000] [--documented 0.35] [--days 90]
"""

import argparse
import importlib
import json
import sqlite3
import sys
import tempfile
import time
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import sqlalchemy as sa

from sessionary import ids
from sessionary.drain.intake import Intake, Item
from sessionary.drain.round import Round
from sessionary.record.exchange import Begin, Finish
from sessionary.spool.reader import Cursor
from sessionary.store import keys, schema, words
from sessionary.store.engine import open_engine
from sessionary.store.migrate import upgrade
from sessionary.store.rehash import note_version
from sessionary.store.writes import transaction

SECOND = 1_000_000
DAY = 86400 * SECOND
TEMPLATES = 2500
CHUNK = 5000
VOCABULARY = 20_000
COMMON = ("the", "refund", "error", "please")
"""The commonest words: in about every text, in a third, a tenth, and so on."""
RARE = "xylophone"
"""In about one of a hundred thousand texts."""
MODELS = {f"gpt-5-{n}": 30 // (n + 1) for n in range(6)} | {
    f"claude-{name}": share for name, share in (("sonnet-4-5", 30), ("haiku-4-5", 12), ("opus-4-5", 6), ("old", 0.002))
}
CLIENTS = {"claude-code/2.0": 30, "codex/0.50": 20, "openai-python/2.1": 40, "curl/8": 3, "aider/0.86": 0.005}
KEYS = {f"key_{n:04}": 100 / (n + 1) for n in range(200)}
PROJECTS = {1: 90, 2: 9, 3: 1}
ENDS = {"ok": 960, "upstream_error": 20, "timeout": 5, "client_closed": 13, "rejected": 2}
USERS = 50_000
SOURCES = {"id": 40, "harness": 40, "content": 15, "none": 5}


class Choice:
    def __init__(self, weights: dict[Any, float]) -> None:
        self._values, self._sums = list(weights), list(accumulate(weights.values()))

    def __call__(self, rng: Random) -> Any:
        return self._values[bisect(self._sums, rng.random() * self._sums[-1])]


def prose(rng: Random, count: int) -> str:
    """Words by Zipf's law, and the commonest ones as often as they are in English."""
    found = [f"w{min(VOCABULARY, int(1.07 ** rng.uniform(0, 147)))}" for _ in range(count)]
    for n, word in enumerate(COMMON):
        if rng.random() < (0.95, 0.33, 0.1, 0.03)[n]:
            found[rng.randrange(count)] = word
    return " ".join(found)


def templates(folder: Path, rng: Random) -> sa.Engine:
    """A store of conversations as the drain would have it."""
    url = f"sqlite:///{folder / 'templates.db'}"
    upgrade(url)
    engine = open_engine(url)
    project = keys.ensure_project(engine, "default")
    records: list[Begin | Finish] = []
    at = 1_700_000_000 * SECOND
    for n in range(TEMPLATES):
        messages: list[dict[str, Any]] = [{"role": "system", "content": f"You are assistant {n % 50}."}]
        for _ in range(min(12, 1 + int(rng.expovariate(0.4)))):
            at += 60 * SECOND
            messages.append({"role": "user", "content": prose(rng, rng.randint(8, 80))})
            answer = {"role": "assistant", "content": prose(rng, rng.randint(20, 200))}
            begin = Begin(
                ids.new_call_id(at // 1000),
                at,
                project,
                "master",
                ids.session_id(project, f"t{n}"),
                f"t{n}",
                "id",
                "x-session-id",
                "chat.completions",
                "gpt-5",
                False,
                "openai-python/2.1",
                "",
                {"user-agent": "bench"},
                json.dumps({"model": "gpt-5", "messages": messages}).encode(),
            )
            done = {
                "id": "chatcmpl-1",
                "choices": [{"index": 0, "message": answer, "finish_reason": "stop"}],
                "usage": {"prompt_tokens": 40 * len(messages), "completion_tokens": 120},
            }
            end = at + rng.randint(1, 30) * SECOND
            body = json.dumps(done).encode()
            finish = Finish(
                begin.call_id, end, "ok", 200, "openai", "openai/gpt-5", "gpt-5", SECOND // 2, "", "", [], {}, body
            )
            records += [begin, finish]
            messages.append(answer)
    for start in range(0, len(records), 400):
        with transaction(engine) as connection:
            work = Round(connection, {"master": "master"}, at)
            work.run(Intake([Item(r.at, "bench", r, Cursor()) for r in records[start : start + 400]]))
    return engine


def fill(path: Path, sessions: int, documented: float, days: int, rng: Random) -> None:
    upgrade(f"sqlite:///{path}")
    engine = open_engine(f"sqlite:///{path}")
    for number in PROJECTS:
        keys.ensure_project(engine, "default" if number == 1 else f"project-{number}")
    with transaction(engine) as connection:
        note_version(connection)
    engine.dispose()
    db = sqlite3.connect(path, isolation_level=None)
    for pragma in ("synchronous = OFF", "journal_mode = OFF", "cache_size = -4000000", "locking_mode = EXCLUSIVE"):
        db.execute(f"PRAGMA {pragma}")
    indexes = db.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        " AND tbl_name IN ('sessions', 'calls', 'facets', 'search_docs')"
    ).fetchall()
    db.execute("BEGIN")
    for name, _ in indexes:
        db.execute(f"DROP INDEX {name}")
    key_rows = [(k, 1, k.replace("key_", "key-"), k.encode(), "", 0) for k in KEYS]
    db.executemany("INSERT INTO keys (id, project, name, hash, hint, created_at) VALUES (?, ?, ?, ?, ?, ?)", key_rows)
    with tempfile.TemporaryDirectory() as folder:
        source = templates(Path(folder), rng)
        written = Writer(db, source, documented, rng)
        newest = time.time_ns() // 1000
        begins = sorted(newest - int(days * DAY * rng.random()) for _ in range(sessions))
        for start in range(0, sessions, CHUNK):
            written.write(begins[start : start + CHUNK], newest)
            if start % (CHUNK * 20) == 0:
                print(f"{start:,} sessions", file=sys.stderr, flush=True)
        source.dispose()
    db.execute("COMMIT")
    facets(db)
    for _, statement in indexes:
        db.execute(statement)
    for statement in importlib.import_module("sessionary.store.migrations.versions.0003_pages").count_traffic():
        db.execute(statement)
    db.execute("INSERT INTO search_text(search_text) VALUES ('optimize')")
    db.close()


class Writer:
    """Writes templates again, as other sessions."""

    def __init__(self, db: sqlite3.Connection, source: sa.Engine, documented: float, rng: Random) -> None:
        self._db, self._rng, self._documented = db, rng, documented
        self._doc = 0
        self._model, self._client, self._key = Choice(MODELS), Choice(CLIENTS), Choice(KEYS)
        self._project, self._end, self._source = Choice(PROJECTS), Choice(ENDS), Choice(SOURCES)
        with source.connect() as connection:
            self._calls: dict[str, list[dict[str, Any]]] = defaultdict(list)
            self._texts: dict[tuple[str, bool], str] = {}
            for row in connection.execute(sa.select(schema.calls).order_by(schema.calls.c.created_at)).mappings():
                self._calls[row["session"]].append(dict(row))
                for answer in (False, True):
                    self._texts[row["id"], answer] = words.of_call(connection, row, answer=answer)
            self._sessions = {r["id"]: dict(r) for r in connection.execute(sa.select(schema.sessions)).mappings()}
            self._exchanges = {
                r["call_id"]: dict(r) for r in connection.execute(sa.select(schema.exchanges)).mappings()
            }
            for table in (schema.messages, schema.bodies):
                rows = [dict(r) for r in connection.execute(sa.select(table)).mappings()]
                for project in PROJECTS:
                    self._insert(table.name, [r | {"project": project} for r in rows])
        self._names = list(self._sessions)

    def write(self, begins: Sequence[int], newest: int) -> None:
        made = [self._session(at, newest) for at in begins]
        self._insert("sessions", [session for session, _, _ in made])
        calls = sorted((c for _, found, _ in made for c in found), key=lambda c: c["created_at"])
        self._insert("calls", [{k: v for k, v in c.items() if k != "copy"} for c in calls])
        documented = {session["id"] for session, _, whole in made if whole}
        told = [c for c in calls if c["session"] in documented]
        self._insert(
            "exchanges",
            [self._exchanges[c["copy"]] | {"project": c["project"], "call_id": c["id"]} for c in told],
        )
        docs, texts = [], []
        for call in told:
            for answer in (False, True):
                self._doc += 1
                text = self._texts[call["copy"], answer]
                if self._rng.random() < 1e-5:
                    text += f" {RARE}"
                docs.append({"id": self._doc, "project": call["project"], "call_id": call["id"], "answer": answer})
                texts.append((self._doc, text))
        self._insert("search_docs", docs)
        self._db.executemany("INSERT INTO search_text(rowid, text) VALUES (?, ?)", texts)

    def _session(self, at: int, newest: int) -> tuple[dict[str, Any], list[dict[str, Any]], bool]:
        rng = self._rng
        copy = rng.choice(self._names)
        project, text = self._project(rng), f"s-{rng.getrandbits(60):x}"
        session_id = ids.session_id(project, text)
        key, client = self._key(rng), self._client(rng)
        user = f"user-{int(USERS * rng.random() ** 2)}"
        model, pace = self._model(rng), rng.choice((0.2, 1, 20))
        source, first = self._source(rng), self._calls[copy][0]["created_at"]
        calls = []
        for old in self._calls[copy]:
            began = min(newest - 60 * SECOND, at + int((old["created_at"] - first) * pace) + rng.randrange(SECOND))
            status, price = self._end(rng), rng.random() ** 3 * 50_000_000
            ok = status == "ok"
            calls.append(
                old
                | {
                    "copy": old["id"],
                    "project": project,
                    "id": ids.new_call_id(began // 1000),
                    "session": session_id,
                    "source": source,
                    "key_id": key,
                    "client": client,
                    "user": user,
                    "model": model,
                    "provider": "anthropic" if model.startswith("claude") else "openai",
                    "status": status,
                    "created_at": began,
                    "finished_at": began + old["finished_at"] - old["created_at"],
                    "http_status": 200 if ok else 500,
                    "error_type": None if ok else "server_error",
                    "error_message": None if ok else "The server had an error",
                    "cost": int(price) if ok and rng.random() < 0.97 else None,
                    "evidence": None,
                    "attempts": "[]",
                    "stream": rng.random() < 0.7,
                }
            )
        return self._summed(copy, session_id, text, calls), calls, rng.random() < self._documented

    def _summed(self, copy: str, session_id: str, text: str, calls: list[dict[str, Any]]) -> dict[str, Any]:
        last, costs = calls[-1], [c["cost"] for c in calls if c["cost"] is not None]
        errors = sum(c["status"] in ("upstream_error", "timeout", "rejected") for c in calls)
        return self._sessions[copy] | {
            "project": last["project"],
            "id": session_id,
            "session_id": text,
            "source": last["source"],
            "status": "errors" if errors else "cut" if last["status"] == "client_closed" else "ok",
            "errors": errors,
            "cost": sum(costs) if costs else None,
            "unpriced": sum(c["cost"] is None and c["status"] == "ok" for c in calls),
            "models": json.dumps([last["model"]]),
            "clients": json.dumps([last["client"]]),
            "keys": json.dumps([last["key_id"].replace("key_", "key-")]),
            "users": json.dumps([last["user"]]),
            "tags": json.dumps(["evaluation"] if self._rng.random() < 0.001 else []),
            "first_at": calls[0]["created_at"],
            "last_at": last["finished_at"],
            "updated_at": last["finished_at"],
        }

    def _insert(self, table: str, rows: Iterable[dict[str, Any]]) -> None:
        rows = list(rows)
        if not rows:
            return
        names = list(rows[0])
        marks = ", ".join("?" * len(names))
        quoted = ", ".join(f'"{n}"' for n in names)
        self._db.executemany(f'INSERT INTO "{table}" ({quoted}) VALUES ({marks})', map(_plain, rows))  # noqa: S608


def _plain(row: dict[str, Any]) -> list[Any]:
    return [msgspec.json.encode(v).decode() if isinstance(v, list | dict) else v for v in row.values()]


def facets(db: sqlite3.Connection) -> None:
    """In the order of the key, which is much faster."""
    kinds = {"model": "models", "client": "clients", "key": "keys", "user": "users", "tag": "tags"}
    every = " UNION ALL ".join(
        f"SELECT project, '{kind}' AS kind, j.value AS value, s.id AS session FROM sessions s, json_each({column}) j"  # noqa: S608
        for kind, column in kinds.items()
    )
    db.execute(f"INSERT INTO facets SELECT * FROM ({every}) ORDER BY 1, 2, 3, 4")  # noqa: S608


def main() -> Iterator[str]:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("database", type=Path)
    parser.add_argument("--sessions", type=int, default=1_000_000)
    parser.add_argument("--documented", type=float, default=0.35)
    parser.add_argument("--days", type=int, default=90)
    given = parser.parse_args()
    start = time.monotonic()
    fill(given.database, given.sessions, given.documented, given.days, Random(1))
    with sqlite3.connect(given.database) as db:
        for table in ("sessions", "calls", "facets", "search_docs", "traffic"):
            yield f"{table}: {db.execute(f'SELECT count(*) FROM {table}').fetchone()[0]:,}"  # noqa: S608
    yield f"{given.database.stat().st_size / 1e9:.2f} GB in {time.monotonic() - start:.0f} s"


if __name__ == "__main__":
    for line in main():
        print(line)
