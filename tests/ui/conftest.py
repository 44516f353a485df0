"""A browser, the pages on generated data, and a page that fails its test for what a person would not see:
an error on the console, a request to anywhere else, a refusal by the content security policy.
"""

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, Route, sync_playwright

from tests.ui import data
from tests.ui.fake import Fake, running

ARGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
Open = Callable[..., Page]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    chromium = shutil.which("chromium") or "/usr/bin/chromium"
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=chromium, args=ARGS)
        yield started
        started.close()


@pytest.fixture(scope="module")
def _running() -> Iterator[Fake]:
    with running() as fake:
        yield fake


@pytest.fixture
def fake(_running: Fake) -> Fake:
    """Empty."""
    _running.clear()
    return _running


@pytest.fixture
def filled(fake: Fake) -> Fake:
    """An agent's session, and 120 others."""
    fake.put(data.agent_session(data.now()))
    fake.fill(120)
    return fake


@pytest.fixture
def visit(browser: Browser, fake: Fake) -> Iterator[Open]:
    """`visit(path, **options)` opens a page in a browser of its own; options are those of a browser's context."""
    contexts: list[Any] = []
    trouble: list[str] = []

    def heard(message: ConsoleMessage) -> None:
        if message.type in ("error", "warning") and "404" not in message.text and "400" not in message.text:
            trouble.append(f"console: {message.text}")

    def only_ours(route: Route) -> None:
        url = route.request.url
        if url.startswith((fake.base_url, "data:")):
            route.continue_()
        else:
            trouble.append(f"foreign request: {url}")
            route.abort()

    def visit(path: str, *, cookie: str | None = "cookie", **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1440, "height": 900}, **options})
        contexts.append(context)
        if cookie:
            context.add_cookies([{"name": "sessionary", "value": cookie, "url": fake.base_url}])
        context.route("**/*", only_ours)
        page: Page = context.new_page()
        page.set_default_timeout(8000)
        page.on("console", heard)
        page.on("pageerror", lambda error: trouble.append(f"error: {error}"))
        page.add_init_script(
            "addEventListener('securitypolicyviolation', e => console.error('CSP: ' + e.violatedDirective + ' ' + e.blockedURI))"
        )
        page.goto(fake.base_url + path)
        return page

    yield visit
    for context in contexts:
        context.close()
    assert trouble == []
