"""The pages' pure parts: JavaScript's by Node's own test runner, Python's here, and what both must agree on."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.datastructures import MutableHeaders

from sessionary.ui import format, security, shown
from tests.ui import data, javascript
from tests.ui.support_chat import agent_session

HERE = Path(__file__).parent
STATIC = Path(format.__file__).parent / "static"
CASES = json.loads((HERE / "cases.json").read_text())


def test_javascript() -> None:
    javascript.passes("pure")


@pytest.mark.parametrize(("name", "value", "text"), [(n, v, t) for n, cases in CASES.items() for v, t in cases])
def test_format(name: str, value: Any, text: str) -> None:
    assert format.FILTERS[name](value) == text


def test_ago_and_brief() -> None:
    """As format.js has it."""
    now = datetime(2026, 11, 24, 14, tzinfo=UTC)
    past = [
        (now - timedelta(seconds=s)).isoformat() for s in (0, 12, 60, 3599, 7200, 3 * 86400, 30 * 86400, 400 * 86400)
    ]
    told = ["now", "12 s", "1 min", "59 min", "2 h", "3 d", "25 Oct", "2025-10"]
    assert [format.ago(at, now) for at in past] == told
    assert [format.brief(at, now) for at in (past[4], past[5])] == ["12:00:00", "11-21 14:00"]


def test_wall_and_share() -> None:
    assert format.wall("2026-11-24T14:00:00.000Z", "2026-11-24T14:06:02.000Z") == "6m 02s"
    assert (format.share(81, 100), format.share(0, 100), format.share(None, None)) == ("81%", "", "")


def test_first_screen_puts_results_beside_calls() -> None:
    screen = shown.first_screen(agent_session(data.now()))
    tool = screen["calls"][0]["output"]["pieces"][1]
    assert tool["result"]["id"] == "call_a"
    assert tool["result"]["paired"]
    assert [turn["turn"] for turn in screen["turns"]] == [1, 2, 3, 4]
    assert screen["turns"][3]["answer"].startswith("Summary The customer")
    assert screen["more"] == 0


def test_first_screen_is_short() -> None:
    screen = shown.first_screen(data.huge_session(data.now(), calls=200))
    assert (len(screen["calls"]), screen["more"]) == (20, 180)
    many = data.huge_session(data.now(), calls=1)
    many["calls"][0]["messages"] = [data.said("user", data.text("x"))] * 1000
    assert shown.first_screen(many)["calls"][0]["cut"] == 960
    assert len(shown.cut("x" * 100_000)) < 7000


def test_modules_are_short_and_make_no_markup() -> None:
    markup = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|createContextualFragment"
    code = r"\beval\(|new Function|setTimeout\(['\"]"
    sinks = re.compile(f"{markup}|{code}")
    modules = list(STATIC.glob("*.js"))
    assert len(modules) > 15
    for module in modules:
        text = module.read_text()
        assert len(text.splitlines()) <= 300, module.name
        assert not sinks.search(text), module.name
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)[a-z]", text), module.name


def test_templates_have_nothing_inline() -> None:
    for template in (STATIC.parent / "templates").glob("*.html"):
        code = template.read_text()
        assert not re.search(r"\sstyle=|\son[a-z]+=|<style|\|\s*safe|autoescape false", code), template.name
        assert re.findall(r"<script(?![^>]*\bsrc=)", code) == [], template.name


def test_policy() -> None:
    assert "unsafe" not in security.CSP
    assert "trusted-types 'none'" in security.CSP
    headers = MutableHeaders({"cache-control": "max-age=1"})
    security.secure(headers)
    assert headers["cache-control"] == "max-age=1"
    assert headers["x-frame-options"] == "DENY"
