"""Where the requests for a deployment go, and the head that they have: the target alone says it. Pure."""

import re
from typing import NamedTuple
from urllib.parse import quote, urlsplit

from sessionary.errors import UpstreamError
from sessionary.providers.routing import Target
from sessionary.relay.hiding import basic

_PORTS = {"http": 80, "https": 443}
_UNSENT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
"""What would end a line of the head, or is in none."""
_IN_A_PATH = "/%:@!$&'()*+,;=~-._"
_MESSAGES_VERSION = "2023-06-01"


class Address(NamedTuple):
    host: str
    port: int
    tls: bool
    line: bytes
    """The request line, and the headers that are the target's."""
    own: frozenset[str]
    """Their names: a client's have no say in them."""
    usual: dict[str, str]
    """What the client may say otherwise."""

    def lines(self, headers: dict[str, str]) -> bytes:
        """Of a head, all but the length. `headers` have lower-case names; one that no line can hold is left out."""
        lines = [
            f"{name}: {value}\r\n"
            for name, value in (self.usual | headers).items()
            if name not in self.own and (value.isprintable() or not _UNSENT.search(value))
        ]
        return self.line + "".join(lines).encode("latin-1", "replace")


def with_length(lines: bytes, size: int) -> bytes:
    """The head of a request with so many bytes."""
    return b"%bcontent-length: %d\r\n\r\n" % (lines, size)


def address(target: Target, endpoint: str) -> Address:
    """Raises UpstreamError where none can be made of the target."""
    url = urlsplit(target.url(endpoint))
    try:
        host = (url.hostname or "").encode("ascii" if ":" in (url.hostname or "") else "idna").decode()
        port = url.port or _PORTS[url.scheme]
    except (KeyError, ValueError):
        host = ""
    if not host:
        raise UpstreamError(f"{target.provider.title} could not be reached: its base URL is not valid")
    shown = f"[{host}]" if ":" in host else host
    path = quote(url.path or "/", safe=_IN_A_PATH) + (f"?{url.query}" if url.query else "")
    own = {"host": shown if port == _PORTS[url.scheme] else f"{shown}:{port}", **target.headers()}
    if url.username is not None and "authorization" not in own:
        own["authorization"] = f"Basic {basic(url.username, url.password)}"
    lines = [f"{name}: {value}" for name, value in own.items()]
    if any(map(_UNSENT.search, [path, *lines])):
        raise UpstreamError(f"{target.provider.title} could not be reached: no header can hold its key")
    line = "".join(f"{text}\r\n" for text in [f"POST {path} HTTP/1.1", *lines]).encode()
    usual = {"anthropic-version": _MESSAGES_VERSION} if endpoint.startswith("messages") else {}
    return Address(host, port, url.scheme == "https", line, frozenset(own), usual)
