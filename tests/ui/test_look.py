"""How it looks: contrast in both colour schemes, small and large screens, and pictures.

Pictures go to the folder named by SESSIONARY_PICTURES; without it they are only made.
"""

import os
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


def settled(page: Page) -> Page:
    page.wait_for_load_state("load")
    if "/ui/sessions/ses_" in page.url:
        expect(page.locator("#rename")).to_be_visible()
    page.wait_for_timeout(250)
    return page


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("path", PAGES)
def test_contrast(visit: Open, filled: Fake, path: str, scheme: str) -> None:
    page = settled(visit(path, color_scheme=scheme))
    assert page.evaluate(CONTRAST) == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_when_empty(visit: Open, fake: Fake, scheme: str) -> None:
    assert settled(visit("/ui/", color_scheme=scheme)).evaluate(CONTRAST) == []


@pytest.mark.parametrize("width", [320, 390, 820, 1024, 2560])
@pytest.mark.parametrize("path", [*PAGES, "/ui/sessions/ses_hostile"])
def test_no_sideways_scroll(visit: Open, filled: Fake, path: str, width: int) -> None:
    filled.put(data.hostile_session(data.now()))
    page = settled(visit(path, viewport={"width": width, "height": 844}))
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    if "/ui/sessions/ses_" in path:
        assert (
            page.evaluate("document.querySelector('#main').scrollWidth - document.querySelector('#main').clientWidth")
            <= 0
        )


def test_small_screen_has_everything(visit: Open, filled: Fake) -> None:
    page = settled(visit("/ui/", viewport={"width": 390, "height": 844}, has_touch=True))
    page.get_by_text("Filters", exact=True).click()
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


PICTURES = [
    ("sessions", "/ui/", 1440, "light"),
    ("sessions-dark", "/ui/", 1440, "dark"),
    ("sessions-narrow", "/ui/", 390, "light"),
    ("session", AGENT + CALL, 1440, "light"),
    ("session-dark", AGENT + CALL, 1440, "dark"),
    ("session-narrow", AGENT, 390, "light"),
]


@pytest.mark.parametrize(("name", "path", "width", "scheme"), PICTURES)
def test_pictures(visit: Open, filled: Fake, tmp_path: Path, name: str, path: str, width: int, scheme: str) -> None:
    filled.demo = False
    page = settled(visit(path, viewport={"width": width, "height": 844 if width < 800 else 900}, color_scheme=scheme))
    picture = Path(os.environ.get("SESSIONARY_PICTURES") or tmp_path) / f"{name}.png"
    page.screenshot(path=picture, animations="disabled")
    ground = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
    assert ("251" in ground) == (scheme == "light")
    assert picture.stat().st_size > 20_000
