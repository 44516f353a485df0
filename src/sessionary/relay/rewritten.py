"""A Responses answer that passes as it is, but for what is ours: its id, what it goes on from, its items' ids. Pure.

Events that carry the response object are changed in those fields alone, of all others only the ids of items.
"""

import re
from typing import Any

import msgspec

from sessionary.wire import loose
from sessionary.wire.responses import item_ids

_NUMBER = re.compile(rb'("sequence_number"\s*:\s*)(\d{1,15})(?!\d)')
_DATA = re.compile(rb"(?:\A|[\r\n])data: ?([^\r\n]*)")


class Rewritten:
    """`ours` are the fields of the response object that say what the client asked of us; with its `id`."""

    def __init__(self, ours: dict[str, object], *, queued: bool = False) -> None:
        """`queued`: the client's stream has a `response.queued`, which the provider's has not."""
        self._ours = ours
        self._queued = queued
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

    def event(self, event: bytes) -> bytes:
        """A whole event of the stream, or what a cut has left of one."""
        passed = self._event(event)
        for number in _NUMBER.finditer(passed):
            self.next_number = int(number[2]) + 1
        return passed

    def _event(self, event: bytes) -> bytes:
        if b'"response"' not in event and b'"item"' not in event:
            return self._renamed(event)
        found = _DATA.search(event)
        try:
            value = loose.decode(found[1]) if found else None
        except loose.FAILURES:
            value = None
        if found is None or not isinstance(value, dict):
            return self._renamed(event)
        self._name([value.get("item")])
        response = value.get("response")
        if isinstance(response, dict):
            if self._queued and value.get("type") == "response.created":
                return self._created(value, response)
            self._name(response.get("output"))
            changed = loose.encode({**value, "response": {**response, **self._ours}})
            event = event[: found.start(1)] + changed + event[found.end(1) :]
        return self._renamed(event)

    def _name(self, items: object) -> None:
        before = len(self._items)
        for item in items if isinstance(items, list) else ():
            if isinstance(item, dict) and isinstance(id := item.get("id"), str):
                ours = item_ids.named(id, str(self._ours["id"]))
                self._items[msgspec.json.encode(id)] = msgspec.json.encode(ours)
        if len(self._items) == before:
            return
        self._naming = re.compile(rb'("(?:item_)?id"\s*:\s*)(%s)' % b"|".join(map(re.escape, self._items)))

    def _created(self, value: dict[str, Any], response: dict[str, Any]) -> bytes:
        given = value.get("sequence_number")
        number = given if isinstance(given, int) else 0
        told = {"response": {**response, **self._ours, "status": "queued"}}
        events = [("response.created", number), ("response.queued", number + 1)]
        return b"".join(
            f"event: {name}\ndata: ".encode() + loose.encode({"type": name, "sequence_number": n, **told}) + b"\n\n"
            for name, n in events
        )

    def _renamed(self, data: bytes) -> bytes:
        if self._queued:
            data = _NUMBER.sub(lambda found: found[1] + str(int(found[2]) + 1).encode(), data)
        return self._naming.sub(lambda found: found[1] + self._items[found[2]], data) if self._items else data
