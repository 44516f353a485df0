"""Asking a running gateway over its API, as any program on any machine could. Blocking.

    Unanswered         what a person is told in one line
    ├── Lost           no connection, or one that broke off: it may come back
    └── Refused        the gateway's own answer, with its status

The key goes to the gateway that it is for and nowhere else: the data folder's master key only to the address of the
process that serves that folder now, and no answer can send it on. It is in no message.
"""

import http.client
import socket
import ssl
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlencode, urlsplit

import msgspec

from sessionary import __version__, listening
from sessionary.cli.common import configured, gateway_url
from sessionary.cli.shell import harmless
from sessionary.errors import SessionaryError
from sessionary.settings import Settings

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
            fields: dict[str, str] = {}
            while line := _line(answer):
                name, _, value = line.decode("utf-8", "replace").rstrip("\r\n").partition(": ")
                if name:
                    fields[name] = value
                elif fields:
                    yield Event(fields.get("event", ""), fields.get("id", ""), _decoded(fields.get("data", "")))
                    fields = {}

    def _asked(
        self, path: str, query: Query | None, headers: Mapping[str, str] | None = None, seconds: float = _SECONDS
    ) -> http.client.HTTPResponse:
        """The answer, once it is known to be a good one. Closing it closes the connection."""
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
            raise Lost(f"no gateway answers at {self.url} ({_why(error)}): is it running there?") from None
        try:
            connection.request("GET", target, headers=sent | dict(headers or {}))
            answer = connection.getresponse()
            if answer.status != http.client.OK:
                raise self._refusal(answer, path)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            raise Lost(f"the connection to {self.url} was lost ({_broken(error)})") from None
        return answer

    def _refusal(self, answer: http.client.HTTPResponse, path: str) -> Unanswered:
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
                message = f"{message.removesuffix('.')}: {unquote(path.split('/')[3])}"
            return Refused(message, status)
        except (msgspec.DecodeError, RecursionError, KeyError, TypeError, AttributeError):
            return Refused(f"{self.url} answered {status}, and not as a gateway does: is it one?", status)


def session(name: str, part: str = "") -> str:
    """The path of a session, or of something of it: its name may have anything in it."""
    return f"/api/sessions/{quote(name, safe='', errors=_BYTES)}{part}"


def call(name: str, part: str = "") -> str:
    return f"/api/calls/{quote(name, safe='', errors=_BYTES)}{part}"


def find(url: str | None, key: str | None, config: Path | None, data_dir: Path | None) -> Gateway:
    """The gateway that is named, or the one that serves the data folder here. Raises Unanswered."""
    if key is not None and not (key.isascii() and key.isprintable() and key.strip() == key and key):
        raise Unanswered("the key is empty, or has characters that no key has")
    if url:
        if key is None:
            raise Unanswered("a key is missing for that gateway: give one with --key, or in SESSIONARY_API_KEY")
        return Gateway(address(url), key)
    settings = configured(config, data_dir=data_dir)
    folder = settings.data_dir
    if not _is_served(folder):
        raise Lost(
            f"no gateway runs on {folder.resolve()} here: start it with `sessionary serve`, name its folder with "
            "--data-dir, or a gateway elsewhere with --url"
        )
    if key is not None:
        return Gateway(gateway_url(settings), key)
    return Gateway(gateway_url(settings), *_master(settings))


def address(url: str) -> str:
    """Without what is not the gateway's own: `/v1`, as clients are given it, or the path of a page."""
    text = url.strip()
    try:
        split = urlsplit(text if "://" in text else f"http://{text}")
        good = split.scheme in ("http", "https") and bool(split.hostname) and split.port != 0
    except ValueError:
        good = False
    if not good or not text.isascii() or not text.isprintable() or " " in text:
        raise Unanswered("--url must be the gateway's address, such as http://127.0.0.1:4000")
    if "@" in split.netloc:
        raise Unanswered("--url must have no user in it: the key is given with --key")
    path = split.path.partition("/ui/")[0].rstrip("/").removesuffix("/ui").removesuffix("/v1")
    return f"{split.scheme}://{split.netloc}{path}"


def _is_served(folder: Path) -> bool:
    try:
        return listening.is_served(folder)
    except OSError as error:
        raise Unanswered(f"{folder} cannot be read ({_why(error)}): name the gateway with --url and --key") from None


def _master(settings: Settings) -> tuple[str, str]:
    """The folder's master key, and where it is from."""
    from sessionary.app.parts import Folder  # which brings the database: who asks elsewhere needs none

    if settings.master_key:
        return settings.master_key, "the master key of the configuration"
    path = Folder(settings.data_dir).master_key
    try:
        key = path.read_text().strip()
    except (OSError, ValueError):
        key = ""
    if not key:
        raise Unanswered(f"there is no key in {path}: give one with --key, or in SESSIONARY_API_KEY")
    return key, f"the key in {path}"


def _decoded(data: bytes | str) -> Json:
    try:
        found = msgspec.json.decode(data)
    except (msgspec.DecodeError, RecursionError):
        found = None
    if not isinstance(found, dict):
        raise Unanswered("the answer is not what a gateway gives: is --url the address of one?")
    return found


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


def _why(error: Exception) -> str:
    if isinstance(error, socket.gaierror):
        return "there is no such host"
    if isinstance(error, TimeoutError):
        return "it did not answer in time"
    return (error.strerror if isinstance(error, OSError) else None) or error.__class__.__name__


def _broken(error: Exception) -> str:
    return "it broke off" if isinstance(error, http.client.HTTPException | ValueError) else _why(error)
