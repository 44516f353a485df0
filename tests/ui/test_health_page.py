"""How calls find their sessions, for people."""

import os
import re
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.ui import support_health
from tests.ui.conftest import Open
from tests.ui.fake import Fake
from tests.ui.support_health import Given
from tests.ui.test_hostile import inert
from tests.ui.test_look import has_contrast

HERE = "/ui/health"
GIVEN = {
    "ordinary": support_health.ordinary,
    "hostile": support_health.hostile,
    "huge": support_health.huge,
    "empty": Given,
    "troubled": support_health.troubled,
}


def opened(visit: Open, fake: Fake, kind: str = "ordinary", **options: object) -> Page:
    fake.rates = GIVEN[kind]()
    page = visit(HERE, **options)
    expect(page.get_by_role("heading", level=1)).to_have_text("Health")
    return page


def test_what_it_tells(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake)
    expect(page.get_by_role("navigation").get_by_role("link", name="Health")).to_have_attribute("aria-current", "page")
    attention = page.locator(".attention li")
    expect(attention).to_have_count(1)
    expect(attention).to_contain_text("opencode 1.3.0")
    expect(attention).to_contain_text("14 (31%) of the 45 histories")
    expect(attention.locator(".tag")).to_have_text("new")
    expect(page.locator(".programs tbody tr")).to_have_count(9)
    row = page.locator(".programs tr", has_text="opencode 1.3.0")
    expect(row.locator(".missed .bad")).to_have_text("29%")
    expect(row.locator(".when rect.missed")).to_have_count(1)
    expect(page.locator(".days").first.locator("g")).to_have_count(14)
    rules = page.locator(".rules tbody tr")
    expect(rules.filter(has_text="content.compaction")).to_contain_text("begins with a summary")
    expect(rules.filter(has_text="metadata.thread_id").locator(".says code")).to_have_text("thread_id")
    gauge = page.locator(".gauge")
    expect(gauge.filter(has_text="Spool")).to_have_text(re.compile(r"48.2 kB · 12 records\s*fine"))
    expect(gauge.filter(has_text="Oldest record not stored")).to_contain_text("42 ms")
    expect(gauge.filter(has_text="Store lag")).to_contain_text("61 ms")
    expect(gauge.filter(has_text="Database")).to_have_text(re.compile(r"41.2 GB\s*PostgreSQL"))
    expect(gauge.filter(has_text="Up for")).to_contain_text("3d 5h")
    expect(page.get_by_role("status")).to_contain_text("All is well")
    expect(page.locator(".level")).to_have_text(["fine"] * 8)
    page.keyboard.press("?")
    expect(page.locator("#help")).to_be_visible()


def test_what_is_wrong_is_said_in_words(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake, "troubled")
    troubles = page.get_by_role("status").get_by_role("listitem")
    expect(troubles.first).to_contain_text("Act now")
    expect(troubles.filter(has_text="Watch")).to_have_count(2)
    expect(troubles.filter(has_text="records are not being stored")).to_be_visible()
    expect(troubles.filter(has_text="3 of 4 workers are there")).to_be_visible()
    gauge = page.locator(".gauge")
    expect(gauge.filter(has_text="Spool")).to_have_text(re.compile(r"2.3 GB · at least 80,000 records\s*act now"))
    expect(gauge.filter(has_text="Lost calls")).to_contain_text("3 ENOSPC")
    expect(gauge.filter(has_text="Missing calls")).to_contain_text("act now")
    expect(gauge.filter(has_text="Disk free").locator(".level")).to_have_text("watch")
    inert(page)


def test_the_master_may_look_at_one_project(visit: Open, fake: Fake) -> None:
    fake.projects_known = ["default", "shop"]
    page = opened(visit, fake)
    page.get_by_label("Project").select_option("shop")
    expect(page).to_have_url(f"{fake.base_url}{HERE}?project=shop")
    expect(page.get_by_label("Project")).to_have_value("shop")
    expect(page.locator(".lead")).to_contain_text("Project shop only")


def test_shares_fill_the_bar(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake)
    bar = page.locator(".shares").first
    ends = bar.locator("rect").evaluate_all("all => all.map(e => e.getBoundingClientRect().right)")
    box = bar.bounding_box()
    assert box is not None
    assert ends == sorted(ends)
    assert abs(ends[-1] - box["x"] - box["width"]) < 8
    kinds = ["id", "harness", "response", "conversation", "content", "new", "missed"]
    fills = [page.locator(f".shares rect.{k}").first.evaluate("e => getComputedStyle(e).fill") for k in kinds]
    assert len(set(fills)) == len(kinds)


def test_nothing_yet(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake, "empty")
    expect(page.get_by_text("No calls since")).to_be_visible()
    expect(page.locator("table")).to_have_count(0)
    expect(page.locator(".groups dt")).to_have_count(8)
    expect(page.get_by_text("Every call that was begun")).to_have_count(0)


def test_all_is_well(visit: Open, fake: Fake) -> None:
    fake.rates = Given([("curl 8", 0, "content", 30, 0)])
    page = visit(HERE)
    expect(page.locator(".well")).to_have_text("Every history that was sent back was found.")
    expect(page.locator(".attention")).to_have_count(0)


def test_hostile_names_are_text(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake, "hostile")
    inert(page)
    expect(page.locator(".programs bdi", has_text="onerror=window.hacked").first).to_be_visible()
    expect(page.locator(".attention li")).to_have_count(10)
    aligned = page.locator(".programs td.calls").evaluate_all("all => all.map(e => e.getBoundingClientRect().right)")
    assert max(aligned) - min(aligned) < 1


def test_very_many(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake, "huge")
    expect(page.locator(".programs tbody tr")).to_have_count(50)
    expect(page.get_by_text("The 50 busiest of 1,000.")).to_be_visible()


def test_readable_without_script(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake, java_script_enabled=False)
    expect(page.locator(".programs tbody tr")).to_have_count(9)
    expect(page.locator(".shares").first).to_be_visible()


def test_it_is_for_those_who_are_logged_in(visit: Open, fake: Fake) -> None:
    page = visit(HERE, cookie=None)
    expect(page).to_have_url(f"{fake.base_url}/ui/login?next=%2Fui%2Fhealth")


@pytest.mark.parametrize("kind", GIVEN)
def test_contrast_and_no_sideways_scroll(visit: Open, fake: Fake, kind: str) -> None:
    page = opened(visit, fake, kind)
    has_contrast(page)
    for width in (320, 390, 820, 1024, 2560):
        page.set_viewport_size({"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_everything_has_a_name(visit: Open, fake: Fake) -> None:
    page = opened(visit, fake)
    nameless = page.locator("svg[role=img]").evaluate_all("all => all.filter(e => !e.ariaLabel).length")
    assert nameless == 0


def photographed(page: Page, tmp_path: Path, name: str) -> int:
    picture = Path(os.environ.get("SESSIONARY_PICTURES") or tmp_path) / f"{name}.png"
    page.screenshot(path=picture, animations="disabled", full_page=True)
    return picture.stat().st_size


@pytest.mark.parametrize("kind", GIVEN)
def test_odd_ones_on_a_small_dark_screen(visit: Open, fake: Fake, tmp_path: Path, kind: str) -> None:
    page = opened(visit, fake, kind, viewport={"width": 390, "height": 844}, color_scheme="dark")
    assert photographed(page, tmp_path, f"health-{kind}") > 10_000
