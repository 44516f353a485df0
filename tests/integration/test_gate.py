"""Browser sessions open API and pages, and change something only from our own pages; LLM routes ignore them."""

import http.client
import re

import pytest

from tests.support.server import Server


@pytest.fixture
def cookie(demo_server: Server) -> str:
    link = demo_server.cli("login").strip()
    token = re.search(r"token=(\S+)", link)
    assert token is not None
    status, headers = ask(demo_server, "GET", f"/ui/login?token={token[1]}")
    assert status == 303
    return headers["set-cookie"].split(";")[0]


def ask(server: Server, method: str, path: str, **headers: str) -> tuple[int, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        answer = connection.getresponse()
        answer.read()
        return answer.status, {k.lower(): v for k, v in answer.getheaders()}
    finally:
        connection.close()


def test_a_cookie_reads(demo_server: Server, cookie: str) -> None:
    assert ask(demo_server, "GET", "/api/sessions", cookie=cookie)[0] == 200
    assert ask(demo_server, "GET", "/ui/", cookie=cookie)[0] == 200
    assert ask(demo_server, "GET", "/api/sessions", cookie="sessionary=guess")[0] == 401
    assert ask(demo_server, "GET", "/ui/", cookie="sessionary=guess")[0] == 303


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"sec_fetch_site": "same-origin"}, 404),
        ({"sec_fetch_site": "cross-site"}, 403),
        ({"sec_fetch_site": "same-site"}, 403),
        ({"origin": "http://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({}, 403),
    ],
)
def test_changes_come_from_our_own_pages(
    demo_server: Server, cookie: str, headers: dict[str, str], status: int
) -> None:
    assert ask(demo_server, "DELETE", "/api/sessions/absent", cookie=cookie, **headers)[0] == status


def test_over_plain_http_the_origin_speaks(demo_server: Server, cookie: str) -> None:
    own = f"http://127.0.0.1:{demo_server.port}"
    assert ask(demo_server, "DELETE", "/api/sessions/absent", cookie=cookie, origin=own)[0] == 404
    other = f"http://127.0.0.1:{demo_server.port + 1}"
    assert ask(demo_server, "DELETE", "/api/sessions/absent", cookie=cookie, origin=other)[0] == 403


def test_a_cookie_makes_no_calls(demo_server: Server, cookie: str) -> None:
    assert ask(demo_server, "POST", "/v1/chat/completions", cookie=cookie, sec_fetch_site="same-origin")[0] == 401
    assert ask(demo_server, "GET", "/v1/models", cookie=cookie)[0] == 401


def test_a_key_is_no_cookie(demo_server: Server) -> None:
    assert ask(demo_server, "GET", "/api/sessions", cookie=f"sessionary={demo_server.key}")[0] == 401


def test_sign_out_ends_the_session(demo_server: Server, cookie: str) -> None:
    assert ask(demo_server, "POST", "/ui/logout", cookie=cookie, sec_fetch_site="same-origin")[0] == 303
    assert ask(demo_server, "GET", "/api/sessions", cookie=cookie)[0] == 401


def test_pages_carry_their_policy(demo_server: Server, cookie: str) -> None:
    for path in ("/ui/", "/ui/login", "/ui/static/look.css"):
        _, headers = ask(demo_server, "GET", path, cookie=cookie)
        assert "require-trusted-types-for 'script'" in headers["content-security-policy"]
        assert headers["x-content-type-options"] == "nosniff"
