"""What a caller says of its session beside the id: a name, tags, and the agent inside it that is calling. Pure.

    x-session-name    or helicone-session-name
    x-session-tags    comma separated
    x-session-agent   or helicone-session-path: the path of agents, separated by slashes

Each name may be percent-encoded UTF-8, and is where it holds a separator; plain text is read as it stands. What is too
long is cut: nothing here refuses a call.
"""

from collections.abc import Mapping
from urllib.parse import unquote_to_bytes

import msgspec

NAME_HEADERS = ("x-session-name", "helicone-session-name")
TAGS_HEADER = "x-session-tags"
AGENT_HEADERS = ("x-session-agent", "helicone-session-path")
MOST_TAGS = 50
MOST_NAME = 500
MOST_TAG = 100
"""Characters."""


class Labels(msgspec.Struct, frozen=True):
    name: str = ""
    tags: list[str] = []
    agent: str = ""


_NAMING = frozenset({*NAME_HEADERS, TAGS_HEADER, *AGENT_HEADERS})
_NOTHING = Labels()


def labels(headers: Mapping[str, str]) -> Labels:
    """`headers`: lower-case names, values as latin-1."""
    if _NAMING.isdisjoint(headers):
        return _NOTHING
    name = next((text for h in NAME_HEADERS if (text := _decoded(headers.get(h, "")))), "")
    path = next((text for h in AGENT_HEADERS if (text := headers.get(h, ""))), "")
    tags = [_decoded(tag)[:MOST_TAG] for tag in headers.get(TAGS_HEADER, "").split(",")]
    agents = [_decoded(agent) for agent in path.split("/")]
    once = list(dict.fromkeys(t for t in tags if t))
    return Labels(name[:MOST_NAME], once[:MOST_TAGS], "/".join(filter(None, agents)))


def _decoded(value: str) -> str:
    """One line of printable text."""
    data = unquote_to_bytes(value.encode("latin-1", "replace"))
    try:
        text = data.decode()
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
