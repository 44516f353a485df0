"""A mapping in memory that forgets what was used longest ago, bounded in entries and in bytes.

The newest entry stays, however large it is.
"""

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Bounded(Generic[K, V]):
    def __init__(self, most: int, most_bytes: int) -> None:
        self._most = most
        self._most_bytes = most_bytes
        self._held: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self.bytes = 0
        """What was put, as `put` was told."""

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, key: K) -> bool:
        return key in self._held

    def get(self, key: K) -> V | None:
        if key not in self._held:
            return None
        self._held.move_to_end(key)
        return self._held[key][0]

    def put(self, key: K, value: V, size: int) -> None:
        """`size`: in bytes. Put again with another size where the value has grown."""
        self.drop(key)
        self._held[key] = (value, size)
        self.bytes += size
        while len(self._held) > 1 and (len(self._held) > self._most or self.bytes > self._most_bytes):
            self.drop(next(iter(self._held)))

    def drop(self, key: K) -> None:
        if (found := self._held.pop(key, None)) is not None:
            self.bytes -= found[1]
