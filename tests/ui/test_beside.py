"""From one session to the next by `[` and `]`, in the order of the list that one came from, however long it is."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.ui import data
from tests.ui.conftest import Open
from tests.ui.fake import Fake
from tests.ui.test_sessions_page import ready

LIST = "GET /api/sessions"


@pytest.fixture
def long(fake: Fake) -> Fake:
    """Sessions that have no calls, the newest first."""
    fake.fill(450)
    for session in fake.sessions.values():
        session["calls"] = 0
        fake.transcripts[session["id"]] = {"session": session, "calls": []}
    return fake


def order(fake: Fake) -> list[str]:
    rows = sorted(fake.sessions.values(), key=lambda s: (s["last_at"], s["id"]), reverse=True)
    return [row["id"] for row in rows]


def at(page: Page, id: str) -> None:
    expect(page).to_have_url(re.compile(f"/ui/sessions/{id}$"))
    expect(page.locator("#share")).to_be_visible()


def test_from_page_to_page_of_the_list(visit: Open, long: Fake) -> None:
    ids = order(long)
    page = ready(visit("/ui/"))
    page.goto(f"{long.base_url}/ui/sessions/{ids[398]}")
    at(page, ids[398])
    for index in (399, 400, 401):
        page.keyboard.press("]")
        at(page, ids[index])
    before = long.asked.count(LIST)
    for index in (400, 399, 398):
        page.keyboard.press("[")
        at(page, ids[index])
    assert 3 <= long.asked.count(LIST) - before <= 6, "it is read from where it was read last"


def test_both_ends_are_said(visit: Open, long: Fake) -> None:
    ids = order(long)
    page = ready(visit("/ui/"))
    page.goto(f"{long.base_url}/ui/sessions/{ids[1]}")
    at(page, ids[1])
    page.keyboard.press("[")
    at(page, ids[0])
    page.keyboard.press("[")
    expect(page.get_by_text("This is the first session of the list.")).to_have_attribute("role", "status")
    assert page.url.endswith(ids[0])
    page.goto(f"{long.base_url}/ui/sessions/{ids[-1]}")
    at(page, ids[-1])
    page.keyboard.press("]")
    expect(page.get_by_text("This is the last session of the list.")).to_be_visible()
    page.keyboard.press("[")
    at(page, ids[-2])


def test_a_session_that_is_not_in_the_list_is_said(visit: Open, long: Fake) -> None:
    page = ready(visit("/ui/?filter=status:cut"))
    other = next(id for id in order(long) if long.sessions[id]["status"] != "cut")
    page.goto(f"{long.base_url}/ui/sessions/{other}")
    at(page, other)
    page.keyboard.press("]")
    expect(page.get_by_text("This session is not in the list that you came from.")).to_be_visible()


def test_from_the_log_of_calls_their_sessions_follow_each_other(visit: Open, fake: Fake) -> None:
    for number in range(3):
        start = data.now()
        session = data.session(number, start) | {"id": f"ses_{number}", "calls": 2}
        calls = [data.call(f"s{number}", 10 * number + n, 1, start, session=f"ses_{number}") for n in range(2)]
        said = [data.added(row, [], data.said("assistant", data.text("x"))) for row in calls]
        fake.put({"session": session, "calls": said})
    page = ready(visit("/ui/calls"))
    links = page.locator("#rows .session a").evaluate_all(
        "all => all.map(a => a.getAttribute('href').split(/[/#]/)[3])"
    )
    follow = list(dict.fromkeys(links))
    assert len(follow) == 3
    page.goto(f"{fake.base_url}/ui/sessions/{follow[0]}")
    at(page, follow[0])
    page.keyboard.press("]")
    at(page, follow[1])
    page.keyboard.press("[")
    at(page, follow[0])
