"""What a request's headers say by themselves, worked out once for all requests that have the same.

A client's requests differ in their bodies, and in how long these are: so a `Head` is shared by requests of the same
headers but `content-length`, which it has not got. Nobody changes one.
"""

from collections.abc import Iterable, Sequence
from functools import cached_property

from sessionary.auth import hashed_key
from sessionary.relay import headers as header_rules
from sessionary.sessions import identify
from sessionary.sessions.clients import client_name
from sessionary.sessions.identify import Agent, InHeaders
from sessionary.sessions.labels import Labels, labels

_LENGTH = b"content-length"
_MOST = 1024
_LONGEST = 8192
"""Bytes of headers that are kept."""


class Head:
    def __init__(self, headers: dict[str, str]) -> None:
        """`headers`: as `headers_of` reads them."""
        self.headers = headers

    @cached_property
    def key(self) -> bytes:
        """The hash of the API key; b"" where there is none."""
        return hashed_key(self.headers)

    @cached_property
    def client(self) -> str:
        """The program that calls, for people."""
        return client_name(self.headers)

    @cached_property
    def recorded(self) -> dict[str, str]:
        return header_rules.recorded(self.headers)

    @cached_property
    def to_upstream(self) -> dict[str, str]:
        return header_rules.to_upstream(self.headers)

    @cached_property
    def named(self) -> InHeaders:
        """The session, as far as headers tell it."""
        return identify.in_headers(self.headers)

    @cached_property
    def agent(self) -> Agent:
        return identify.agent(self.headers)

    @cached_property
    def labels(self) -> Labels:
        return labels(self.headers)


class Heads:
    """Those that came lately."""

    def __init__(self) -> None:
        self._known: dict[tuple[tuple[bytes, bytes], ...], Head] = {}

    def of(self, raw: Sequence[tuple[bytes, bytes]]) -> Head:
        """`raw`: lower-case names, as they came."""
        once = dict(raw)
        if len(once) == len(raw):
            once.pop(_LENGTH, None)
            given = tuple(once.items())
        else:
            given = tuple([header for header in raw if header[0] != _LENGTH])
        head = self._known.get(given)
        if head is None:
            head = Head(headers_of(given))
            if sum(len(name) + len(value) for name, value in given) <= _LONGEST:
                if len(self._known) >= _MOST:
                    self._known.clear()
                self._known[given] = head
        return head


def headers_of(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Lower-case, as they are in `raw`; underscores read as hyphens. Of a repeated header the first counts."""
    found: dict[str, str] = {}
    for name, value in raw:
        found.setdefault(name.decode("latin-1").replace("_", "-"), value.decode("latin-1"))
    return found
