"""A newcomer's first minute, on the real gateway: an empty page, a click, a list that fills, an agent's session."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.server import Server, running_server, wait_for
from tests.ui.conftest import Open


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """Each test has its own: the demo wants an empty one."""
    with running_server(tmp_path) as started:
        yield started


@pytest.fixture
def visit(browser: Browser, server: Server) -> Iterator[Open]:
    opened = Open(browser, server.base_url)
    yield opened
    for context in opened.contexts:
        context.close()


def logged_in(visit: Open, server: Server) -> Page:
    link = server.login_link()
    return visit(link[link.index("/ui/") :], cookie=None)


def many(server: Server, least: int) -> bool:
    rows = server.get("/api/sessions?limit=200")["data"]
    return len(rows) >= least


def test_the_first_minute(server: Server, visit: Open) -> None:
    page = logged_in(visit, server)
    page.get_by_role("button", name="Fill with demo sessions").click()
    expect(page.locator("tr.row").first).to_be_visible(timeout=20_000)
    expect(page.get_by_role("link", name=re.compile("We want to round taxes")).first).to_be_visible(timeout=30_000)
    expect(page.get_by_text("These are demo sessions")).to_be_visible()
    page.get_by_role("link", name=re.compile("A night at the observatory")).click()
    expect(page.locator("#feed, main").first).to_contain_text("Ring Nebula")
    page.go_back()
    page.get_by_role("link", name=re.compile("We want to round taxes")).first.click()
    expect(page.locator("#feed, main").first).to_contain_text("two agents look at the code and the reports")
    expect(page.get_by_text("Explore").first).to_be_visible()
    assert visit.trouble == []

    wait_for(lambda: many(server, 200), 60, "200 sessions")
    books = server.balance(seconds=30)
    assert books["begun"] == books["stored"] >= 900

    server.chat("A real one", session_id="real", metadata={"tags": ["demo"]})
    server.session("real", calls=1)
    page.goto(f"{server.base_url}/ui/")
    page.get_by_role("button", name="Remove them").click()
    expect(page.locator("tr.row")).to_have_count(1, timeout=30_000)
    expect(page.get_by_role("link", name="A real one")).to_be_visible()
    expect(page.get_by_text("These are demo sessions")).to_have_count(0)
    assert visit.trouble == []


def test_a_project_s_key_fills_its_own_project(server: Server, visit: Open) -> None:
    key = server.cli("keys", "create", "--project", "team").strip().splitlines()[0]
    page = visit("/ui/login", cookie=None)
    page.get_by_label("Key").fill(key)
    page.get_by_role("button", name="Sign in").click()
    page.get_by_role("button", name="Fill with demo sessions").click()
    expect(page.locator("tr.row").first).to_be_visible(timeout=20_000)
    assert {row["project"] for row in server.get("/api/sessions?limit=200", key=key)["data"]} == {"team"}
    page.get_by_role("button", name="Remove them").click()
    expect(page.get_by_role("button", name="Fill with demo sessions")).to_be_visible(timeout=30_000)


def test_one_stays_in_the_project_that_one_looks_at_and_nothing_stays_counted(server: Server, visit: Open) -> None:
    page = logged_in(visit, server)
    page.get_by_role("button", name="Fill with demo sessions").click()
    expect(page.locator("tr.row").first).to_be_visible(timeout=20_000)
    page.goto(f"{server.base_url}/ui/?project=demo")
    page.get_by_role("button", name="Remove them").click()
    expect(page).to_have_url(re.compile(r"/ui/\?project=demo$"), timeout=30_000)
    expect(page.locator("tr.row")).to_have_count(0)
    (demo,) = [one for one in server.get("/api/projects")["data"] if one["name"] == "demo"]
    assert demo["use"]["calls"] == 0


def test_the_command_with_and_without_a_server(tmp_path: Path) -> None:
    with running_server(tmp_path) as server:
        told = server.cli("demo", "--sessions", "12", "--config", str(_config(tmp_path, server.port)))
        assert "12 sessions" in told
        assert "One is going on right now" in told
        addresses = re.findall(r"/ui/sessions/(ses_\w+)", told)
        assert len(addresses) >= 5
        assert server.request("GET", f"/api/sessions/{addresses[0]}").json["turns"] == 2
        wait_for(lambda: many(server, 13), 30, "the live one")
        server.stop()
        assert "13 demo sessions removed" in server.cli("demo", "--clear")
        assert "Start the server" in server.cli("demo", "--sessions", "3")
        server.start()
        assert many(server, 3)


def _config(folder: Path, port: int) -> Path:
    path = folder / "port.yaml"
    path.write_text(f"port: {port}\n")
    return path
