"""Asking a running gateway over its API, as any program on any machine could. Blocking.

    Unanswered         what a person is told in one line
    ├── Lost           no connection, or one that broke off: it may come back
    └── Refused        the gateway's own answer, with its status

The key goes to the gateway that it is for (`which`) and nowhere else: no answer can send it on. It is in no message.
"""

import http.client
import socket
import ssl
from collections.abc import Generator, Iterator, Mapping
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlencode, urlsplit

import msgspec

from sessionary import __version__
from sessionary.cli.shell import harmless
from sessionary.errors import SessionaryError

Json = dict[str, Any]
Query = Mapping[str, str | int]
_SECONDS = 60
_CHUNK = 1 << 16
_MOST_ERROR = 1 << 16
_BYTES = "surrogateescape"
"""What was typed and is no text goes on as the bytes that it is."""
_UNNAMED = ("There is no such session.", "There is no such call.")
"""Whoever typed a name is told which."""
_MOST = 200
"""Rows that the API gives at once."""


class Unanswered(SessionaryError):
    """The gateway did not answer."""

    def __init__(self, message: str) -> None:
        super().__init__(harmless.line(message))


class Lost(Unanswered):
    """There is no connection."""


class Refused(Unanswered):
    """The gateway said no."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(message)
        self.status = status


class Page(NamedTuple):
    rows: list[Json]
    more: bool
    newest: int | None
    """Where only so many were looked at."""


class Event(NamedTuple):
    kind: str
    id: str
    data: Json


class Gateway:
    def __init__(self, url: str, key: str, whose: str = "") -> None:
        """`url` as `address` gives it; `whose`: where the key is from, for the message where it is not taken."""
        self.url = url
        self._key = key
        self._whose = whose or "this key"
        split = urlsplit(url)
        self._secure, self._host, self._base = split.scheme == "https", split.netloc, split.path

    def get(self, path: str, query: Query | None = None) -> Json:
        with self._asked(path, query) as answer:
            data = _whole(answer)
        return _decoded(data)

    def pages(self, path: str, query: Query, most: int | None) -> Iterator[Page]:
        """At most `most` rows in all, the last page saying whether there are more. Where rows are rare a page may be
        without any, and the list still goes on."""
        asked, got = dict(query), 0
        while True:
            asked["limit"] = _MOST if most is None else min(_MOST, most - got)
            found = self.get(path, asked)
            rows, cursor = found["data"], found["next_cursor"]
            got += len(rows)
            more = cursor is not None
            yield Page(rows, more, found.get("newest"))
            if not more or (most is not None and got >= most):
                return
            asked["cursor"] = cursor

    def body(self, path: str, query: Query | None = None) -> Iterator[bytes]:
        """As it is sent, piece by piece. Raises before the first where it is refused."""
        with self._asked(path, query) as answer:
            while data := _read(answer, _CHUNK):
                yield data

    def events(self, query: Query, last: str, seconds: float) -> Iterator[Event]:
        """Server-sent events, until the gateway ends them; `last`: the id of the last one that was seen. Raises Lost
        where nothing comes for so long, not even a ping."""
        headers = {"accept": "text/event-stream"} | ({"last-event-id": last} if last else {})
        with self._asked("/api/events", query, headers, seconds) as answer:
            yield from _events(answer)

    def doing(self, path: str, body: Json, seconds: float) -> Generator[Json]:
        """Asks for something to be done that takes its time: the events that tell how it goes, until the gateway ends
        them. Who closes it before closes the connection. Raises Lost as `events` does."""
        headers = {"accept": "text/event-stream", "content-type": "application/json"}
        with self._asked(path, None, headers, seconds, msgspec.json.encode(body)) as answer:
            for event in _events(answer):
                yield event.data

    def _asked(
        self,
        path: str,
        query: Query | None,
        headers: Mapping[str, str] | None = None,
        seconds: float = _SECONDS,
        body: bytes | None = None,
    ) -> http.client.HTTPResponse:
        """The answer, once it is known to be a good one. Closing it closes the connection. A `body` is posted."""
        sent = {
            "authorization": f"Bearer {self._key}",
            "user-agent": f"sessionary/{__version__}",
            "connection": "close",
        }
        target = self._base + path + (f"?{urlencode(query, errors=_BYTES)}" if query else "")
        kind = http.client.HTTPSConnection if self._secure else http.client.HTTPConnection
        connection = kind(self._host, timeout=seconds)
        try:
            connection.connect()
        except ssl.SSLCertVerificationError as error:
            raise Lost(f"the certificate of {self.url} cannot be trusted ({error.verify_message})") from None
        except ssl.SSLError:
            raise Lost(f"what answers at {self.url} speaks no TLS: is it http://?") from None
        except (OSError, UnicodeError) as error:
            raise Lost(f"no gateway answers at {self.url} ({why(error)}): is it running there?") from None
        try:
            connection.request("GET" if body is None else "POST", target, body, sent | dict(headers or {}))
            answer = connection.getresponse()
            if answer.status != http.client.OK:
                raise self._refusal(answer, path, query or {})
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Lost(f"the connection to {self.url} was lost ({_broken(error)})") from None
        return answer

    def _refusal(self, answer: http.client.HTTPResponse, path: str, query: Query) -> Unanswered:
        status = answer.status
        body = answer.read(_MOST_ERROR)
        answer.close()
        if status == http.client.UNAUTHORIZED:
            return Refused(f"{self.url} does not take {self._whose}: give another with --key", status)
        if 300 <= status < 400:
            return Refused(f"{self.url} sends on to another address: give that one with --url", status)
        try:
            error = msgspec.json.decode(body)["error"]
            message = str(error["message"])
            if message in _UNNAMED:
                message = f"{message.removesuffix('.')}: {_named(path, query)}"
            return Refused(message, status)
        except (msgspec.DecodeError, RecursionError, KeyError, TypeError, AttributeError):
            return Refused(f"{self.url} answered {status}, and not as a gateway does: is it one?", status)


def session(name: str, part: str = "") -> str:
    """The path of a session, or of something of it: its name may have anything in it."""
    return f"/api/sessions/{quote(name, safe='', errors=_BYTES)}{part}"


def call(name: str, part: str = "") -> str:
    return f"/api/calls/{quote(name, safe='', errors=_BYTES)}{part}"


def _named(path: str, query: Query) -> str:
    """The session or call that was asked for: in a list's address it is what the list is narrowed to."""
    kind, _, name = path.removeprefix("/api/").partition("/")
    return unquote(name.partition("/")[0]) if name else str(query.get("session") or query.get("session_id") or kind)


def _decoded(data: bytes | str) -> Json:
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Unanswered("the answer is not what a gateway gives: is --url the address of one?")
    return found


def _events(answer: http.client.HTTPResponse) -> Iterator[Event]:
    fields: dict[str, str] = {}
    while line := _line(answer):
        name, _, value = line.decode("utf-8", "replace").rstrip("\r\n").partition(": ")
        if name:
            fields[name] = value
        elif fields:
            yield Event(fields.get("event", ""), fields.get("id", ""), _decoded(fields.get("data", "")))
            fields = {}


def _line(answer: http.client.HTTPResponse) -> bytes:
    try:
        return answer.readline()
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Lost(f"the connection was lost ({_broken(error)})") from None


def _whole(answer: http.client.HTTPResponse) -> bytes:
    parts = []
    while data := _read(answer, _CHUNK):
        parts.append(data)
    return b"".join(parts)


def _read(answer: http.client.HTTPResponse, size: int) -> bytes:
    try:
        data = answer.read(size)
    except (OSError, http.client.HTTPException, ValueError) as error:
        raise Lost(f"the connection was lost ({_broken(error)})") from None
    if not data and answer.length:
        raise Lost("the connection was lost (it ended too early)")
    return data


def why(error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return "there is no such host"
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    return (error.strerror if isinstance(error, OSError) else None) or error.__class__.__name__


def _broken(error: Exception) -> str:
    return "it broke off" if isinstance(error, http.client.HTTPException | ValueError) else why(error)
