"""Every page on a real server with the demo's sessions, in light, dark and narrow: looked at by a browser for what a
person would stumble over, and pictured.

Pictures go to the folder named by SESSIONARY_PICTURES; without it they are only made.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from tests.support.server import Server, running_server
from tests.ui.conftest import Open
from tests.ui.test_look import CONTRAST

LOOKS = {
    "light": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "light"},
    "dark": {"viewport": {"width": 1440, "height": 900}, "color_scheme": "dark"},
    "narrow": {"viewport": {"width": 390, "height": 844}, "color_scheme": "light"},
}
PAGES = {
    "sessions": "/ui/",
    "search": "/ui/?filter=refund",
    "calls": "/ui/calls",
    "session": "/ui/sessions/{agents}",
    "branches": "/ui/sessions/{branches}#turn-3",
    "changes": "/ui/sessions/{broken}?tab=changes#turn-2",
    "compared": "/ui/compare?a={branches}&b={agents}",
    "health": "/ui/health",
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("pictures")) as server:
        server.cli("demo")
        yield server


@pytest.fixture(scope="module")
def named(demo: Server) -> dict[str, str]:
    """Sessions that show something, by what they show."""

    def first(query: str) -> str:
        found: str = demo.get(f"/api/sessions?{query}")["data"][0]["id"]
        return found

    return {
        "agents": first("filter=agents>1"),
        "branches": first("filter=branches>1"),
        "broken": first("filter=%22I+added+the+browser+MCP+server%22"),
    }


@pytest.fixture(scope="module")
def cookie(browser: Browser, demo: Server) -> str:
    """Of someone who has logged in."""
    context = browser.new_context()
    link = demo.login_link()
    context.new_page().goto(demo.base_url + link[link.index("/ui/") :])
    (found,) = context.cookies()
    context.close()
    return found["value"]


@pytest.fixture
def visit(browser: Browser, demo: Server) -> Iterator[Open]:
    opened = Open(browser, demo.base_url)
    yield opened
    for context in opened.contexts:
        context.close()
    assert opened.trouble == []


def settled(page: Page) -> Page:
    page.wait_for_load_state("load")
    if "/ui/sessions/" in page.url:
        page.locator("#share").wait_for()
    page.wait_for_timeout(700)
    return page


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("name", PAGES)
def test_pictures(visit: Open, cookie: str, named: dict[str, str], tmp_path: Path, name: str, look: str) -> None:
    page = visit(PAGES[name].format(**named), cookie=cookie, **LOOKS[look])
    settled(page)
    assert page.evaluate(CONTRAST) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= LOOKS[look]["viewport"]["width"]  # type: ignore[index]
    file = f"{name}.png" if look == "light" else f"{name}-{look}.png"
    picture = Path(os.environ.get("SESSIONARY_PICTURES") or tmp_path) / file
    page.screenshot(path=picture, animations="disabled")
    assert picture.stat().st_size > 15_000
