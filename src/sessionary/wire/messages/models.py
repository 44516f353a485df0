"""What a Claude model takes, told by its name: where the API differs between generations. Pure.

A name without a version is of the newest generation; a model that is no Claude is asked as the oldest were, which
is what compatible servers know.
"""

import re

_VERSION = re.compile(r"claude-(?:[a-z]+-)?(\d{1,2})(?:[-.](\d{1,2}))?(?!\d)")
_NEWEST = (99, 0)
_OLDEST = (0, 0)


def version(model: str) -> tuple[int, int]:
    name = model.lower()
    found = _VERSION.search(name)
    if found:
        return int(found[1]), int(found[2] or 0)
    return _NEWEST if "claude" in name else _OLDEST


def thinks_adaptively(model: str) -> bool:
    """`thinking: adaptive` with an effort, where older models take a budget."""
    return version(model) >= (4, 6)


def takes_strict_tools(model: str) -> bool:
    return version(model) >= (4, 5)
