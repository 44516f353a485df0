"""Whatever clients name, they may name it with thousands of characters: the call is stored, and found by what it was
called. PostgreSQL has no index entries of more than about 2,700 bytes, and compresses what it can: these texts are
drawn by lot."""

import json
import random
import string
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import pytest
import sqlalchemy as sa
from typer.testing import CliRunner

from sessionary.cli import app
from sessionary.store import lists, reads, search, terms, verify
from sessionary.store.engine import open_engine
from sessionary.store.schema import LONGEST
from sessionary.store.walk import Page
from tests.support.postgres import Postgres
from tests.support.server import Answer, Server, running_server
from tests.support.upstream import FakeUpstream, Reply, chat_json

LENGTH = 5_000
CONFIG = """
models:
  - {{name: chat, model: openai-compatible/some, base_url: {url}, api_key: sk-1, formats: [chat]}}
"""
LETTERS = {"ascii": string.ascii_letters + string.digits, "multi-byte": "".join(map(chr, range(0x4E00, 0x9000)))}
Text = Callable[[], str]
Of = Literal["sessions", "calls"]
SORTS: dict[Of, str] = {"sessions": "last_at", "calls": "created_at"}


@pytest.fixture(params=list(LETTERS))
def letters(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def text(letters: str, request: pytest.FixtureRequest) -> Text:
    """Another long text each time."""
    rng = random.Random(f"{request.function.__name__} {letters}")
    return lambda: "".join(rng.choices(LETTERS[letters], k=LENGTH))


@pytest.fixture
def plain(letters: str, request: pytest.FixtureRequest) -> Text:
    """The same, of what a header may have."""
    rng = random.Random(f"{request.function.__name__} {letters}, plain")
    return lambda: "".join(rng.choices(LETTERS["ascii"], k=LENGTH))


@pytest.fixture(scope="module")
def upstream() -> Iterator[FakeUpstream]:
    with FakeUpstream() as started:
        yield started


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Its URL."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path_factory.mktemp('store') / 'store.db'}"
        return
    postgres: Postgres = request.getfixturevalue("postgres")
    url = postgres.new_database()
    yield url
    postgres.drop(url)


@pytest.fixture(scope="module")
def running(database: str, upstream: FakeUpstream, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    config, env = CONFIG.format(url=upstream.base_url), {"SESSIONARY_DATABASE": database}
    with running_server(tmp_path_factory.mktemp("server"), env=env, config=config) as started:
        yield started


@pytest.fixture
def stored(running: Server, database: str) -> Iterator[sa.Engine]:
    """The store of the server."""
    engine = open_engine(database)
    yield engine
    engine.dispose()


@pytest.fixture
def server(running: Server, stored: sa.Engine) -> Iterator[Server]:
    yield running
    assert running.balance()["set_aside"] == 0
    assert verify.verify(stored).differences == []


def asked(server: Server, headers: dict[str, str] | None = None, key: str | None = None, **fields: Any) -> Answer:
    body = {"model": "chat", "messages": [{"role": "user", "content": "hello"}], **fields}
    sent = json.dumps(body, ensure_ascii=False).encode()
    answer = server.request("POST", "/v1/chat/completions", sent, headers, key=key or server.key)
    assert answer.status == 200, answer.body
    return answer


def listed(engine: sa.Engine, of: Of, **narrowed: str) -> list[str]:
    """Ids of the sessions of a list. Long texts of several bytes a character are too much for a server's URLs."""
    page, wanted = Page(SORTS[of], True, 10), terms.plain(of, **narrowed)
    if of == "sessions":
        return [row.session_id for row in lists.sessions(engine, None, wanted, page).rows]
    return [row.session_text for row in lists.calls(engine, None, wanted, page).rows]


def suggested(server: Server, field: str, prefix: str) -> list[str]:
    path = f"/api/suggest?field={field}&prefix={quote(prefix, safe='')}"
    return list(server.get(path)["data"])


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses", "/v1/messages"])
def test_an_id_beside_metadata_of_any_size(server: Server, path: str, text: Text) -> None:
    name = f"beside{path}"
    told = {"notes": [text(), text(), text(), text()], "deep": [[{}]], "litellm_session_id": name, "user_id": "ann"}
    said = {"max_tokens": 99, "messages": [{"role": "user", "content": "hi"}]}
    body = {"model": "chat", "metadata": told, **({"input": "hi"} if path == "/v1/responses" else said)}
    sent = json.dumps(body).encode()
    answer = server.request("POST", path, sent)
    assert (answer.status, answer.headers["x-session-id"]) == (200, name), answer.body
    assert server.call(answer.headers["x-call-id"])["user"] == "ann"


def test_ids_of_any_length(server: Server, text: Text) -> None:
    """Those that are too long for most readers of headers are told by our id, which names the session as well; those
    that no header could carry by their beginning and a hash."""
    named = asked(server, litellm_session_id=text())
    ours = named.headers["x-session-id"]
    again = asked(server, {"x-session-id": ours})
    assert {server.call(one.headers["x-call-id"])["session"] for one in (named, again)} == {ours}
    long = text() * 10
    one = asked(server, litellm_session_id=long).headers["x-session-id"]
    assert asked(server, metadata={"litellm_session_id": long}).headers["x-session-id"] == one
    assert asked(server, litellm_session_id=f"{long}!").headers["x-session-id"] != one


def test_a_session_is_found_by_its_whole_id(server: Server, stored: sa.Engine, text: Text, plain: Text) -> None:
    """In each place that names one. Ids that only differ at their ends are different sessions."""
    beginning = text()
    names = [beginning + "1", beginning + "2", *(text() for _ in range(3))]
    asked(server, metadata={"litellm_session_id": names[0]})
    asked(server, metadata={"litellm_session_id": names[1]})
    asked(server, litellm_session_id=names[2])
    asked(server, session_id=names[3])
    asked(server, thread_id=names[4])
    headers = ("x-session-id", "x-litellm-session-id", "x-claude-code-session-id", "session-id", "x-some-session-id")
    for header in headers:
        names.append(plain())
        asked(server, {header: names[-1]})
    names += [f"{plain()}{'0123456789abcdef' * 2}"]
    asked(server, prompt_cache_key=names[-1])
    names.append(plain())
    asked(server, {"baggage": f"session.id={names[-1]}"})
    for name in names:
        if len(quote(name)) < 2 * LENGTH:
            assert server.session(name, calls=1)["session_id"] == name
    server.balance()
    ours = {one["session_id"]: one["id"] for one in server.get("/api/sessions?limit=200")["data"]}
    assert set(names) <= ours.keys()
    for name in names:
        assert server.get(f"/api/sessions/{ours[name]}")["session_id"] == name
        one = reads.session(stored, None, name, 1)
        assert one is not None
        assert one.session_id == name
        for of in SORTS:
            assert listed(stored, of, session_id=name) == [name]


def test_what_is_said_of_a_session_shows_and_finds_it(
    server: Server, stored: sa.Engine, letters: str, text: Text, plain: Text
) -> None:
    user, agent, name, tag = text(), text(), text(), text()
    labelled, codex, claude = (f"{of} {letters}" for of in ("labelled", "codex", "claude"))
    headers = {"x-session-id": labelled, "user-agent": plain()}
    asked(server, headers | {"x-session-tags": f"{quote(tag)},{letters}"}, user=user)
    asked(server, headers | {"x-session-name": quote(name)})
    asked(server, headers | {"x-session-agent": quote(agent)})
    asked(server, {"x-session-id": codex, "session-id": "main", "thread-id": plain(), "x-openai-subagent": plain()})
    asked(server, {"x-session-id": claude, "x-claude-code-agent-id": plain()}, metadata={"user_id": text()})
    one = server.session(labelled, calls=3)
    assert (one["users"], one["agents"]) == ([user[:LONGEST]], 1)
    assert one["title"] == name[: len(one["title"])]
    assert sorted(one["tags"]) == sorted([tag[:100], letters])
    assert server.session(codex, calls=1)["agents"] == server.session(claude, calls=1)["agents"] == 1
    assert suggested(server, "user", user[:3]) == [user[:LONGEST]]
    assert suggested(server, "tag", tag[:3]) == [tag[:100]]
    for given in (user, user[:LONGEST]):
        assert listed(stored, "sessions", user=given) == [labelled]
        assert listed(stored, "calls", user=given) == [labelled]
    found = server.get(f"/api/sessions?filter={quote(f'tag:{tag[:100]} user:{user[:LONGEST]}')}")["data"]
    assert [session["session_id"] for session in found] == [labelled]


def test_a_call_that_names_what_is_not_there_is_in_the_log(server: Server, text: Text, plain: Text) -> None:
    message = {"model": "chat", "input": "hello"}
    refused = [
        server.post("/v1/chat/completions", {"model": text(), "messages": []}),
        server.post("/v1/responses", message | {"previous_response_id": f"resp_{text()}"}),
        server.post("/v1/responses", message | {"previous_response_id": text()}),
        server.post("/v1/responses", message | {"conversation": f"conv_{text()}"}),
        server.post("/v1/responses", message | {"conversation": {"id": text()}}),
        server.post("/v1/chat/completions", {"model": "chat"}, {"x-previous-response-id": plain()}),
    ]
    for answer in refused:
        assert 400 <= answer.status < 500, answer.body
    for answer in refused:
        if call := answer.headers.get("x-call-id"):
            assert server.call(call)["status"] in ("rejected", "upstream_error")
    for path in (f"/v1/responses/resp_{plain()}", f"/v1/conversations/conv_{plain()}"):
        assert server.request("GET", path).status == 404
        assert server.request("DELETE", path).status == 404


def test_what_a_provider_names_is_stored(server: Server, upstream: FakeUpstream, text: Text) -> None:
    """Ids of tool calls, of which one starts an agent, of answers, and models."""
    prompt = f"Find out which of the drafts is the best, of {text()}"
    started, given = text(), {"prompt": prompt, "subagent_type": text()}
    calls = [
        {"id": started, "type": "function", "function": {"name": "Task", "arguments": json.dumps(given)}},
        {"id": text(), "type": "function", "function": {"name": "Task", "arguments": json.dumps(given)}},
    ]
    said = json.loads(chat_json({"model": text(), "messages": [{"role": "user", "content": "x"}]}))
    said["id"] = text()
    said["choices"][0] |= {"message": {"role": "assistant", "content": None, "tool_calls": calls}}
    said["choices"][0]["finish_reason"] = text()
    upstream.script(Reply(json.dumps(said).encode()))
    begun = [{"role": "system", "content": "main"}, {"role": "user", "content": "delegate"}]
    parent = server.call(asked(server, messages=begun).headers["x-call-id"])
    child = asked(server, messages=[{"role": "system", "content": "agent"}, {"role": "user", "content": prompt}])
    told = server.call(child.headers["x-call-id"])
    assert told["session"] == parent["session"]
    assert told["rule"] == "content.spawn"
    results = [{"role": "tool", "tool_call_id": call["id"], "content": "done"} for call in calls]
    after = asked(server, messages=[*begun, said["choices"][0]["message"], *results])
    assert server.call(after.headers["x-call-id"])["session"] == parent["session"]


def test_what_is_said_may_be_one_long_word(server: Server, stored: sa.Engine, letters: str, text: Text) -> None:
    word, name = text(), f"words {letters}"
    asked(server, {"x-session-id": name}, messages=[{"role": "user", "content": f"{word} and {word[:50]}"}])
    server.session(name, calls=1)
    assert [hit.session_id for hit in search.find(stored, None, f"and {word[:50]}", 10).hits] == [name, name]
    search.find(stored, None, word, 10)


def test_a_key_has_a_long_name(server: Server, stored: sa.Engine, letters: str, text: Text) -> None:
    name, by_api, by_command = text(), f"by the API {letters}", f"by the command {letters}"
    new = {"project": "default", "name": name}
    assert server.post("/api/keys", new).status == 400
    made = server.post("/api/keys", new | {"name": name[:200]})
    asked(server, {"x-session-id": by_api}, key=made.json["key"])
    told = json.loads(server.cli("keys", "create", "--project", "default", "--name", name, "--json"))
    asked(server, {"x-session-id": by_command}, key=told["key"])
    server.session(by_api, calls=1)
    server.session(by_command, calls=1)
    assert suggested(server, "key", name[:3]) == [name[:200], name[:LONGEST]]
    assert listed(stored, "sessions", key=name[:200]) == [by_api]
    for given in (name, name[:LONGEST]):
        assert listed(stored, "sessions", key=given) == [by_command]
    assert listed(stored, "calls", key=name) == [by_command]


def test_a_projects_name_has_an_end(tmp_path: Path) -> None:
    made = CliRunner().invoke(app, ["keys", "create", "--project", "p" * 201, "--data-dir", str(tmp_path / "data")])
    assert made.exit_code == 2
    assert "at most 200 characters" in " ".join(made.output.split())
