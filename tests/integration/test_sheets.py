"""Whole lists as CSV, over both engines: the list's rows in its order, each project for itself, and no formulas."""

import csv
import io
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from sessionary.api import params, sheets
from sessionary.store import keys
from tests.support.recorded import Log, user
from tests.support.served import MASTER, served

Sheet = Callable[..., list[dict[str, str]]]


@pytest.fixture
def client(engine: sa.Engine) -> Iterator[TestClient]:
    with served(engine, key="") as started:
        yield started


def answer(client: TestClient, path: str, as_key: str = MASTER, **asked: str) -> httpx.Response:
    return client.get(path, params=asked, headers={"authorization": f"Bearer {as_key}"})  # type: ignore[return-value]


@pytest.fixture
def sheet(client: TestClient) -> Sheet:
    def rows(path: str, as_key: str = MASTER, **asked: str) -> list[dict[str, str]]:
        found = answer(client, path, as_key, **asked)
        assert found.status_code == 200, found.text
        return list(csv.DictReader(io.StringIO(found.text, newline="")))

    return rows


def test_all_rows_of_a_list_in_its_order(client: TestClient, sheet: Sheet, log: Log, monkeypatch: Any) -> None:
    monkeypatch.setattr(params, "MOST", 2)  # several pages
    for n in range(5):
        log.chat(f"s{n}", [user(f'question {n}, "quoted"\nand on')], tags=["a", "b"], client="curl 8.1")
        log.at += 1_000_000
    for of in ("sessions", "calls"):
        listed = [
            row
            for page in _pages(client, f"/api/{of}", sort="-input_tokens" if of == "calls" else "first_at")
            for row in page
        ]
        rows = sheet(f"/api/{of}.csv", sort="-input_tokens" if of == "calls" else "first_at")
        assert [row["id"] for row in rows] == [row["id"] for row in listed]
        assert len(rows) == 5
        assert list(rows[0]) == list(sheets.SESSIONS if of == "sessions" else sheets.CALLS)
        for row, one in zip(rows, listed, strict=True):
            assert {n: row[n] for n in row} == {n: sheets.cell(one[n]) for n in row}
    assert sheet("/api/sessions.csv", filter="id:s3")[0]["title"].startswith('question 3, "quoted"')
    assert sheet("/api/sessions.csv")[0]["tags"] == "a; b"
    found = answer(client, "/api/calls.csv")
    assert found.headers["content-type"] == "text/csv; charset=utf-8"
    assert found.headers["content-disposition"] == 'attachment; filename="calls.csv"'
    assert (found.headers["cache-control"], found.headers["x-content-type-options"]) == ("no-store", "nosniff")
    assert sheet("/api/calls.csv", filter="model:none") == []


def _pages(client: TestClient, path: str, **asked: str) -> Iterator[list[dict[str, Any]]]:
    while True:
        page = answer(client, path, **asked, limit="2").json()
        yield page["data"]
        if page["next_cursor"] is None:
            return
        asked["cursor"] = page["next_cursor"]


def test_a_key_is_given_its_project_s_rows_alone(sheet: Sheet, client: TestClient, log: Log, engine: sa.Engine) -> None:
    mine, _ = keys.create(engine, "mine", "k", None, None)
    log.chat("a", [user("ours")], project="mine")
    log.chat("b", [user("theirs")], project="theirs")
    for of in ("sessions", "calls"):
        path = f"/api/{of}.csv"
        assert [row["project"] for row in sheet(path, mine)] == ["mine"]
        assert [row["project"] for row in sheet(path, mine, project="theirs")] == ["mine"]
        assert sheet(path, mine, filter="project:theirs") == []
        assert {row["project"] for row in sheet(path)} == {"mine", "theirs"}
        assert [row["project"] for row in sheet(path, project="theirs")] == ["theirs"]
        assert answer(client, path, "sk-wrong").status_code == 401


def test_what_is_wrong_with_the_question_is_said_before_a_row(client: TestClient) -> None:
    for of in ("sessions", "calls"):
        for asked in ({"filter": "modle:x"}, {"sort": "-nothing"}, {"limit": "5"}, {"cursor": "x"}):
            assert answer(client, f"/api/{of}.csv", **asked).status_code == 400


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("=1+1", "'=1+1"),
        ('=HYPERLINK("http://x")', '\'=HYPERLINK("http://x")'),
        ("+49 30", "'+49 30"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("  =1", "'  =1"),
        ("\t=1", "'\t=1"),
        ("＝1", "'＝1"),
        ("plain = text", "plain = text"),
        ("'=1", "'=1"),
        ("", ""),
    ],
)
def test_no_cell_is_a_formula(sheet: Sheet, log: Log, text: str, shown: str) -> None:
    assert sheets.cell(text) == shown
    assert sheets.cell([text, "b"]).startswith(shown)
    assert sheets.cell({"message": text or None, "type": text}) == shown
    log.chat("s", [user("hi")], user=text.strip() or "u", model=text.strip() or "m", tags=[text.strip() or "t"])
    for row in (*sheet("/api/sessions.csv"), *sheet("/api/calls.csv")):
        assert not [value for value in row.values() if value.lstrip().startswith(("=", "+", "-", "@", "＝"))]


def test_numbers_are_numbers_and_what_is_not_known_is_empty() -> None:
    assert [sheets.cell(v) for v in (None, True, False, 0, -1, 0.00042, [], {})] == [
        "", "yes", "no", "0", "-1", "0.00042", "", "",
    ]  # fmt: skip


def test_a_file_has_so_many_rows_and_no_more(sheet: Sheet, log: Log, monkeypatch: Any) -> None:
    monkeypatch.setattr(params, "MOST", 2)
    monkeypatch.setattr(sheets, "MOST", 3)
    for n in range(5):
        log.chat(f"s{n}", [user("hi")])
    assert len(sheet("/api/sessions.csv")) == 3
