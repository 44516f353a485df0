"""Ids of tool calls: Anthropic takes `[a-zA-Z0-9_-]+` only, other providers write what they like. Pure.

An id that fits is kept. Another is written as its base64url after a prefix, and read back from that, so that
`read(written(id)) == id` for every id.
"""

import base64
import re

_FITS = re.compile(r"[a-zA-Z0-9_-]+\Z")
_PREFIX = "toolu_b64_"


def written(id: str) -> str:
    if _FITS.match(id) and read(id) == id:
        return id
    return _PREFIX + base64.urlsafe_b64encode(id.encode("utf-8", "surrogatepass")).decode().rstrip("=")


def read(id: str) -> str:
    if not id.startswith(_PREFIX):
        return id
    inner = id[len(_PREFIX) :]
    try:
        found = base64.b64decode(inner + "=" * (-len(inner) % 4), altchars=b"-_", validate=True)
        return found.decode("utf-8", "surrogatepass")
    except ValueError:
        return id
