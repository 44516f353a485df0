"""Folding calls into their session's row. Pure: a dict of the sessions table's columns in, changed in place."""

from collections.abc import Callable, Mapping
from typing import Any

from sessionary.drain.link import Placed
from sessionary.record.exchange import Begin
from sessionary.sessions.labels import MOST_TAGS
from sessionary.store.bulk import clean_text
from sessionary.store.rollups import CUT, FAILED, MOST


def new_session(begin: Begin, title: str) -> dict[str, Any]:
    return {
        "project": begin.project,
        "id": begin.session_id,
        "session_id": begin.session_text,
        "source": begin.source,
        "title": title,
        "title_set": False,
        "status": "live",
        "calls": 0,
        "live": 0,
        "turns": 0,
        "errors": 0,
        "input_tokens": 0,
        "cached_tokens": 0,
        "output_tokens": 0,
        "reasoning_tokens": 0,
        "cost": None,
        "unpriced": 0,
        "active": 0,
        "models": [],
        "clients": [],
        "keys": [],
        "users": [],
        "tags": [],
        "first_at": begin.at,
        "last_at": begin.at,
        "updated_at": 0,
        "branches": 0,
        "agents": 0,
        "continues": None,
        "emptied_at": None,
        "contents": True,
    }


def begun(
    session: dict[str, Any],
    begin: Begin,
    placed: Placed,
    key_name: str,
    turn: int,
    title: str,
    new_agent: str,
    *,
    branches: bool = False,
) -> list[tuple[str, str]]:
    """Adds a call in flight; `new_agent` where it is an agent's first, `branches` where it begins a branch beside the
    first. Returns the facets (kind, value) that are new to the session: all of them, also those that its row has no
    more room for."""
    session["branches"] += branches
    session["agents"] += bool(new_agent)
    session["calls"] += 1
    session["live"] += 1
    session["contents"] = True
    session["turns"] = max(session["turns"], turn)
    session["first_at"] = min(session["first_at"], begin.at)
    session["last_at"] = max(session["last_at"], begin.at)
    session["status"] = "live"
    if begin.name and not session["title_set"]:
        session |= {"title": begin.name, "title_set": True}
    session["title"] = session["title"] or title
    tags = [t for t in dict.fromkeys(map(clean_text, begin.tags)) if t not in session["tags"]][
        : MOST_TAGS - len(session["tags"])
    ]
    session["tags"] = [*session["tags"], *tags]
    if session["source"] == "none":  # what joins it tells how it is held together
        session["source"] = placed.source
    new = [("agent", new_agent)] if new_agent else []
    new += [("tag", tag) for tag in tags]
    for kind, column, value in (
        ("model", "models", clean_text(begin.model)),
        ("client", "clients", clean_text(begin.client)),
        ("key", "keys", key_name),
        ("user", "users", clean_text(begin.user)),
    ):
        if value and value not in session[column]:
            session[column] = [*session[column], value][:MOST]
            new.append((kind, value))
    return new


def ended(session: dict[str, Any], call: Mapping[str, Any], ended_last: Callable[[], str]) -> None:
    """Turns a call in flight into an ended one. `call` has the calls table's columns; `ended_last` is asked where
    another may have ended after it: the status of the last."""
    late = call["finished_at"] <= session["last_at"]
    session["live"] -= 1
    session["last_at"] = max(session["last_at"], call["finished_at"])
    session["active"] += max(0, call["finished_at"] - call["created_at"])
    for column in ("input_tokens", "cached_tokens", "output_tokens", "reasoning_tokens"):
        session[column] += call[column] or 0
    if call["cost"] is None:
        session["unpriced"] += call["status"] == "ok"
    else:
        session["cost"] = (session["cost"] or 0) + call["cost"]
    if call["status"] in FAILED:
        session["errors"] += 1
    if session["live"] > 0:
        session["status"] = "live"
    elif session["errors"]:
        session["status"] = "errors"
    else:
        session["status"] = "cut" if (ended_last() if late else call["status"]) in CUT else "ok"
