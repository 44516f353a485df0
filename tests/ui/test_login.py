"""Coming in and going out."""

import http.client
import re
from urllib.parse import urlencode

import pytest
from playwright.sync_api import expect

from sessionary.ui.entry import local
from tests.ui.conftest import Open
from tests.ui.fake import KEY, TOKEN, Fake


def test_by_key_to_where_one_wanted(visit: Open, filled: Fake) -> None:
    page = visit("/ui/?status=ok", cookie=None)
    expect(page).to_have_url(re.compile(r"/ui/login\?next=%2Fui%2F%3Fstatus%3Dok"))
    page.get_by_label("Key").fill(KEY)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/ui/\?filter=status%3Aok$"))
    (cookie,) = page.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"], cookie["path"]) == (True, "Strict", "/")
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(re.compile(r"/ui/login$"))
    assert page.context.cookies() == []


def test_a_link_into_a_session_leads_there(visit: Open, filled: Fake) -> None:
    """What stands behind the # no server is told."""
    visit.refusals.append("403")
    page = visit("/ui/sessions/ses_agent#turn-3", cookie=None)
    page.get_by_label("Key").fill("sk-wrong")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not valid")
    page.get_by_label("Key").fill(KEY)
    page.keyboard.press("Enter")
    expect(page).to_have_url(re.compile(r"/ui/sessions/ses_agent#turn-3$"))
    expect(page.locator("button.stop[aria-current]")).to_contain_text("3")


def test_a_wrong_key_is_told(fake: Fake) -> None:
    status, headers, body = _post(fake, "/ui/login", key="sk-wrong", next="/ui/sessions/x")
    assert status == 403
    assert "set-cookie" not in headers
    assert 'value="/ui/sessions/x"' in body
    assert "not valid" in body
    assert "sk-wrong" not in body


def test_a_link_works_once(visit: Open, filled: Fake) -> None:
    page = visit(f"/ui/login?token={TOKEN}", cookie=None)
    expect(page).to_have_url(re.compile(r"/ui/$"))
    connection = http.client.HTTPConnection(filled.base_url.removeprefix("http://"))
    connection.request("GET", f"/ui/login?token={TOKEN}")
    answer = connection.getresponse()
    assert answer.status == 403
    assert answer.getheader("set-cookie") is None
    assert "has been used" in answer.read().decode()
    connection.close()


@pytest.mark.parametrize(
    "path", ["/ui/", "/ui/?q=a%20b", "/ui/sessions/a%2Fb%3Fc", "/ui/sessions/x?tab=sent", "/ui/sessions/x#turn-3"]
)
def test_next_is_kept(path: str) -> None:
    assert local(path) == path


@pytest.mark.parametrize(
    "path",
    [
        "",
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "/ui/../api/calls",
        "/ui/%2e%2e/api",
        "/api/calls",
        "/ui/\\..\\x",
        "/ui/x\r\nset-cookie: a=b",
        "/uix/",
        "javascript:alert(1)",
        "/ui/login?next=/ui/login",
    ],
)
def test_next_leads_nowhere_else(path: str) -> None:
    assert local(path) == "/ui/"


def test_every_answer_has_the_headers(filled: Fake) -> None:
    paths = [
        "/ui",
        "/ui/",
        "/ui/login",
        "/ui/login?token=x",
        "/ui/sessions/ses_agent",
        "/ui/sessions/none",
        "/ui/static/look.css",
    ]
    for cookie in ("", "sessionary=cookie"):
        for path in paths:
            connection = http.client.HTTPConnection(filled.base_url.removeprefix("http://"))
            connection.request("GET", path, headers={"cookie": cookie})
            answer = connection.getresponse()
            assert "script-src 'self'" in (answer.getheader("content-security-policy") or ""), path
            assert answer.getheader("x-content-type-options") == "nosniff"
            assert answer.getheader("referrer-policy") == "no-referrer"
            assert answer.getheader("x-frame-options") == "DENY"
            assert answer.getheader("cache-control") in ("no-store", "no-cache")
            if not cookie and path.startswith(("/ui/sessions", "/ui/?")):
                assert answer.status == 303
            connection.close()


def test_a_huge_form_is_refused(fake: Fake) -> None:
    assert _post(fake, "/ui/login", key="x" * 100_000)[0] >= 400


def _post(fake: Fake, path: str, **fields: str) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection(fake.base_url.removeprefix("http://"))
    connection.request("POST", path, urlencode(fields), {"content-type": "application/x-www-form-urlencoded"})
    answer = connection.getresponse()
    found = answer.status, {k.lower(): v for k, v in answer.getheaders()}, answer.read().decode()
    connection.close()
    return found
