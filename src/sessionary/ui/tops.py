"""What stands on top of every page: the other pages, and which project is looked at. Pure.

The project is the parameter `project` of an address, which the API understands; it goes along from page to page.
"""

from collections.abc import Sequence
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlencode

from starlette.datastructures import QueryParams

_PAGES = MappingProxyType(
    {
        "sessions": "/ui/",
        **{name: f"/ui/{name}" for name in ("calls", "compare", "keys", "models", "health", "audit")},
    }
)


def top(path: str, query: QueryParams, projects: Sequence[str]) -> dict[str, Any]:
    """`projects`: those that the viewer may switch between. `action` and `other`: where the switch leads, with what
    else is in the address; from a session's page to the list. `kept`: what links to other pages end with."""
    chosen = query.get("project", "") if projects else ""
    names = [*projects, *([chosen] if chosen and chosen not in projects else [])]
    here = path in _PAGES.values()
    return {
        "pages": [{"name": name, "path": path} for name, path in _PAGES.items()],
        "projects": names if len(names) > 1 else [],
        "project": chosen,
        "action": path if here else _PAGES["sessions"],
        "other": [pair for pair in query.multi_items() if pair[0] not in ("project", "cursor")] if here else [],
        "kept": f"?{urlencode({'project': chosen}, quote_via=quote)}" if chosen else "",
    }
