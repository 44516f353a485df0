"""Who may ask for what (S2), over everything that the gateway answers. With keys and logins over the API's table, on
both engines: tests/integration/test_admin. Cookies and keys, each where it is void: tests/integration/test_gate.
"""

import json
import socket
from typing import Any, cast

import pytest
import sqlalchemy as sa
from starlette.routing import Mount, Route

from sessionary import api, counting, edge
from sessionary.api.surface import API, EVERYTHING, LLM, OPERATION, PAGES, Listed
from sessionary.ui.routes import routes as page_routes
from tests.support.server import MASTER_KEY, Answer, Server

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
HOSTILE = {
    "host": "evil.example",
    "forwarded": "for=127.0.0.1;host=evil.example;proto=https",
    "x-forwarded-for": "127.0.0.1",
    "x-forwarded-host": "evil.example",
    "x-forwarded-proto": "https",
    "x-forwarded-prefix": "/ui/static",
    "x-forwarded-user": "master",
    "x-real-ip": "127.0.0.1",
    "x-original-url": "/health/live",
    "x-rewrite-url": "/health/live",
    "x-http-method-override": "GET",
    "x-method-override": "GET",
    "x-middleware-subrequest": "1",
}
TRICKS = (
    "//api/keys", "/api//keys", "/api/./keys", "/./api/keys", "/health/../api/keys", "/health/%2e%2e/api/keys",
    "/ui/static/../../api/keys", "/ui/static/%2e%2e/%2e%2e/api/keys", "/ui/static/..%2f..%2fapi/keys",
    "/ui/static/..%5c..%5capi/keys", "/%61pi/keys", "/api/%6beys", "/API/keys", "/api/KEYS", "/api/keys/",
    "/api/keys;x=1", "/api/keys%00", "/api/keys%20", "/api/keys%2f", "/api\\keys", "/v1/api/keys", "/v1/v1/api/keys",
    "/models/../api/keys",
    "/api/openapi.json/../keys", "/api/openapi.json%2f..%2fkeys", "/api/keys?x=/health/live", "/api/keys#/health/live",
    "http://evil.example/api/keys", "/metrics/../api/keys", "/ui/login/../keys", "/ui/login%2f..%2fkeys", "/ui/static",
)  # fmt: skip


@pytest.fixture(scope="module")
def project_key(demo_server: Server) -> str:
    return str(demo_server.post("/api/keys", {"project": "small"}).json["key"])


def place(path: str) -> str:
    return path.replace("{id}", "absent").replace("{item}", "absent")


def raw(server: Server, method: str, path: str, headers: dict[str, str] | None = None) -> Answer:
    """As it is written: no client makes it tidy."""
    lines = [f"{method} {path} HTTP/1.1", "connection: close", "content-length: 0"]
    given = {"host": f"127.0.0.1:{server.port}", **(headers or {})}
    sent = "\r\n".join([*lines, *(f"{name}: {value}" for name, value in given.items()), "", ""])
    with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
        connection.sendall(sent.encode("latin-1"))
        data = b""
        while part := connection.recv(1 << 16):
            data += part
    head, _, body = data.partition(b"\r\n\r\n")
    first, *rest = head.decode("latin-1").split("\r\n")
    found = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
    return Answer(int(first.split()[1]), found, body)


def test_the_table_and_the_routes_agree(tmp_path: Any) -> None:
    """S2: a route that is not in the table fails here, and so does an entry without a route."""

    def there(routes: Any) -> set[tuple[str, str]]:
        found = set()
        for route in routes:
            if isinstance(route, Mount):
                found.add(("GET", route.path))
            else:
                assert isinstance(route, Route)
                found |= {(m, route.path.replace(":path}", "}")) for m in route.methods or () if m != "HEAD"}
        return found

    listed = {(one.method, one.path) for one in EVERYTHING}
    assert len(listed) == len(EVERYTHING)
    engine = sa.create_engine(f"sqlite:///{tmp_path / 'none.db'}")
    assert there(api.routes(engine)) == {(one.method, one.path) for one in API}
    assert there(page_routes(cast(Any, None))) == {(one.method, one.path) for one in PAGES}
    hot = {*edge._CALLS, *counting.PATHS}
    assert hot <= {one.path for one in LLM}
    families = {one.path.split("/")[1] for one in LLM if one.path not in hot}
    assert families == {"responses", "conversations", "models"}
    print(f"{len(EVERYTHING)} routes in the table: {len(LLM)} of calls, {len(API)} of the API, {len(PAGES)} of pages")


def test_nobody_gets_further_than_the_table_says(demo_server: Server) -> None:
    """S2: without a key every route answers as the table says, and nothing else answers at all."""
    for one in EVERYTHING:
        if one.method == "WebSocket" or (one.method, one.path) == ("POST", "/ui/login"):
            continue
        headers = {"sec-fetch-site": "same-origin"} if one.method != "GET" else {}
        paths = (one.path, "/v1" + one.path, "/v1/v1" + one.path) if one in LLM else (one.path,)
        for path in paths:
            answer = raw(demo_server, one.method, place(path), headers)
            if one.needs == "nothing":
                assert answer.status not in (401, 403, 500), (one, answer)
            elif one.needs == "page":
                assert (answer.status, answer.headers["location"][:14]) == (303, "/ui/login?next"), (one, answer)
            else:
                assert answer.status == 401, (one, answer)
                assert answer.json["error"]["type"] == "authentication_error"


def test_what_is_not_in_the_table_is_not_served(demo_server: Server) -> None:
    """S2: other methods of known addresses, and other addresses, with the master key."""
    listed = {(one.method, place(one.path)) for one in EVERYTHING}
    served = []
    for path in sorted(
        {place(one.path) for one in (*LLM, *API, *OPERATION)} | {"/nothing", "/api/nothing", "/v2/models"}
    ):
        for method in METHODS:
            within = path.startswith("/api/sessions/") and method in (
                "GET",
                "PATCH",
                "DELETE",
            )  # an id may have slashes
            if (method, path) not in listed and not within:
                answer = raw(demo_server, method, path, {"authorization": f"Bearer {MASTER_KEY}"})
                served.append((method, path, answer.status))
    assert served
    assert {status for *_, status in served} <= {404, 405}, [one for one in served if one[2] not in (404, 405)]


def test_addresses_cannot_be_dressed_up(demo_server: Server, project_key: str) -> None:
    """S2: what is matched is what is authorised, however an address is written and whatever headers say of it."""
    tried = 0
    for path in TRICKS:
        for method in ("GET", "POST"):
            for headers in ({}, HOSTILE):
                plain = raw(demo_server, method, path, headers)
                own = raw(demo_server, method, path, {**headers, "authorization": f"Bearer {project_key}"})
                tried += 2
                assert plain.status in (303, 400, 401, 404, 405), (method, path, plain)
                assert own.status != 500, (method, path, own)
                assert b"sk-" not in plain.body
                assert b'"default"' not in own.body, "what is of another project"
                for answer in (plain, own):
                    assert "evil" not in json.dumps(answer.headers), (method, path, answer)
                if method == "POST":
                    assert own.status in (303, 400, 403, 404, 405), (path, own)
    print(f"{tried} dressed-up requests")


def test_no_header_makes_a_difference(demo_server: Server, project_key: str) -> None:
    """S2: the same answers with and without everything that proxies and browsers may say."""
    bearer = {"authorization": f"Bearer {project_key}"}
    for one in (*API, *OPERATION, Listed("GET", "/v1/models", "call", "")):
        if one.path in ("/api/events", "/health/ready", "/metrics"):
            continue
        plain = raw(demo_server, one.method, place(one.path), bearer)
        hostile = raw(demo_server, one.method, place(one.path), {**bearer, **HOSTILE})
        assert plain.status == hostile.status, one
        if plain.status != 200:
            assert without_id(plain) == without_id(hostile), one


def without_id(answer: Answer) -> bytes:
    return answer.body.replace(answer.headers.get("x-request-id", "-").encode(), b"")


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/responses", "/messages", "/conversations", "/api/keys"])
def test_who_is_unknown_need_not_send_a_body(demo_server: Server, path: str) -> None:
    """S2: ten gigabytes are announced, and none is sent: the refusal comes all the same."""
    head = f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer sk-guess\r\ncontent-length: 10737418240\r\n\r\n"
    with socket.create_connection(("127.0.0.1", demo_server.port), timeout=10) as connection:
        connection.sendall(head.encode())
        assert b" 401 " in connection.recv(4096).partition(b"\r\n")[0]


def test_figures_need_a_key_and_name_nobody(demo_server: Server, project_key: str) -> None:
    """S2, S4: /metrics is for any key, and has nothing of a project in it."""
    assert demo_server.request("GET", "/metrics", key=None).status == 401
    demo_server.chat("hello", key=project_key, session_id="figures", user="somebody-named")
    told = demo_server.request("GET", "/metrics", key=project_key)
    assert told.status == 200
    for name in (b"small", b"gpt-4o", b"figures", b"somebody-named"):
        assert name not in told.body
