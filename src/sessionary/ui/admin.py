"""What the pages of keys, models, health and audit show beyond what the API says: groups, order, words. Pure."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import msgspec
from starlette.datastructures import QueryParams

from sessionary.ui.lists import quoted

Json = dict[str, Any]
MOST_PROJECTS = 100
MOST_KEYS = 200
"""Of one project, that are valid, and as many that are not."""
_AUDIT = ("action", "actor", "target")
_MOST_SAID = 300
_ENDED = ("revoked", "expired")


def of_project(query: Mapping[str, str]) -> QueryParams:
    """What the API is asked of a page's parameters."""
    return QueryParams({"project": query["project"]} if query.get("project") else {})


def ask(path: str, field: str, value: str, project: str = "") -> str:
    """The address of the list at `path` that shows what has this value."""
    said = [(field, value), *([("project", project)] if project else [])]
    terms = " ".join(f"{name}:{quoted(text)}" for name, text in said)
    return f"{path}?{urlencode({'filter': terms})}"


def keys(projects: Sequence[Json], found: Json, query: Mapping[str, str], demo: str = "") -> Json:
    """`groups` of keys by project, the busiest first, of those that `find` and `project` leave. `demo`: the project of
    demo sessions."""
    wanted, project = query.get("find", "").strip().lower(), query.get("project", "")
    by_project: dict[str, list[Json]] = {}
    for key in found["data"]:
        by_project.setdefault(key["project"], []).append(key)
    groups = []
    for one in projects:
        if project and one["name"] != project:
            continue
        own = by_project.get(one["name"], [])
        if wanted and wanted not in one["name"].lower():
            own = [key for key in own if _mentions(key, wanted)]
            if not own:
                continue
        own = sorted(own, key=lambda key: -key["use"]["calls"])
        valid = [key for key in own if key["state"] == "valid"]
        ended = [key for key in own if key["state"] in _ENDED]
        groups.append(
            one
            | {
                "valid": valid[:MOST_KEYS],
                "ended": ended[:MOST_KEYS],
                "left_out": len(valid[MOST_KEYS:]) + len(ended[MOST_KEYS:]),
                "keyless": _keyless(one, own, demo),
            }
        )
    return {
        "groups": groups[:MOST_PROJECTS],
        "group_count": len(groups),
        "key_count": sum(one["keys"] for one in projects),
        "project_names": sorted(one["name"] for one in projects),
        "master": found["master"],
    }


def _keyless(project: Json, own: Sequence[Json], demo: str) -> str:
    """What stands in place of keys that can call."""
    if project["name"] == "default":
        return "No key of its own. Calls with the master key are this project’s."
    if any(key["state"] in _ENDED for key in own):
        return "All its keys have ended: nobody calls for it until it has a new one."
    if project["name"] == demo:
        return "The project of the demo sessions. The keys that these name are made up."
    if project["use"]["calls"]:
        return "No key can call for it now; what is counted was called before."
    return "No key yet. What is called with a key of its own is this project’s."


def _mentions(key: Json, wanted: str) -> bool:
    return any(wanted in text.lower() for text in (key["name"], key["id"], key["hint"], *(key["models"] or ())))


def models(found: Json) -> Json:
    """As the API says, each with the words for what serves it."""
    return found | {
        "configured": [_served(model) for model in found["data"]],
        "others": [_served(model) for model in found["others"]],
    }


def _served(model: Json) -> Json:
    deployments = model["deployments"]
    many = len(deployments) > 1
    return model | {
        "deployments": [d | {"state": _state(d), "shown_share": d["share"] if many else None} for d in deployments]
    }


def _state(deployment: Json) -> Json | None:
    if not deployment["usable"]:
        return {"level": "act", "text": "no key"}
    if seconds := deployment["cooling_seconds"]:
        return {"level": "watch", "text": f"cooling {max(1, round(seconds))} s"}
    return None


def audit_query(query: Mapping[str, str]) -> QueryParams:
    """What the API is asked of the page's parameters: an empty field of the form says nothing."""
    return QueryParams({name: query[name] for name in (*_AUDIT, "project", "cursor") if query.get(name)})


def audit(found: Json, query: Mapping[str, str]) -> Json:
    """As the API says, each entry with links to what is like it, and its details as texts."""
    kept = {name: query[name] for name in (*_AUDIT, "project") if query.get(name)}
    older = found["next_cursor"]
    return {
        "rows": [_entry(entry) for entry in found["data"]],
        "narrowed": bool(kept) or bool(query.get("cursor")),
        "older": f"/ui/audit?{urlencode(kept | {'cursor': older})}" if older else "",
    }


def _entry(entry: Json) -> Json:
    links = {f"{name}_link": f"/ui/audit?{urlencode({name: entry[name]})}" for name in _AUDIT}
    return entry | links | {"details": [(name, _said(name, value)) for name, value in entry["detail"].items()]}


def _said(name: str, value: Any) -> str:
    match value:
        case {"from": old, "to": new}:
            text = f"{_said(name, old)} → {_said(name, new)}"
        case int() if name.endswith("_at"):
            text = f"{datetime.fromtimestamp(value / 1e6, UTC):%Y-%m-%d %H:%M} UTC"
        case [str(), *_] if all(isinstance(one, str) for one in value):
            text = ", ".join(value)
        case None:
            text = "none"
        case str():
            text = value
        case _:
            text = msgspec.json.encode(value).decode()
    return text if len(text) <= _MOST_SAID else text[:_MOST_SAID] + "…"


def gauges(found: Json | None) -> Json | None:
    """With `level` by the name of what was judged, and the worst of them."""
    if found is None:
        return None
    levels = {check["name"]: check["level"] for check in found["checks"]}
    trouble = [check for check in found["checks"] if check["level"] != "fine"]
    return found | {"levels": levels, "trouble": trouble}
