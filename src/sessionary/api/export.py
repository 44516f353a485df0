"""A whole session as a file: its calls by and by, so that a long one needs no more memory than a short. Blocking."""

import re
from collections.abc import Callable, Iterator
from typing import Any, Literal
from urllib.parse import quote

import msgspec
import sqlalchemy as sa

from sessionary.api import broke, markdown, transcript, types
from sessionary.errors import NotFound
from sessionary.store import reads, tree
from sessionary.store.branches import branches, requests
from sessionary.store.engine import snapshot
from sessionary.wire import loose, plain
from sessionary.wire.message import Message
from sessionary.wire.reading import FORMATS, read, read_system

Form = Literal["json", "jsonl", "markdown", "openai"]
KINDS: dict[Form, tuple[str, str]] = {
    "json": ("json", "application/json"),
    "jsonl": ("jsonl", "application/x-ndjson"),
    "markdown": ("md", "text/markdown; charset=utf-8"),
    "openai": ("messages.json", "application/json"),
}
"""The ending of the file's name, and its media type."""
_AT_ONCE = 50
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
_UNSEEN = re.compile(r'[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069/\\:*?"<>|]+')
_MOST_NAME = 80
Names = tuple[dict[int, str], dict[str, str]]


class Export:
    def __init__(self, engine: sa.Engine, row: types.Row, session: types.Session, names: Names) -> None:
        """`row` is the session's, `session` what is shown of it."""
        self._engine = engine
        self._row = row
        self._session = session
        self._names = names

    def disposition(self, form: Form) -> str:
        """The header that names the file: plainly, and as it is called for those that can read that."""
        seen = _UNSEEN.sub(" ", self._session.title or self._session.session_id)
        title = " ".join(seen.split()).strip(" .")[:_MOST_NAME].strip()
        simple = _UNSAFE.sub("-", title).strip("-.") or self._row.id
        ending = KINDS[form][0]
        named = quote(f"{title or simple}.{ending}", safe="")
        return f"attachment; filename=\"{simple}.{ending}\"; filename*=UTF-8''{named}"

    def parts(self, form: Form) -> Iterator[bytes]:
        """Raises NotFound, before the first, where there is nothing to write."""
        forms: dict[Form, Callable[[], Iterator[bytes]]] = {
            "json": self._json,
            "jsonl": self._lines,
            "markdown": self._markdown,
            "openai": self._messages,
        }
        return forms[form]()

    def _added(self) -> Iterator[types.Added]:
        after: tuple[int, str] | None = None
        while True:
            with snapshot(self._engine) as connection:
                calls = reads.session_page(connection, self._row.project, self._row.id, _AT_ONCE, after)
                added = transcript.read(connection, self._row, *self._names, calls)
            yield from added
            if len(calls) < _AT_ONCE:
                return
            after = (calls[-1].created_at, calls[-1].id)

    def _json(self) -> Iterator[bytes]:
        yield b'{"session":' + msgspec.json.encode(self._session) + b',"calls":['
        for n, added in enumerate(self._added()):
            yield (b",\n" if n else b"\n") + msgspec.json.encode(added)
        yield b"\n]}\n"

    def _lines(self) -> Iterator[bytes]:
        yield msgspec.json.encode({"session": self._session}) + b"\n"
        for added in self._added():
            yield msgspec.json.encode(added) + b"\n"

    def _markdown(self) -> Iterator[bytes]:
        names: dict[str, str] = {}
        yield markdown.head(self._session).encode()
        for added in self._added():
            yield markdown.call(added, names).encode()

    def _messages(self) -> Iterator[bytes]:
        with self._engine.connect() as connection:
            messages = chat_messages(connection, self._row)
        yield msgspec.json.format(msgspec.json.encode(messages), indent=2) + b"\n"


def chat_messages(connection: sa.Connection, row: types.Row) -> list[dict[str, Any]]:
    """What the main branch's last request sent, and its answer: as chat has it, ready to send. A chat is as it was
    sent. Raises NotFound where the session has no conversation, or where that is deleted."""
    call = _last(reads.session_calls(connection, row.project, row.id))
    recipe = tree.recipes_of(connection, row.project, [call.id]).get(call.id)
    if recipe is None:
        raise tree.emptied(row.emptied_at)
    format = FORMATS[call.endpoint]
    path = tree.path(connection, row.project, call.leaf)
    said = tree.answers(connection, row.project, row.id, [call.id]).get(call.id, [])
    system = broke.system(call, recipe)
    bodies = tree.load_bodies(connection, row.project, set(system))
    if format == "chat" and all(stored.format == "chat" for stored in path):
        raw = [*(bodies[hashed] for hashed in system), *(stored.raw for stored in (*path, *said))]
        return [loose.read_any(one) for one in raw]
    messages: list[Message] = [read_system(bodies[hashed], format) for hashed in system]
    messages += [read(stored.raw, stored.format, answer=stored.answer)[0] for stored in (*path, *said)]
    return plain.chat(messages)


def _last(calls: Any) -> Any:
    """Of the branch with the newest activity, of those that people talk on."""
    paths = branches(requests(calls))
    mine = [path for path in paths if not path.agent] or paths
    if not mine:
        raise NotFound("There is no conversation in this session.")
    newest = max(mine, key=lambda path: max(call.created_at for request in path.requests for call in request.calls))
    return newest.requests[-1].call
