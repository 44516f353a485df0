"""A program's mark in the lists: letters in a shape of our own, no one's logo. Pure; static/client-mark.js does the
same, held together by one table of cases in the tests.

The shape says what kind of program it is: a hexagon an agent that people work with, a square a library, a circle
anything else.
"""

import re

_VERSION = re.compile(r"[ /]v?\d[\w.+-]*$")
_AGENTS = frozenset(
    ("claude code", "codex", "opencode", "aider", "cline", "cursor", "gemini", "copilot", "goose", "crush", "roo code")
)
_LIBRARIES = ("python", "node", "langchain", "litellm", "llamaindex", "smolagents", "agents", "ai sdk", "sdk", "openai")


def family(client: str) -> str:
    """The program without its version."""
    return _VERSION.sub("", client.strip())


def shape(client: str) -> str:
    name = family(client).lower()
    if name in _AGENTS:
        return "agent"
    return "library" if any(word in name for word in _LIBRARIES) else "other"


def letters(client: str) -> str:
    """Two: the first of the first two words, or of the one there is."""
    words: list[str] = re.findall(r"[^\W_]+", family(client))
    if not words:
        return "?"
    return (words[0][0] + words[1][0]).upper() if len(words) > 1 else words[0][:2].capitalize()
