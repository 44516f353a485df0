"""What differs between texts, JSON values and sessions: the pure parts, by Node's own test runner."""

import json
from pathlib import Path

import pytest

from sessionary.ui import compared
from tests.ui import javascript

HERE = Path(__file__).parent


@pytest.mark.parametrize("topic", ["diff", "compare"])
def test_javascript(topic: str) -> None:
    javascript.passes(topic)


def test_branches() -> None:
    """The server's first screen and the page's script keep the same calls."""
    cases = json.loads((HERE / "branches.json").read_text())
    tree = cases["tree"]
    assert [branch["id"] for branch in compared.branches(tree)] == cases["choices"]
    for branch, ids in cases["kept"].items():
        assert "".join(node["id"] for node in compared.kept(tree, branch)) == ids
    assert [compared.chosen(tree, asked) for asked in ("", "b1", "4", "8", "none")] == ["b4", "b1", "b2", "b4", "b4"]
    assert compared.parted("ses_1~call_2") == ("ses_1", "call_2")
    assert [compared.parted(name)[0] for name in ("mine~own", "~call_1", "a")] == ["mine~own", "~call_1", "a"]
