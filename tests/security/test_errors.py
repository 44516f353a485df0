"""S11, S7, S8: what a failure says, in whose format, and with which headers; depth and length of what is sent.

Failures are made inside: the store's tables are gone, and what a handler calls raises.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from starlette.testclient import TestClient

from sessionary.api.surface import EVERYTHING, LLM
from sessionary.api.views import Views
from sessionary.store import schema
from sessionary.store.engine import open_engine
from sessionary.store.writes import transaction
from tests.security.two import Two
from tests.support.recorded import Log
from tests.support.served import MASTER
from tests.support.server import Answer, Server, running_server
from tests.support.upstream import FakeUpstream, Reply

LEAKS = (
    b"Traceback", b'File "', b"SELECT", b"sqlalchemy", b"sqlite", b"psycopg", b"/src/", b"/tmp", b".py",
    b"no such table", b"127.0.0.1", b"localhost", b"Errno", b"0x7f", b"<!DOCTYPE", b"msgspec",
    b"RecursionError",
)  # fmt: skip
DEEP = b"[" * 100_000 + b"]" * 100_000
GUARDS = ("content-security-policy", "x-content-type-options", "referrer-policy", "cache-control", "x-frame-options")


def place(path: str) -> str:
    return path.replace("{id}", "ses_00000000000000000000000000").replace("{item}", "msg_1")


def refused(one: str, answer: Answer, path: str) -> None:
    """A refusal in the caller's format, with an id, and nothing of the inside."""
    assert not [leak for leak in LEAKS if leak in answer.body], (one, answer.body)
    error = answer.json["error"]
    assert error["type"], (one, answer.body)
    assert error["message"], (one, answer.body)
    assert answer.headers["x-request-id"] in answer.body.decode(), (one, answer.body)
    assert ("type" in answer.json) == path.startswith(("/messages", "/v1/messages")), "Anthropic's has a type outside"


@pytest.fixture(scope="module")
def gateway(tmp_path_factory: pytest.TempPathFactory, shared_upstream: FakeUpstream) -> Iterator[Server]:
    env = {"OPENAI_API_KEY": "sk-upstream", "OPENAI_BASE_URL": shared_upstream.base_url}
    with running_server(tmp_path_factory.mktemp("errors"), env=env) as started:
        yield started


def test_what_is_deep_or_broken_is_refused(gateway: Server, shared_upstream: FakeUpstream) -> None:
    """S8, S11: every route that takes a body, with every kind of body that is none; and no worker dies of it."""
    pid = gateway.get("/health/ready", key=None)["pid"]
    nested = b'{"a":' * 100_000 + b"1" + b"}" * 100_000
    inner = {
        "model": "gpt-4o",
        "messages": [{"role": "user", "content": "@"}],
        "input": "@",
        "items": "@",
        "title": "@",
    }
    bodies = [DEEP, nested, json.dumps(inner).encode().replace(b'"@"', DEEP), b'{"a":' + b"9" * 100_000 + b"}"]
    bodies += [b"", b"{", b"null", b"[]", b'"x"', b"\xff\xfe", b'{"model": 1e999, "messages": NaN}', b"\x00" * 100]
    for one in EVERYTHING:
        if one.method in ("POST", "PATCH") and one.path.startswith(("/api", *(listed.path for listed in LLM))):
            for body in bodies:
                answer = gateway.request(one.method, place(one.path), body)
                assert 400 <= answer.status < 500 or (answer.status == 200 and len(body) < 100), (
                    one,
                    body[:40],
                    answer,
                )
                if answer.status != 200:
                    refused(one.path, answer, one.path)
    for answered in (DEEP, b'{"choices":' + DEEP + b"}", nested):
        for stream in (False, True):
            shared_upstream.script(
                Reply(b"data: " + answered + b"\n\ndata: [DONE]\n\n", headers={"content-type": "text/event-stream"})
                if stream
                else Reply(answered)
            )
            gateway.chat("deep", stream=stream, session_id="deep")
    call = gateway.chat("after all that", session_id="after").headers["x-call-id"]
    assert gateway.call(call, seconds=20)["status"] == "ok", "the drain goes on, too"
    assert gateway.get("/health/ready", key=None)["pid"] == pid
    assert "ended with" not in gateway.log


def test_headers_are_bounded(gateway: Server) -> None:
    """S8: a head of a megabyte, or of ten thousand fields, is refused before anything is read of it."""
    for headers in ({"x-long": "x" * 1_000_000}, {f"x-{n}": "1" * 50 for n in range(10_000)}):
        try:
            status = gateway.request("GET", "/v1/models", None, headers).status
        except OSError:
            continue  # it has hung up
        assert status in (400, 413, 414, 431)
    assert gateway.request("GET", "/v1/models").status == 200


def test_every_answer_is_guarded(gateway: Server) -> None:
    """S7: pages, API, refusals, redirects and what is not there say what a browser may do with them: nothing."""
    for one in EVERYTHING:
        if one.path == "/api/events" or one in LLM or one.method == "WebSocket":
            continue
        for key in (gateway.key, None):
            answer = gateway.request(one.method, place(one.path), b"{}" if one.method != "GET" else None, key=key)
            assert not [name for name in GUARDS if name not in answer.headers], (one, answer.headers)
            assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
            assert "unsafe" not in answer.headers["content-security-policy"]
            assert "access-control-allow-origin" not in answer.headers
    for path in ("/nothing", "/api/nothing", "/ui/nothing", "/ui/static/nothing.js"):
        assert not [name for name in GUARDS if name not in gateway.request("GET", path).headers], path


def test_cookies(gateway: Server) -> None:
    """S7: not for scripts, not for other sites; over TLS also bound to the host."""
    form = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
    body = f"key={gateway.key}".encode()
    plain = gateway.request("POST", "/ui/login", body, form, key=None).headers["set-cookie"].lower()
    assert plain.startswith("sessionary=")
    secure = gateway.request("POST", "/ui/login", body, {**form, "host": "llm.example"}, key=None).headers["set-cookie"]
    assert secure.startswith("__Host-sessionary=")
    for cookie in (plain, secure.lower()):
        assert {"httponly", "samesite=strict", "path=/"} <= {part.strip() for part in cookie.split(";")}
        assert "domain" not in cookie
    assert "secure" in secure.lower().split("; ")
    own = {"cookie": secure.partition(";")[0]}
    assert gateway.request("GET", "/api/sessions", None, own, key=None).status == 200
    gone = gateway.request("POST", "/ui/logout", b"", {**own, **form}, key=None)
    assert gone.headers["set-cookie"].startswith("__Host-sessionary=")
    assert gateway.request("GET", "/api/sessions", None, own, key=None).status == 401


def test_the_store_is_gone(tmp_path: Any) -> None:
    """S11: every route of every family, with its tables dropped under it; what needs no store goes on."""
    with running_server(tmp_path) as gateway:
        form = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}
        entered = gateway.request("POST", "/ui/login", f"key={gateway.key}".encode(), form, key=None)
        cookie = {"cookie": entered.headers["set-cookie"].partition(";")[0], "sec-fetch-site": "same-origin"}
        engine = open_engine(f"sqlite:///{gateway.data_dir / 'sessionary.db'}")
        gone = ("sessions", "calls", "keys", "projects", "views", "audit", "conversations", "forgotten")
        with transaction(engine) as connection:
            schema.metadata.drop_all(connection, [schema.metadata.tables[name] for name in gone])
        asked = [
            one for one in EVERYTHING if one.path not in ("/api/events", "/ui/logout") and one.method != "WebSocket"
        ]

        def ask(one: Any) -> Answer:
            said = [{"role": "user", "content": "x"}]
            sent = {"model": "m", "input": "x", "messages": said, "prompt": "x", "max_tokens": 5, "items": said}
            sent |= {"name": "n", "project": "p", "page": "calls", "query": "", "sessions": ["a", "b"]}
            body = json.dumps(sent).encode()
            headers = cookie if one.path.startswith("/ui") else {}
            key = None if one.path.startswith("/ui") else gateway.key
            given = body if one.method in ("POST", "PATCH") else None
            return gateway.request(one.method, place(one.path), given, headers, key=key)

        failed = 0
        with ThreadPoolExecutor(16) as pool:
            answers = list(pool.map(ask, asked))
        for one, answer in zip(asked, answers, strict=True):
            if answer.status >= 400:
                failed += answer.status >= 500
                if one.path.startswith("/ui"):
                    shown = answer.body.replace(b"<!doctype", b"").replace(b"127.0.0.1", b"")
                    assert not [leak for leak in LEAKS if leak in shown], (one, answer.body)
                else:
                    refused(one.path, answer, one.path)
        assert failed > 15
        print(f"{failed} routes failed inside")
        assert gateway.chat("goes on").status == 200
        with transaction(engine) as connection:
            schema.logins.drop(connection)
        engine.dispose()
        for path in ("/ui/", "/api/sessions"):
            answer = gateway.request("GET", path, None, cookie, key=None)
            refused(path, answer, path)
            assert answer.status == 503


def test_a_fault_of_our_own(log: Log, client: TestClient, two: Two, monkeypatch: pytest.MonkeyPatch) -> None:
    """S11: what nobody thought of is told as a failure, and no more."""

    def broken(*given: Any) -> Any:
        raise RuntimeError(f"no such table: /src/x.py at 127.0.0.1 {given}")

    for name in ("sessions", "calls", "search", "session_row", "call_row", "health"):
        monkeypatch.setattr(Views, name, broken)
    bearer = {"authorization": f"Bearer {MASTER}"}
    for path in (
        "/api/sessions",
        "/api/calls",
        "/api/search?q=x",
        "/api/sessions/x",
        "/api/calls/x/request",
        "/api/health",
    ):
        answer = client.get(path, headers=bearer)
        assert answer.status_code == 500
        refused(path, Answer(500, dict(answer.headers), answer.content), path)
