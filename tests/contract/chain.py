"""What must hold of calls that went on from one another by `previous_response_id`, in any client."""

from collections.abc import Sequence
from typing import Any

from tests.support.server import Server

TOOL_RESULT = "42 cats"


def look_up(what: str) -> str:
    """Looks a thing up."""
    return f"{TOOL_RESULT} for {what}"


def check_chain(server: Server, response_ids: Sequence[str]) -> dict[str, Any]:
    """One session, each call going on from the one before it; the session."""
    calls = [server.call(f"call_{given.removeprefix('resp_')}") for given in response_ids]
    assert {c["session_id"] for c in calls} == {calls[0]["session_id"]}
    assert [c["parent_id"] for c in calls] == [None, *(c["id"] for c in calls[:-1])]
    assert [c["source"] for c in calls[1:]] == ["response"] * (len(calls) - 1)
    return server.session(calls[0]["session_id"], calls=len(calls))


def check_replay(server: Server, session_id: str, *, calls: int) -> dict[str, Any]:
    """One session by its id, each call holding the one before it in its history."""
    session = server.session(session_id, calls=calls)
    assert session["source"] == "id"
    found = [c["call"] for c in server.transcript(session_id)["calls"]]
    assert [c["parent_id"] for c in found] == [None, *(c["id"] for c in found[:-1])]
    return session
