"""Rows of the calls table without a database: for what reads them."""

from types import SimpleNamespace
from typing import Any

from hypothesis import strategies as st

START = 1_790_000_000_000_000
SECOND = 1_000_000
STATUSES = ("ok", "upstream_error", "timeout", "client_closed", "interrupted", "rejected", "live")


def row(number: int, parent: str | None = None, **fields: Any) -> Any:
    """The `number`th call of a session: `call_0007`, a minute after the one before. It asks what no other does."""
    at = START + number * 60 * SECOND
    given: dict[str, Any] = {
        "project": 1,
        "id": name(number),
        "session": "ses_a",
        "session_text": "a",
        "home": None,
        "source": "content",
        "rule": "content",
        "parent": parent,
        "origin": None,
        "origin_kind": None,
        "origin_tool": None,
        "turn": 1,
        "base_depth": 0,
        "input_depth": 1,
        "agent": "",
        "agent_name": "",
        "agent_parent": "",
        "side": False,
        "ambiguous": False,
        "unkept": "",
        "evidence": None,
        "leaf_node": number.to_bytes(16, "big"),
        "status": "ok",
        "created_at": at,
        "finished_at": at + SECOND,
        "input_tokens": 10,
        "cached_tokens": 4,
        "output_tokens": 3,
        "reasoning_tokens": None,
        "cost": 7,
    }
    given |= fields
    if given["status"] == "live":
        given |= {"finished_at": None, "cost": None, "input_tokens": None, "output_tokens": None}
    return SimpleNamespace(**given)


def name(number: int) -> str:
    return f"call_{number:04d}"


@st.composite
def sessions(draw: st.DrawFn, most: int = 30) -> list[Any]:
    """Any calls: what they name may be earlier or later ones, themselves, or not there at all."""
    count = draw(st.integers(1, most))
    others = st.one_of(st.none(), st.integers(0, count + 2).map(name))
    return [
        row(
            number,
            draw(others),
            origin=draw(others),
            origin_kind=draw(st.sampled_from(["spawn", "compaction", "retry", None])),
            origin_tool="tool",
            agent=draw(st.sampled_from(["", "", "", "a", "a/b", "c"])),
            agent_name=draw(st.sampled_from(["", "Anna"])),
            agent_parent=draw(st.sampled_from(["", "a", "c", "elsewhere"])),
            side=draw(st.sampled_from([False, False, False, True])),
            leaf_node=draw(st.sampled_from([None, b"1", b"2", b"3"])),
            status=draw(st.sampled_from(STATUSES)),
            cost=draw(st.one_of(st.none(), st.integers(0, 9))),
        )
        for number in range(count)
    ]
