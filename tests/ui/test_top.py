"""What stands on top of every page: the other pages, on a small screen in a menu, and the switch between projects."""

import re
from itertools import pairwise

import pytest
from playwright.sync_api import Page, expect
from starlette.datastructures import QueryParams

from sessionary.errors import StoreUnavailable
from sessionary.ui import tops
from tests.ui.conftest import Open
from tests.ui.fake import Fake
from tests.ui.test_look import fits, has_contrast
from tests.ui.test_sessions_page import ready

NAMES = ["Sessions", "Calls", "Compare", "Keys", "Models", "Health", "Audit"]
PATHS = ["/ui/", *(f"/ui/{name.lower()}" for name in NAMES[1:])]
PHONE = {"width": 390, "height": 844}


@pytest.fixture
def shop(filled: Fake) -> Fake:
    """Which has another project."""
    filled.projects_known = ["default", "shop & co"]
    return filled


def switch(page: Page) -> None:
    page.get_by_label("Project", exact=True).select_option("shop & co")


@pytest.mark.parametrize("path", [path for path in PATHS if path not in ("/ui/keys", "/ui/models")])  # test_models_page
def test_the_master_chooses_a_project_on_every_page(visit: Open, shop: Fake, path: str) -> None:
    page = visit(path)
    switch(page)
    expect(page).to_have_url(f"{shop.base_url}{path}?project=shop+%26+co")
    expect(page.get_by_label("Project", exact=True)).to_have_value("shop & co")
    page.get_by_label("Project", exact=True).select_option("")
    expect(page).to_have_url(f"{shop.base_url}{path}")


def test_it_goes_along_from_page_to_page(visit: Open, shop: Fake) -> None:
    page = visit("/ui/health?project=default")
    links = page.get_by_role("navigation").get_by_role("link")
    assert links.evaluate_all("all => all.map(a => a.getAttribute('href'))") == [f"{p}?project=default" for p in PATHS]
    links.filter(has_text="Calls").click()
    expect(page).to_have_url(f"{shop.base_url}/ui/calls?project=default")
    expect(page.get_by_label("Project", exact=True)).to_have_value("default")


def test_a_list_keeps_what_it_was_asked_for(visit: Open, shop: Fake) -> None:
    page = ready(visit("/ui/?sort=-cost"))
    page.locator("#q").fill("status:ok")
    page.locator("#q").press("Enter")
    expect(page).to_have_url(re.compile("filter=status:ok"))
    with page.expect_response(lambda answer: "/api/sessions?" in answer.url and "project=shop" in answer.url):
        switch(page)
    expect(page).to_have_url(re.compile(r"\?filter=status%3Aok&sort=-cost&project=shop"))


def test_an_empty_project_is_no_new_gateway(visit: Open, shop: Fake) -> None:
    for script in (True, False):
        shop.sessions.clear()
        page = visit("/ui/?project=default", java_script_enabled=script)
        expect(page.get_by_role("heading", name="No sessions yet")).to_be_visible()
        expect(page.get_by_text("curl")).to_have_count(0)


def test_from_a_session_it_leads_to_the_list(visit: Open, shop: Fake) -> None:
    page = visit("/ui/sessions/ses_agent?tab=why")
    switch(page)
    expect(page).to_have_url(f"{shop.base_url}/ui/?project=shop+%26+co")


def test_without_script_there_is_a_button(visit: Open, shop: Fake) -> None:
    page = visit("/ui/?filter=status:ok&sort=-cost", java_script_enabled=False)
    switch(page)
    page.get_by_role("button", name="Show", exact=True).click()
    expect(page).to_have_url(f"{shop.base_url}/ui/?filter=status%3Aok&sort=-cost&project=shop+%26+co")
    page.get_by_role("link", name="errors").click()
    expect(page).to_have_url(re.compile("project=shop"))


def test_one_project_is_no_choice(visit: Open, filled: Fake) -> None:
    page = visit("/ui/audit")
    expect(page.locator("header.bar nav")).to_be_visible()
    expect(page.locator(".switch")).to_have_count(0)
    expect(page.locator("header.bar")).not_to_contain_text("roject")


def test_a_project_that_is_not_known_is_shown_and_can_be_left(visit: Open, shop: Fake) -> None:
    page = visit("/ui/audit?project=gone")
    expect(page.get_by_label("Project", exact=True)).to_have_value("gone")


def test_a_store_that_is_away_is_said_by_the_page(visit: Open, shop: Fake, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(*_: object) -> None:
        raise StoreUnavailable

    monkeypatch.setattr(shop, "projects", away)
    expect(visit("/ui/audit").get_by_role("heading", name="Audit")).to_be_visible()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_on_a_phone_every_page_is_in_a_menu(visit: Open, shop: Fake, scheme: str) -> None:
    page = visit("/ui/health", viewport=PHONE, has_touch=True, color_scheme=scheme)
    menu = page.get_by_role("button", name="Pages: Health")
    menu.tap()
    links = page.get_by_role("navigation").get_by_role("link")
    expect(links).to_have_text(NAMES)
    for link in links.all():
        expect(link).to_be_in_viewport(ratio=1)
    expect(links.nth(5)).to_have_attribute("aria-current", "page")
    page.keyboard.press("Escape")
    expect(links.first).to_be_hidden()
    expect(page.get_by_role("button", name="Keyboard shortcuts")).to_be_in_viewport(ratio=1)
    expect(page.get_by_label("Project", exact=True)).to_be_in_viewport(ratio=1)
    expect(page.get_by_role("button", name="Sign out")).to_be_in_viewport(ratio=1)
    menu.tap()
    has_contrast(page)
    page.get_by_role("navigation").get_by_role("link", name="Audit").tap()
    expect(page).to_have_url(f"{shop.base_url}/ui/audit")


def test_the_menu_needs_no_script(visit: Open, shop: Fake) -> None:
    page = visit("/ui/calls", viewport=PHONE, java_script_enabled=False)
    page.get_by_role("button", name="Pages: Calls").click()
    page.get_by_role("link", name="Health").click()
    expect(page).to_have_url(f"{shop.base_url}/ui/health")


@pytest.mark.parametrize("path", ["/ui/", "/ui/health", "/ui/sessions/ses_agent"])
def test_the_bar_fits(visit: Open, shop: Fake, path: str) -> None:
    shop.projects_known.append("a project with quite a long name, as some have")
    page = visit(path)
    for width in (320, 360, 390, 600, 899, 900, 1024, 1366):
        page.set_viewport_size({"width": width, "height": 800})
        fits(page, width)
        ends = page.locator("header.bar > *").evaluate_all(
            """all => all.filter(e => e.checkVisibility()).map(e => e.getBoundingClientRect())
              .map(({left, right}) => [left, right])"""
        )
        assert all(left >= 0 and right <= width for left, right in ends), width
        assert all(ended <= begun for (_, ended), (begun, _) in pairwise(ends)), width
        nav = page.locator("#pages")
        assert width < 900 or nav.evaluate("n => n.scrollWidth <= n.clientWidth"), width


def test_what_an_address_keeps() -> None:
    top = tops.top("/ui/calls", QueryParams("filter=a b&cursor=c&project=x y&cols=a&cols=b"), ["x y", "z"])
    assert top["other"] == [("filter", "a b"), ("cols", "a"), ("cols", "b")]
    assert (top["action"], top["kept"], top["project"]) == ("/ui/calls", "?project=x%20y", "x y")
    of_key = tops.top("/ui/calls", QueryParams("project=other"), [])
    assert (of_key["projects"], of_key["kept"]) == ([], "")
    assert tops.top("/ui/sessions/s", QueryParams("tab=why"), ["a", "b"])["other"] == []
