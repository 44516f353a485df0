"""A Responses answer that passes as it is, but for what is ours: its id, what it goes on from, its items' ids. Pure.

Events that carry the response object are changed in those fields alone, of all others only the ids of items.
"""

import re
from typing import Any

import msgspec

from sessionary.wire import loose
from sessionary.wire.responses import item_ids

_END = re.compile(rb"\r\n\r\n|\n\n|\r\r")
_NUMBER = re.compile(rb'("sequence_number"\s*:\s*)(\d+)')
_DATA = re.compile(rb"^data: ?(.*)$", re.MULTILINE)


class Rewritten:
    """`ours` are the fields of the response object that say what the client asked of us; with its `id`."""

    def __init__(self, ours: dict[str, object], *, queued: bool = False) -> None:
        """`queued`: the client's stream has a `response.queued`, which the provider's has not."""
        self._ours = ours
        self._queued = queued
        self._held = b""
        self._items: dict[bytes, bytes] = {}
        """Items' ids as JSON strings, the provider's and ours."""
        self._naming = re.compile(rb"")
        """Finds where one of them names an item; of use from the first one on."""
        self.next_number = 0
        """The `sequence_number` of an event after those that passed."""

    def whole(self, body: bytes) -> bytes:
        try:
            value = loose.decode(body)
        except loose.FAILURES:
            return body
        if not isinstance(value, dict) or value.get("object") not in ("response", "response.compaction"):
            return body
        self._name(value.get("output"))
        return self._renamed(loose.encode({**value, **self._ours}))

    def feed(self, data: bytes) -> bytes:
        data = self._held + data
        out = []
        start = 0
        for end in _END.finditer(data):
            out.append(self._event(data[start : end.end()]))
            start = end.end()
        self._held = data[start:]
        passed = b"".join(out)
        for number in _NUMBER.finditer(passed):
            self.next_number = int(number[2]) + 1
        return passed

    def close(self) -> bytes:
        rest, self._held = self._held, b""
        return rest

    def _event(self, event: bytes) -> bytes:
        if b'"response"' not in event and b'"item"' not in event:
            return self._renamed(event)
        found = _DATA.search(event)
        try:
            value = loose.decode(found[1]) if found else None
        except loose.FAILURES:
            return event
        if found is None or not isinstance(value, dict):
            return event
        self._name([value.get("item")])
        if self._queued and value.get("type") == "response.created":
            return self._created(value)
        if isinstance(value.get("response"), dict):
            self._name(value["response"].get("output"))
            changed = msgspec.json.encode({**value, "response": {**value["response"], **self._ours}})
            event = event[: found.start(1)] + changed + event[found.end(1) :]
        return self._renamed(event)

    def _name(self, items: object) -> None:
        for item in items if isinstance(items, list) else ():
            if isinstance(item, dict) and isinstance(id := item.get("id"), str):
                ours = item_ids.named(id, str(self._ours["id"]))
                self._items[msgspec.json.encode(id)] = msgspec.json.encode(ours)
        self._naming = re.compile(rb'("(?:item_)?id"\s*:\s*)(%s)' % b"|".join(map(re.escape, self._items)))

    def _created(self, value: dict[str, Any]) -> bytes:
        number = value.get("sequence_number", 0)
        told = {"response": {**value["response"], **self._ours, "status": "queued"}}
        events = [("response.created", number), ("response.queued", number + 1)]
        return b"".join(
            f"event: {name}\ndata: ".encode()
            + msgspec.json.encode({"type": name, "sequence_number": n, **told})
            + b"\n\n"
            for name, n in events
        )

    def _renamed(self, data: bytes) -> bytes:
        if self._queued:
            data = _NUMBER.sub(lambda found: found[1] + str(int(found[2]) + 1).encode(), data)
        return self._naming.sub(lambda found: found[1] + self._items[found[2]], data) if self._items else data
