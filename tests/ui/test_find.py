"""What a search within a session finds is unfolded, brought into sight and marked."""

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.ui import data, javascript
from tests.ui.conftest import Open
from tests.ui.data import said, text
from tests.ui.fake import Fake
from tests.ui.support_chat import asks, gets
from tests.ui.support_found import come_to

LINES = "\n".join(f"line {n} of what a program wrote" for n in range(3000))
NOTE = "<system-reminder>\nAs you answer, mind the zebra.\n</system-reminder>\nWhat is next?"
LISTED: dict[str, Any] = {"entries": [{"name": f"file {n}", "size": n} for n in range(200)]}
TOLD = {3: " of the pangolin"}
DEEP: dict[str, Any] = {"a": {"b": {"c": {"d": {"e": "an okapi", "f": "x" * 2000}}}}}
OPENED = "details[open]:not(.tree *)"


def call_id(number: int) -> str:
    return f"call_{number:026d}"


def folded_session() -> data.Json:
    """A word of its own in everything that is folded or cut short."""
    thought = {"type": "reasoning", "text": "It could be a quokka, or not."}
    calls: list[tuple[list[data.Json], list[data.Json], data.Json]] = [
        ([said("user", text(NOTE))], [thought, text("Nothing to see.")],
         {"system": [said("system", text("You know of the axolotl.\n" + "Be careful. " * 80))]}),
        ([said("user", text(f"{LINES}\nand the narwhal"))], [text("*Some* more.\n\n" * 4000 + "the `tapir`")], {}),
        ([said("user", text("List it"))], [asks("t1", "look", **DEEP), asks("t2", "look", path="/")], {}),
        ([gets("t1", "nothing"), gets("t2", json.dumps(LISTED))], [text("Two hundred.")], {}),
        ([said("user", text(f"message {n}{TOLD.get(n, '')}")) for n in range(50)], [text("Many.")], {}),
        ([said("user", text("A wombat?"))], [text("A wombat, of wombats.")], {}),
    ]  # fmt: skip
    start = data.now() - timedelta(minutes=9)
    made = [
        data.added(
            data.call("folded", 30_001 + n, n + 1, start + timedelta(seconds=20 * n)),
            messages,
            said("assistant", *answer),
            **more,
        )
        for n, (messages, answer, more) in enumerate(calls)
    ]
    row = data.session(7, data.now(), id="ses_folded", session_id="folded", title="Folded", calls=6, turns=6)
    return {"session": row, "calls": made}


def searched(visit: Open, fake: Fake, word: str, **options: Any) -> Page:
    fake.put(folded_session())
    page = visit("/ui/sessions/ses_folded", **options)
    expect(page.locator("#share")).to_be_visible()
    page.keyboard.press("/")
    page.keyboard.type(word)
    return page


@pytest.mark.parametrize(
    ("word", "anchor", "opened"),
    [
        ("axolotl", "1", 1),
        ("zebra", "1/m1", 1),
        ("quokka", "1/answer", 1),
        ("narwhal", "2/m1", 0),
        ("tapir", "2/answer", 0),
        ("okapi", "3/answer", 0),
        ("file 177", "3/answer", 0),
        ("pangolin", "5/m4", 0),
    ],
)
def test_what_is_folded_is_found(visit: Open, fake: Fake, word: str, anchor: str, opened: int) -> None:
    page = searched(visit, fake, word)
    assert come_to(page) == word.removeprefix("file ")  # of several words the rarest
    expect(page.locator(".finder [role=status]")).to_have_text("1 of 1")
    call, _, place = anchor.partition("/")
    expect(page).to_have_url(re.compile(f"#{call_id(30_000 + int(call))}{f'/{place}' if place else ''}$"))
    assert page.locator(f"#main {OPENED}").count() == opened, "no more than that is unfolded"


def test_on_a_phone(visit: Open, fake: Fake) -> None:
    page = searched(visit, fake, "quokka", viewport={"width": 390, "height": 844}, has_touch=True)
    assert come_to(page) == "quokka"
    page.get_by_role("button", name="Close", exact=True).click()
    assert page.evaluate("CSS.highlights.size") == 0


def test_places_are_walked_through_and_the_address_leads_back(visit: Open, fake: Fake) -> None:
    page = searched(visit, fake, "wombat")
    state = page.locator(".finder [role=status]")
    expect(state).to_have_text("1 of 2")
    expect(page).to_have_url(re.compile(f"\\?q=wombat#{call_id(30_006)}/m1$"))
    assert page.evaluate("CSS.highlights.get('found').size") == 3
    page.get_by_role("button", name="Next (n)").click()
    expect(state).to_have_text("2 of 2")
    expect(page).to_have_url(re.compile(f"\\?q=wombat#{call_id(30_006)}/answer$"))
    page.reload()
    expect(state).to_have_text("2 of 2")
    assert come_to(page) == "wombat"
    page.keyboard.press("n")
    expect(state).to_have_text("1 of 2")
    page.keyboard.press("N")
    expect(state).to_have_text("2 of 2")
    page.evaluate(f"history.replaceState(null, '', '?q=wombat#{call_id(30_003)}')")
    page.reload()
    expect(state).to_have_text("2 found")
    expect(page.locator(f"#{call_id(30_003)}")).to_be_in_viewport()


def test_what_was_typed_last_is_not_looked_for_once_it_is_closed(visit: Open, fake: Fake) -> None:
    page = searched(visit, fake, "wombat")
    page.locator(".finder input").press_sequentially("s")
    page.keyboard.press("Escape")
    page.wait_for_timeout(500)
    assert "q=" not in page.url
    expect(page.locator(".finder")).to_be_hidden()


def test_what_is_drawn_anew_shows_its_place_again(visit: Open, fake: Fake) -> None:
    page = searched(visit, fake, "quokka")
    assert come_to(page) == "quokka"
    first = page.locator(f"#{call_id(30_001)}")
    page.locator("#main").focus()
    page.keyboard.press("End")
    expect(first).to_have_count(0)
    page.keyboard.press("Home")
    expect(first).to_be_visible()
    assert come_to(page) == "quokka"


def test_sought() -> None:
    javascript.passes("find")
