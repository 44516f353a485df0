"""The link to the whole list as a file: that of the list as it is shown, with script and without."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.ui.conftest import Open
from tests.ui.fake import Fake
from tests.ui.test_sessions_page import ready


def link(page: Page) -> str:
    return page.get_by_role("link", name="CSV").get_attribute("href") or ""


@pytest.mark.parametrize(("path", "of"), [("/ui/", "sessions"), ("/ui/calls", "calls")])
def test_the_file_is_of_the_list_that_is_shown(visit: Open, filled: Fake, path: str, of: str) -> None:
    asked = "filter=status%3Aok&sort=-cost&cols=cost&cursor=&project=default"
    page = visit(f"{path}?{asked}", java_script_enabled=False)
    assert link(page) == f"/api/{of}.csv?filter=status%3Aok&sort=-cost&project=default"
    page = ready(visit(path))
    assert link(page) == f"/api/{of}.csv"
    page.locator("#q").fill("status:ok cost>1")
    page.locator("#q").press("Enter")
    expect(page.get_by_role("link", name="CSV")).to_have_attribute("href", re.compile("filter=status:ok%20cost%3E1$"))


@pytest.mark.parametrize("width", [320, 390, 1024])
def test_it_fits(visit: Open, filled: Fake, width: int) -> None:
    page = ready(visit("/ui/", viewport={"width": width, "height": 800}))
    expect(page.get_by_role("link", name="CSV")).to_be_in_viewport(ratio=1)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
