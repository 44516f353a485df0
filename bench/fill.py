"""Fills a SQLite database with realistic sessions and calls, fast: for benchmarks of what reads them.

A few thousand conversations are put through the drain's `Round`, as a gateway's would be. They are then written again
and again, in the order of time, as other sessions: each begins with a number of its own, so that its messages have ids
and nodes of their own, and has other times, models, keys, users, costs and ends. Rows are made in bulk, and are what
the drain would have made of it: `sessionary verify` finds no difference. Of a share of the sessions what was said is
there, and search finds it; from the others it was taken, as retention does (`store.emptying`).

usage: uv run python bench/fill.py DATABASE [--sessions 1000000] [--documented 0.35] [--days 90]
"""

import argparse
import gc
import importlib
import json
import sqlite3
import sys
import tempfile
import time
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from itertools import accumulate
from operator import itemgetter
from pathlib import Path
from random import Random
from typing import Any

import sqlalchemy as sa

from sessionary import ids
from sessionary.drain.intake import Intake, Item
from sessionary.drain.round import Round
from sessionary.record.exchange import Begin, Finish
from sessionary.spool.reader import Cursor
from sessionary.store import keys, rollups, tree, words
from sessionary.store.engine import open_engine
from sessionary.store.migrate import upgrade
from sessionary.store.pack import pack
from sessionary.store.rehash import note_version
from sessionary.store.verify.messages import load
from sessionary.store.writes import transaction
from sessionary.wire import literal, meaning
from sessionary.wire.reading import read

SECOND = 1_000_000
DAY = 86400 * SECOND
TEMPLATES = 2500
CHUNK = 5000
VOCABULARY = 20_000
FIRST, RARE = "complaint", "xylophone"
"""With what conversations begin, and in their place one of a hundred thousand texts. As long as each other."""
BEGINNING = f"{FIRST} {0:09}"
COMMON = ("the", "refund", "error", "please")
"""The commonest words: in about every text, in a third, a tenth, and so on."""
MODELS = {f"gpt-5-{n}": 30 // (n + 1) for n in range(6)} | {
    f"claude-{name}": share for name, share in (("sonnet-4-5", 30), ("haiku-4-5", 12), ("opus-4-5", 6), ("old", 0.002))
}
CLIENTS = {"claude-code/2.0": 30, "codex/0.50": 20, "openai-python/2.1": 40, "curl/8": 3, "aider/0.86": 0.005}
KEYS = {f"key_{n:04}": 100 / (n + 1) for n in range(200)}
PROJECTS = {1: 90, 2: 9, 3: 1}
ENDS = {"ok": 960, "upstream_error": 20, "timeout": 5, "client_closed": 13, "rejected": 2}
USERS = 50_000
SOURCES = {"id": 40, "harness": 40, "content": 15, "none": 5}
A_RARE = 6e-5
"""Of first messages, which are a sixth of all texts."""
EMPTIED = dict.fromkeys(("answer_key", "prompt_key", "error_message"))
"""What a call has not, besides, from which what was said was taken."""
SEARCH_BYTES = 256 << 20
"""That the search index gathers before it writes them: it has less to merge in the end."""
Row = dict[str, Any]
Place = tuple[bytes | None, bytes]
"""A message's id and node."""


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


def templates(folder: Path, count: int, rng: Random) -> sa.Engine:
    """A store of so many conversations as the drain would have it."""
    url = f"sqlite:///{folder / 'templates.db'}"
    upgrade(url)
    engine = open_engine(url)
    project = keys.ensure_project(engine, "default")
    records: list[Begin | Finish] = []
    at = 1_700_000_000 * SECOND
    for n in range(count):
        messages: list[dict[str, Any]] = [{"role": "system", "content": f"You are assistant {n % 50}."}]
        for _ in range(min(12, 1 + int(rng.expovariate(0.4)))):
            at += 60 * SECOND
            opening = f"{BEGINNING}: " if len(messages) == 1 else ""
            messages.append({"role": "user", "content": f"{opening}{prose(rng, rng.randint(8, 80))}"})
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
        "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL AND tbl_name IN"
        " ('sessions', 'session_bodies', 'calls', 'messages', 'facets', 'search_docs')"
    ).fetchall()
    db.execute("BEGIN")
    for name, _ in indexes:
        db.execute(f"DROP INDEX {name}")
    db.execute("INSERT INTO search_text(search_text, rank) VALUES ('hashsize', ?)", (SEARCH_BYTES,))
    key_rows = [(k, 1, k.replace("key_", "key-"), k.encode(), "", 0) for k in KEYS]
    db.executemany("INSERT INTO keys (id, project, name, hash, hint, created_at) VALUES (?, ?, ?, ?, ?, ?)", key_rows)
    with tempfile.TemporaryDirectory() as folder:
        source = templates(Path(folder), min(TEMPLATES, sessions), rng)
        written = Writer(db, source, documented, rng)
        source.dispose()
    gc.disable()  # of millions of rows none holds another
    newest = time.time_ns() // 1000
    begins = sorted(newest - int(days * DAY * rng.random()) for _ in range(sessions))
    for start in range(0, sessions, CHUNK):
        written.write(begins[start : start + CHUNK], newest)
        if start % (CHUNK * 20) == 0:
            print(f"{start:,} sessions", file=sys.stderr, flush=True)
    gc.enable()
    db.execute("COMMIT")
    facets(db)
    for _, statement in indexes:
        db.execute(statement)
    for statement in importlib.import_module("sessionary.store.migrations.versions.0003_pages").count_traffic():
        db.execute(statement)
    db.execute("INSERT INTO search_text(search_text) VALUES ('optimize')")
    db.execute("DELETE FROM search_text_config WHERE k = 'hashsize'")
    db.close()


@dataclass(frozen=True)
class Said:
    """A message, but for where it stands. Most are written often, and many are not written: what is only in its row is
    made once, and when it is needed."""

    raw: bytes
    meant: meaning.Meaning
    head: Row
    digest: bytes

    @classmethod
    def of(cls, stored: tree.Stored) -> "Said":
        meant = read(stored.raw, stored.format, answer=stored.answer)[1]
        head = {name: getattr(stored, name) for name in ("depth", "role", "format", "answer")}
        return cls(stored.raw, meant, head, ids.digest(stored.raw))

    def begun(self, opening: str) -> "Said":
        """With another number."""
        old, new = BEGINNING.encode(), opening.encode()
        raw = self.raw.replace(old, new)
        return Said(raw, tuple(piece.replace(old, new) for piece in self.meant), self.head, ids.digest(raw))

    @cached_property
    def bodies(self) -> dict[bytes, bytes]:
        """By their hashes."""
        return {ids.digest(body): body for body in literal.part(self.raw) if body is not None}

    @cached_property
    def row(self) -> Row:
        return self.head | dict(zip(("frame", "text"), (*self.bodies, None), strict=False))


class Template:
    """A conversation in which each call adds a message, and has an answer."""

    def __init__(
        self, connection: sa.Connection, session: Row, calls: Sequence[Row], exchanges: dict[str, Row]
    ) -> None:
        self.session, self.calls = session, calls
        self.exchanges = [exchanges[call["id"]] for call in calls]
        self._texts = [[words.of_call(connection, call, answer=answer) for answer in (False, True)] for call in calls]
        path = tree.path(connection, session["project"], calls[-1]["output"])
        self._first, *self._rest = map(Said.of, path)
        self.needs = rollups.needed(connection, session["project"], session["id"])
        self.bodies = load(connection, session["project"], self.needs)
        for said in self._rest:
            self.bodies |= said.bodies

    def said(self, opening: str) -> list[Said]:
        """Its messages, of which the first begins otherwise."""
        return [self._first.begun(opening), *self._rest]

    def texts(self, opening: str) -> list[list[str]]:
        """Of each call, what search finds it by."""
        (asked, answered), *rest = self._texts
        return [[asked.replace(BEGINNING, opening), answered], *rest]


class Writer:
    """Writes templates again, as other sessions."""

    def __init__(self, db: sqlite3.Connection, source: sa.Engine, documented: float, rng: Random) -> None:
        self._db, self._rng, self._documented = db, rng, documented
        self._sessions = self._docs = 0
        self._model, self._client, self._key = Choice(MODELS), Choice(CLIENTS), Choice(KEYS)
        self._project, self._end, self._source = Choice(PROJECTS), Choice(ENDS), Choice(SOURCES)
        self._scope, self._answer_key = lru_cache(100_000)(ids.scope), lru_cache(100_000)(meaning.answer_key)
        self._rows: defaultdict[str, list[Row]] = defaultdict(list)
        self._told: list[tuple[Row, list[str]]] = []
        self._has: set[tuple[int, str]] = set()
        with source.connect() as connection:
            calls: defaultdict[str, list[Row]] = defaultdict(list)
            for call in _all(connection, "calls"):
                calls[call["session"]].append(call)
            exchanges = {exchange["call_id"]: exchange for exchange in _all(connection, "exchanges")}
            self._templates = [
                Template(connection, session, calls[session["id"]], exchanges)
                for session in _all(connection, "sessions")
            ]

    def write(self, begins: Sequence[int], newest: int) -> None:
        for at in begins:
            self._session(at, newest)
        self._rows["calls"].sort(key=itemgetter("created_at"))
        self._told.sort(key=lambda told: told[0]["created_at"])
        texts = []
        for call, said in self._told:
            for answer, text in enumerate(said):
                self._docs += 1
                doc = {"id": self._docs, "project": call["project"], "call_id": call["id"], "answer": answer}
                self._rows["search_docs"].append(doc)
                texts.append((self._docs, text))
        for table, rows in self._rows.items():
            self._insert(table, rows, "OR IGNORE" if table == "bodies" else "")
        self._db.executemany("INSERT INTO search_text(rowid, text) VALUES (?, ?)", texts)
        self._rows.clear()
        self._told.clear()

    def _session(self, at: int, newest: int) -> None:
        rng, template = self._rng, self._rng.choice(self._templates)
        self._sessions += 1
        opening = f"{RARE if rng.random() < A_RARE else FIRST} {self._sessions:09}"
        project, text = self._project(rng), f"s-{rng.getrandbits(60):x}"
        said = template.said(opening) if rng.random() < self._documented else []
        places = list(_places(project, said)) if said else self._places_of_nothing(2 * len(template.calls))
        calls = self._calls(template, said, places, at, newest, project, ids.session_id(project, text))
        session = self._summed(template, text, calls)
        if said:
            session["title"] = session["title"].replace(BEGINNING, opening)
            self._contents(template, project, said, places)
            for call, exchange, told in zip(calls, template.exchanges, template.texts(opening), strict=True):
                self._rows["exchanges"].append(exchange | {"project": project, "call_id": call["id"]})
                self._told.append((call, told))
            here = {"project": project, "session": session["id"]}
            self._rows["session_bodies"] += [here | {"hash": hashed} for hashed in template.needs]
        else:
            session |= {"title": "", "emptied_at": session["last_at"], "contents": False}
        self._rows["sessions"].append(session)
        self._rows["calls"] += calls

    def _contents(self, template: Template, project: int, said: Sequence[Said], places: Sequence[Place]) -> None:
        above = None
        for one, (id, node) in zip(said, places, strict=True):
            self._rows["messages"].append({"project": project, "id": id, "parent": above, "node": node, **one.row})
            above = id
        bodies = said[0].bodies
        if (project, template.session["id"]) not in self._has:
            self._has.add((project, template.session["id"]))
            bodies = bodies | template.bodies
        self._rows["bodies"] += [{"project": project, "hash": h, "data": pack(raw)} for h, raw in bodies.items()]

    def _calls(
        self,
        template: Template,
        said: Sequence[Said],
        places: Sequence[Place],
        at: int,
        newest: int,
        project: int,
        session: str,
    ) -> list[Row]:
        rng = self._rng
        key, client = self._key(rng), self._client(rng)
        user = f"user-{int(USERS * rng.random() ** 2)}"
        model, pace = self._model(rng), rng.choice((0.2, 1, 20))
        first, last = (template.calls[n]["created_at"] for n in (0, -1))
        at = min(at, newest - 61 * SECOND - int((last - first) * pace))
        whole: Row = {
            "project": project,
            "session": session,
            "source": self._source(rng),
            "key_id": key,
            "client": client,
            "user": user,
            "scope": self._scope(key, user),
            "model": model,
            "provider": "anthropic" if model.startswith("claude") else "openai",
            "attempts": "[]",
        }
        calls: list[Row] = []
        for n, old in enumerate(template.calls):
            began = at + int((old["created_at"] - first) * pace) + int(SECOND * rng.random())
            status, price = self._end(rng), rng.random() ** 3 * 50_000_000
            ok = status == "ok"
            (leaf, leaf_node), (output, output_node) = places[2 * n : 2 * n + 2]
            call: Row = {
                **old,
                **whole,
                "id": ids.new_call_id(began // 1000),
                "parent": calls[-1]["id"] if calls else None,
                "status": status,
                "created_at": began,
                "finished_at": began + old["finished_at"] - old["created_at"],
                "http_status": 200 if ok else 500,
                "error_type": None if ok else "server_error",
                "error_message": None if ok else "The server had an error",
                "cost": int(price) if ok and rng.random() < 0.97 else None,
                "stream": rng.random() < 0.7,
                "leaf": leaf,
                "leaf_node": leaf_node,
                "output": output,
                "output_node": output_node,
            }
            if said:
                call["answer_key"] = self._answer_key(project, said[2 * n + 1].meant)
            else:
                call |= EMPTIED
            calls.append(call)
        return calls

    def _places_of_nothing(self, count: int) -> list[Place]:
        """Of messages that are gone. Nodes stay, and nobody knows any more of what they are."""
        return [(None, self._rng.randbytes(ids.DIGEST_SIZE)) for _ in range(count)]

    def _summed(self, template: Template, text: str, calls: Sequence[Row]) -> Row:
        one, last = calls[0], max(calls, key=itemgetter("finished_at", "created_at", "id"))
        costs = [c["cost"] for c in calls if c["cost"] is not None]
        errors = sum(c["status"] in rollups.FAILED for c in calls)
        return template.session | {
            "project": one["project"],
            "id": one["session"],
            "session_id": text,
            "source": one["source"],
            "status": "errors" if errors else "cut" if last["status"] in rollups.CUT else "ok",
            "errors": errors,
            "cost": sum(costs) if costs else None,
            "unpriced": sum(c["cost"] is None and c["status"] == "ok" for c in calls),
            "models": f'["{one["model"]}"]',
            "clients": f'["{one["client"]}"]',
            "keys": f'["{one["key_id"].replace("key_", "key-")}"]',
            "users": f'["{one["user"]}"]',
            "tags": '["evaluation"]' if self._rng.random() < 0.001 else "[]",
            "first_at": one["created_at"],
            "last_at": last["finished_at"],
            "updated_at": last["finished_at"],
        }

    def _insert(self, table: str, rows: Sequence[Row], conflict: str) -> None:
        names = list(rows[0])
        marks = ", ".join("?" * len(names))
        quoted = ", ".join(f'"{n}"' for n in names)
        statement = f'INSERT {conflict} INTO "{table}" ({quoted}) VALUES ({marks})'  # noqa: S608
        self._db.executemany(statement, map(itemgetter(*names), rows))


def _places(project: int, said: Iterable[Said]) -> Iterator[Place]:
    """Where messages stand in a history: see store.schema."""
    id = node = ids.root_node(project)
    for one in said:
        id, node = ids.digest(id, one.digest), meaning.fold(node, one.meant)
        yield id, node


def _all(connection: sa.Connection, table: str) -> list[Row]:
    """As they are in the database, in the order in which they came."""
    return [dict(row) for row in connection.exec_driver_sql(f"SELECT * FROM {table} ORDER BY rowid").mappings()]  # noqa: S608


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
