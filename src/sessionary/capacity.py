"""How much one process takes on: calls that it answers at a time, and bytes of request bodies that it holds.

What is too much is told to come again (503) before it costs anything. A call takes a `Place` when its caller is known,
then room for its body as it comes; both are given back when the `with` of the place ends, or by whom they were handed
on to. Owned by the worker's loop.
"""

from collections.abc import Callable
from types import TracebackType
from typing import Self

from sessionary.errors import Overloaded, PayloadTooLarge
from sessionary.metrics import Metrics
from sessionary.settings import Settings

_COME_AGAIN = "2"
"""Seconds, told in `retry-after`."""
_SPARE = 0.5
"""Of all that there is: what can wait takes no more."""


class Capacity:
    def __init__(self, settings: Settings, metrics: Metrics) -> None:
        self.pause = settings.request_timeout
        """Seconds that a body may pause for while it comes."""
        self._max_body = settings.max_body
        self._most_calls = settings.streams
        self._most_bytes = settings.memory
        self._metrics = metrics
        self.calls = 0
        self.body_bytes = 0

    @property
    def has_spare(self) -> bool:
        """Whether there is room left for what can wait, beside what cannot."""
        return self.calls < _SPARE * self._most_calls and self.body_bytes < _SPARE * self._most_bytes

    def place(self) -> "Place":
        """Raises Overloaded where there is none."""
        if self.calls >= self._most_calls:
            raise _overloaded("answers as many calls as it can")
        self.calls += 1
        return Place(self)

    def tell(self) -> None:
        """For the metrics, once a second."""
        self._metrics.in_flight.set(self.calls)
        self._metrics.body_bytes.set(self.body_bytes)

    def more(self, held: int, size: int) -> None:
        """Room for `size` bytes more of a body of which `held` are here. Raises PayloadTooLarge or Overloaded."""
        if held + size > self._max_body:
            raise PayloadTooLarge(f"The request body is larger than {self._max_body} bytes.")
        if self.body_bytes + size > self._most_bytes:
            raise _overloaded("holds as many bytes of requests as it can")
        self.body_bytes += size

    def less(self, size: int) -> None:
        self.body_bytes -= size

    def left(self, size: int) -> None:
        self.calls -= 1
        self.body_bytes -= size


class Place:
    """One call's share."""

    __slots__ = ("_capacity", "_handed_on", "size")

    def __init__(self, capacity: Capacity) -> None:
        self._capacity = capacity
        self._handed_on = False
        self.size = 0
        """Bytes of bodies that it has room for."""

    @property
    def pause(self) -> float:
        return self._capacity.pause

    def take(self, size: int) -> None:
        """Room for so many bytes more. Raises PayloadTooLarge or Overloaded."""
        self._capacity.more(self.size, size)
        self.size += size

    def hand_on(self) -> Callable[[], None]:
        """To give it back with, by who goes on when the `with` has ended."""
        self._handed_on = True
        return self._give_back

    def _give_back(self) -> None:
        self._capacity.left(self.size)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._handed_on:
            self._give_back()


def _overloaded(why: str) -> Overloaded:
    return Overloaded(f"The gateway {why}: try again soon.", headers={"retry-after": _COME_AGAIN})
