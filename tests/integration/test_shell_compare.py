"""`sessionary compare`: two sessions, and two branches of one, held against each other from a shell."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.integration.test_shell import COLOURS, HOSTILE, Shell
from tests.integration.test_shell_replay import parts
from tests.support.server import MASTER_KEY, Server, running_server


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with running_server(tmp_path_factory.mktemp("compared")) as started:
        yield started


@pytest.fixture
def shell(server: Server, tmp_path: Path) -> Shell:
    return Shell(server, tmp_path)


def ask(server: Server, session: str, said: list[Any]) -> tuple[str, Any]:
    answer = server.post("/v1/chat/completions", {"model": "demo", "messages": said, "session_id": session})
    server.call(answer.headers["x-call-id"])
    return answer.headers["x-call-id"], answer.json["choices"][0]["message"]


def user(text: str) -> dict[str, str]:
    return {"role": "user", "content": text}


@pytest.fixture(scope="module")
def told(server: Server) -> dict[str, str]:
    """Two sessions whose first answers are the same, and a branch in the first; calls by what was asked."""
    found: dict[str, str] = {}
    found["one"], first = ask(server, "left", [user("one")])
    found["two"], _ = ask(server, "left", [user("one"), first, user("two")])
    found["other"], _ = ask(server, "left", [user("one"), first, user("another way")])
    _, again = ask(server, "right", [user("one")])
    ask(server, "right", [user("one"), again, user("zwei")])
    ask(server, "right", [user("one"), again, user("zwei"), {"role": "assistant", "content": "x"}, user("drei")])
    return found


def test_turn_by_turn(shell: Shell, told: dict[str, str]) -> None:
    found = parts(shell.run("compare", f"left~{told['two']}", "right", code=1).replace(" turns: ", " calls: "))
    assert list(found) == ["one", "two", "drei", ""]
    assert "= the same answer" in found["one"]
    assert found["two"].index("  A  demo · ok") < found["two"].index("  B  demo · ok")
    assert "no such turn" in found["drei"]
    assert found["drei"].index("no such turn") < found["drei"].index("  B  demo · ok")
    assert found[""].startswith("3 calls: 1 the same, 2 otherwise\n")
    assert "  turns   2 → 3 · +1 · +50% · more\n" in found[""]
    assert "/ui/compare?a=ses_" in found[""]
    assert f"~{told['one']}&b=ses_" in found[""]


def test_two_branches(shell: Shell, told: dict[str, str]) -> None:
    left = f"left~{told['two']}"
    written = shell.run("compare", left, f"left~{told['other']}", code=1)
    assert written.startswith("1 turn in common\n")
    assert list(parts(written.replace(" turns: ", " calls: "))) == ["two", ""]
    assert "2 turns in common\n" in shell.run("compare", left, left)


def test_for_scripts(shell: Shell, server: Server, told: dict[str, str]) -> None:
    lines = [
        json.loads(line) for line in shell.run("compare", f"left~{told['two']}", "right", "--json", code=1).splitlines()
    ]
    assert [(line["turn"], line["same"]) for line in lines[:-1]] == [(1, True), (2, False), (3, None)]
    assert lines[0]["a"]["call"]["id"] == told["one"]
    assert lines[2]["a"] is None
    totals = lines[-1]["totals"]
    assert (totals["common"], totals["same"], totals["different"]) == (0, 1, 2)
    assert (totals["a"]["calls"], totals["b"]["calls"]) == (2, 3)
    assert lines[-1]["compare"].startswith(f"{server.base_url}/ui/compare?a=ses_")


def test_long_answers_are_shown_from_where_they_differ_on(shell: Shell, server: Server) -> None:
    for name, tail in (("long one", "a"), ("long other", "b")):
        ask(server, name, [user("quote " + "the same words again " * 40 + tail)])
    shown = shell.on_terminal("compare", "long one", "long one")
    assert COLOURS.sub("", shown).count("\n") < 20


def test_what_was_said_does_nothing_to_a_terminal(shell: Shell, server: Server) -> None:
    for name in ("hostile one", "hostile other"):
        ask(server, name, [user(f"{HOSTILE} {name}")])
    written = shell.run("compare", "hostile one", "hostile other", code=1)
    assert "\x1b" not in written
    assert "\x07" not in written


def test_what_is_not_there(shell: Shell, server: Server, told: dict[str, str]) -> None:
    assert "There is no such session: nowhere" in shell.refused("compare", "left", "nowhere")
    assert "no such call on a branch of left: call_zzz" in shell.refused("compare", "left~call_zzz", "right")
    assert "no such call on a branch of right" in shell.refused("compare", "left", f"right~{told['one']}")
    assert shell.run("compare", f"left~{told['one']}", f"left~{told['one']}")
    assert server.post("/api/projects", {"name": "strangers"}).status == 201
    key = server.post("/api/keys", {"name": "theirs", "project": "strangers"}).json["key"]
    assert key != MASTER_KEY
    assert "There is no such session: left" in shell.refused("compare", "left", "right", SESSIONARY_API_KEY=key)
