"""How it looks on small and large screens, and what has a name. Contrast is measured by `test_tools`, on real data by
`test_pictures`."""

from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.ui import data
from tests.ui.conftest import Open
from tests.ui.fake import Fake

AGENT = "/ui/sessions/ses_agent"
CALL = "#call_00000000000000000000001003"
PAGES = ["/ui/", AGENT + CALL, f"{AGENT}?tab=why#call_00000000000000000000001004", "/ui/login", "/ui/sessions/none"]

CONTRAST = (Path(__file__).parent / "contrast.js").read_text()


def has_contrast(page: Page) -> None:
    """In light and in dark, which it is left in."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        assert page.evaluate(CONTRAST) == [], scheme


def fits(page: Page, width: int) -> None:
    """Nothing is beside the page, once what is drawn anew for its width is there."""
    page.wait_for_function("width => document.documentElement.scrollWidth <= width", arg=width)


def settled(page: Page) -> Page:
    page.wait_for_load_state("load")
    if "/ui/sessions/ses_" in page.url:
        expect(page.locator("#share")).to_be_visible()
    page.wait_for_timeout(250)
    return page


@pytest.mark.parametrize("path", [*PAGES, "/ui/sessions/ses_hostile"])
def test_no_sideways_scroll(visit: Open, filled: Fake, path: str) -> None:
    filled.put(data.hostile_session(data.now()))
    page = settled(visit(path))
    for width in (320, 390, 820, 1024, 2560):
        page.set_viewport_size({"width": width, "height": 844})
        fits(page, width)
        if "/ui/sessions/ses_" in path:
            page.wait_for_function("() => window.main.scrollWidth <= window.main.clientWidth")


def test_small_screen_has_everything(visit: Open, filled: Fake) -> None:
    page = settled(visit("/ui/", viewport={"width": 390, "height": 844}, has_touch=True))
    page.get_by_role("button", name="Filters").click()
    page.locator(".facets").get_by_text("errors", exact=True).click()
    expect(page.locator("tr.row .dot.ok")).to_have_count(0)
    page.goto(filled.base_url + AGENT)
    settled(page)
    page.get_by_role("button", name="Turns").click()
    page.locator("button.stop", has_text="Yes, go ahead").click()
    expect(page.locator("#rail")).to_be_hidden()
    expect(page.locator("#call_00000000000000000000001002")).to_be_in_viewport()
    page.get_by_role("button", name="Inspector", exact=True).click()
    expect(page.get_by_role("tabpanel")).to_be_in_viewport()
    page.get_by_role("button", name="Close the inspector").click()
    expect(page.locator("#inspector")).to_be_hidden()


def test_everything_has_a_name(visit: Open, filled: Fake) -> None:
    for path in PAGES:
        page = settled(visit(path))
        named = "e.innerText?.trim() || e.ariaLabel || e.hasAttribute('alt') || e.title || e.labels?.length"
        controls = page.locator("button, a[href], input:not([type=hidden]):not([aria-hidden]), select, img")
        nameless = controls.evaluate_all(
            f"all => all.filter(e => e.checkVisibility() && !({named})).map(e => e.outerHTML)"
        )
        assert nameless == []
        ids = page.locator("[id]").evaluate_all("all => all.map(e => e.id)")
        assert len(ids) == len(set(ids))
