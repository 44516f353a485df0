"""S4: a secret of its own in every slot that takes one, through everything that can go well or wrong, and then not
one of them anywhere but where it belongs.

What prompts and answers say is recorded, of course: only credentials are looked for. Which headers are recorded is an
allow-list: `relay.headers`.
"""

import contextlib
import json
import secrets
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
import pytest
import sqlalchemy as sa
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from sessionary.store.engine import open_engine
from sessionary.store.pack import unpack
from tests.support.postgres import Postgres
from tests.support.server import Server, running_server, wait_for
from tests.support.upstream import FakeUpstream, Received, Reply

JSON = {"content-type": "application/json"}
FORM = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
SLOTS = (
    "master", "openai", "anthropic", "azure", "deployment", "user", "password", "database", "unreachable",
    "bearer", "x-api-key", "api-key", "basic", "cookie", "proxy", "query", "token", "other-token", "codex", "claude",
    "stainless", "google", "organization", "next", "guessed-link", "guessed-key", "last-event",
)  # fmt: skip

SLASHED = ("deployment", "anthropic")
"""Some write a slash with a backslash before it, in JSON."""


@dataclass
class Canary:
    secrets: dict[str, str] = field(
        default_factory=lambda: (
            {name: f"canary-{name}-{secrets.token_hex(12)}" for name in SLOTS}
            | {name: f"canary/{name}-{secrets.token_hex(12)}" for name in SLASHED}
        )
    )
    places: dict[str, bytes] = field(default_factory=dict)

    def __getitem__(self, name: str) -> str:
        return self.secrets[name]

    def saw(self, place: str, data: bytes | str) -> None:
        while place in self.places:
            place += "'"
        self.places[place] = data if isinstance(data, bytes) else data.encode("utf-8", "replace")

    def check(self) -> None:
        found = [
            (name, place) for place, data in self.places.items() for name in self.secrets if self.is_in(name, data)
        ]
        print(f"{len(self.places)} places x {len(self.secrets)} secrets, {sum(map(len, self.places.values())):,} bytes")
        assert found == []

    def is_in(self, name: str, data: bytes) -> bool:
        """Also its random part alone, of which there are as many characters in a secret of ours."""
        return self.secrets[name][-24:].encode() in data


@pytest.fixture
def canary() -> Canary:
    return Canary()


@pytest.fixture
def gateway(tmp_path: Path, canary: Canary, upstream: FakeUpstream, postgres: Postgres) -> Iterator[Server]:
    url = postgres.new_database().replace("postgres@", f"postgres:{canary['database']}@")
    address = f"http://{canary['user']}:{canary['password']}@127.0.0.1:{upstream.port}/v1"
    canary.secrets["basic-sent"] = b64encode(f"{canary['user']}:{canary['password']}".encode()).decode()
    config = f"""
log_level: debug
models:
  - {{name: own, model: openai/gpt-4o, base_url: "{address}"}}
  - {{name: keyed, model: openai/gpt-4o, base_url: "{upstream.base_url}", api_key: {canary["deployment"]}}}
  - {{name: gone, model: openai/x, base_url: "http://u:{canary["unreachable"]}@127.0.0.1:1/v1"}}
"""
    home = upstream.base_url.removesuffix("/v1")
    env = {
        "SESSIONARY_MASTER_KEY": canary["master"], "SESSIONARY_DATABASE": url,
        "OPENAI_API_KEY": canary["openai"], "OPENAI_BASE_URL": upstream.base_url,
        "ANTHROPIC_API_KEY": canary["anthropic"], "ANTHROPIC_BASE_URL": home,
        "AZURE_API_KEY": canary["azure"], "AZURE_API_BASE": home,
    }  # fmt: skip
    with running_server(tmp_path, env=env, config=config) as server:
        server.key = canary["master"]
        yield server


def quoted(request: Received) -> tuple[bytes, str]:
    given = [request.headers.get(name, "") for name in ("authorization", "x-api-key", "api-key")]
    body = {"error": {"message": f"Incorrect API key provided: {given}", "type": "invalid_request_error", "code": None}}
    return json.dumps(body).encode(), "".join(given)


def in_pieces(whole: bytes) -> list[bytes]:
    return [whole[n : n + 7] for n in range(0, len(whole), 7)]


def refuse(request: Received) -> Reply:
    """A provider that quotes the credential that it was given, in its body and its headers."""
    body, given = quoted(request)
    return Reply(401, pieces=in_pieces(body), headers={"content-type": "application/json", "openai-note": given})


def refuse_escaping(request: Received) -> Reply:
    """The same, with each slash escaped."""
    return Reply(401, pieces=in_pieces(quoted(request)[0].replace(b"/", rb"\/")), headers=JSON)


def refuse_and_say_ok(request: Received) -> Reply:
    """The same, with the status of an answer."""
    return Reply(200, pieces=in_pieces(quoted(request)[0]), headers=JSON)


def refuse_midway(request: Received) -> Reply:
    """The same, in a stream."""
    began = b'data: {"id":"x","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"hello"}}]}\n\n'
    event = b"event: error\ndata: " + quoted(request)[0] + b"\n\n"
    return Reply(200, pieces=in_pieces(began + event), headers={"content-type": "text/event-stream"})


def calls(server: Server, canary: Canary, key: str) -> None:
    """Every format, streamed and not, with credentials wherever a client could put one by mistake."""
    headers = {
        "cookie": f"sessionary={canary['cookie']}", "proxy-authorization": f"Bearer {canary['proxy']}",
        "x-codex-auth-token": canary["codex"], "x-claude-code-session-token": canary["claude"],
        "x-stainless-api-key": canary["stainless"], "x-goog-api-key": canary["google"],
        "openai-organization": canary["organization"], "x-amz-security-token": canary["other-token"],
    }  # fmt: skip
    said = [{"role": "user", "content": "hello"}]
    bodies: dict[str, dict[str, Any]] = {
        "chat/completions": {"messages": said}, "messages": {"messages": said, "max_tokens": 5},
        "responses": {"input": "hello"}, "embeddings": {"input": "hello"}, "completions": {"prompt": "hello"},
        "responses/input_tokens": {"input": "hello"}, "messages/count_tokens": {"messages": said},
    }  # fmt: skip
    for path, body in bodies.items():
        for model in ("gpt-4o", "own", "keyed", "gone", "claude-x", "azure/mini", "nothing-serves-this"):
            for stream in ({}, {"stream": True}) if model in ("gpt-4o", "own") else ({},):
                sent = {"model": model, **body, **stream}
                answer = server.post(
                    f"/v1/{path}?api_key={canary['query']}&token={canary['token']}", sent, headers, key=key
                )
                canary.saw(f"answer {path} {model}", answer.body + json.dumps(answer.headers).encode())


def refusals(server: Server, canary: Canary) -> None:
    """Keys that are not valid, in every form, on every surface."""
    forms = {
        "bearer": {"authorization": f"Bearer {canary['bearer']}"}, "x-api-key": {"x-api-key": canary["x-api-key"]},
        "api-key": {"api-key": canary["api-key"]}, "basic": {"authorization": f"Basic {canary['basic']}"},
        "cookie": {"cookie": f"sessionary={canary['cookie']}; __Host-sessionary={canary['cookie']}"},
        "last-event": {"last-event-id": canary["last-event"]},
    }  # fmt: skip
    places = ("/v1/chat/completions", "/v1/messages", "/v1/responses/x", "/api/sessions", "/api/events", "/metrics")
    for name, headers in forms.items():
        for path in (*places, "/ui/", "/ui/nothing", "/nothing", "/v1/models"):
            answer = server.request("POST" if "completions" in path else "GET", path, None, headers, key=None)
            assert answer.status >= 300, path
            canary.saw(f"refused {name} {path}", answer.body)
        with contextlib.suppress(InvalidStatus):
            connect(f"ws://127.0.0.1:{server.port}/v1/responses", additional_headers=headers).close()
    for path in (f"/ui/login?token={canary['guessed-link']}", f"/ui/login?next=/ui/%3Fx={canary['next']}"):
        answer = server.request("GET", path, key=None)
        if "next" not in path:
            canary.saw(path[:15], answer.body)
    canary.saw(
        "login", server.request("POST", "/ui/login", f"key={canary['guessed-key']}".encode(), FORM, key=None).body
    )


def read_all(server: Server, canary: Canary, cookie: str) -> None:
    """What API and pages say of it all."""
    key = server.key
    listed = server.get("/api/calls?limit=200", key=key)["data"]
    assert len(listed) > 20
    sessions = {call["session"] if "session" in call else call["session_id"] for call in listed}
    paths = ["/api/sessions", "/api/calls", "/api/models", "/api/keys", "/api/projects", "/api/health", "/api/audit"]
    paths += ["/metrics", "/api/search?q=hello", "/api/summary", "/api/openapi.json", "/health/ready", "/api/views"]
    paths += [
        f"/api/calls/{c['id']}{end}"
        for c in listed[:60]
        for end in ("", "/request", "/response?raw=1", "/headers", "/evidence")
    ]
    paths += [f"/api/sessions/{s}/export?format={f}" for s in list(sessions)[:5] for f in ("json", "jsonl", "markdown")]
    for path in paths:
        canary.saw(path, server.request("GET", path, key=key).body)
    for path in (
        "/ui/",
        "/ui/calls",
        "/ui/keys",
        "/ui/models",
        "/ui/health",
        "/ui/audit",
        *(f"/ui/sessions/{s}" for s in list(sessions)[:5]),
    ):
        answer = server.request("GET", path, None, {"cookie": cookie}, key=None)
        assert answer.status == 200, path
        canary.saw(path, answer.body)


def stored(server: Server, canary: Canary) -> None:
    """Every column of every table, unpacked where it is packed; every file of the data folder; every command line."""
    engine = open_engine(server.env["SESSIONARY_DATABASE"])
    with engine.connect() as connection:
        for name in sa.inspect(connection).get_table_names():
            for row in connection.execute(sa.select(sa.text("*")).select_from(sa.table(name))):
                for value in row:
                    data = bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
                    with contextlib.suppress(Exception):
                        data += unpack(data)
                    canary.places[f"table {name}"] = canary.places.get(f"table {name}", b"") + data + b"\n"
    engine.dispose()
    files(server, canary)
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            line = (process / "cmdline").read_bytes()
            if b"sessionary" in line:
                canary.saw("command lines", line)


def files(server: Server, canary: Canary) -> None:
    for path in server.data_dir.rglob("*"):
        if path.is_file():
            canary.saw(f"file {path.relative_to(server.data_dir)}", path.read_bytes())


def command(server: Server, canary: Canary, *args: str, **env: str) -> None:
    arguments = [sys.executable, "-m", "sessionary", *args]
    done = subprocess.run(arguments, env={**server.env, **env}, capture_output=True, timeout=60, check=False)
    canary.saw(f"command {args[:2]}", done.stdout + done.stderr)


def test_no_secret_leaves_its_place(
    gateway: Server, canary: Canary, upstream: FakeUpstream, postgres: Postgres, tmp_path: Path
) -> None:
    """S4: see the module."""
    made = gateway.post("/api/keys", {"project": "canary"}, key=gateway.key).json["key"]
    canary.secrets["client"] = made
    entered = gateway.request("POST", "/ui/login", f"key={gateway.key}".encode(), FORM, key=None)
    cookie = entered.headers["set-cookie"].partition(";")[0]
    canary.secrets["login"] = cookie.partition("=")[2]
    calls(gateway, canary, made)
    for provider in (refuse, refuse_escaping, refuse_and_say_ok, refuse_midway):
        upstream.default = provider
        calls(gateway, canary, made)
    refusals(gateway, canary)
    files(gateway, canary)  # the spool, as far as it is not stored yet
    wait_for(lambda: all(c["status"] != "live" for c in gateway.get("/api/calls", key=gateway.key)["data"]), 20)
    read_all(gateway, canary, cookie)
    stored(gateway, canary)
    folder = ("--data-dir", str(gateway.data_dir))
    config = ("--config", str(tmp_path / "config.yaml"))
    for args in (("doctor", *config), ("keys", "list"), ("audit",), ("--help",), ("serve", "--help")):
        command(gateway, canary, *args, *(folder if "--help" not in args else ()))
    bad = tmp_path / "bad.yaml"
    for line in ("database: 'postgresql://u:{}@:x:y/z'", "master_key: ['{}']", "models: [{{name: a, api_key: '{}'}}]",
                 "models: [{{name: a, model: openai/a, base_url: 'ftp://u:{}@x', api_key: k}}]", "{}: 1",
                 "models: [{{name: a, model: openai/a, api_key: '{}\\n'}}]"):  # fmt: skip
        bad.write_text(line.format(canary["deployment"]) if line != "{}: 1" else "retries: [")
        command(gateway, canary, "serve", "--config", str(bad), *folder, SESSIONARY_DATABASE="")
    with psycopg.connect(gateway.env["SESSIONARY_DATABASE"], autocommit=True) as connection:  # the store breaks
        connection.execute("DROP TABLE calls, sessions, logins, conversations CASCADE")
    for path in ("/api/calls", "/api/sessions", "/api/search?q=x", "/ui/", "/v1/responses/resp_x", "/api/health"):
        headers = {"cookie": cookie} if path.startswith("/ui") else {}
        canary.saw(f"broken {path}", gateway.request("GET", path, None, headers, key=gateway.key).body)
    upstream.default = Reply(reset=True)
    calls(gateway, canary, made)
    gateway.kill9()
    files(gateway, canary)
    canary.saw("log", gateway.log.replace(banner(gateway.log), ""))
    canary.check()
    for word, place in (
        (b"hello", "table bodies"),
        (b"[hidden]", "answer chat/completions keyed"),
        (b"canary", "/api/keys"),
    ):
        found = [name for name, data in canary.places.items() if name.startswith(place) and word in data]
        assert found, [(n, d[:300]) for n, d in canary.places.items() if n.startswith(place)][
            :3
        ] or f"what is there is found: {word!r} in {place}"
    sent = json.dumps([request.headers for request in upstream.requests])
    for name in ("openai", "anthropic", "azure", "deployment", "basic-sent"):
        assert canary.is_in(name, sent.encode()), f"the provider has got its {name}"


def banner(log: str) -> str:
    """For whoever starts the gateway: the one-time link."""
    return log.partition("page       ")[2].partition("\n")[0]
