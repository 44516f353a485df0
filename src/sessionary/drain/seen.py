"""Paths that were taken apart lately: a client that sends a hundred messages again costs what is new among them.

Only what is committed comes in, and what is taken out is checked against the store before it is used, since another
process may have deleted it. Bounded by the bytes of the messages; the paths that were not asked for longest go first.
"""

from collections import OrderedDict
from collections.abc import Sequence

from sessionary.drain.requests import Step

MOST_BYTES = 64 << 20
_MOST_ALIKE = 8
"""Paths that are kept of those that begin with the same message."""
_Key = tuple[int, bytes, bytes]


class _Path:
    """`raws` are the steps' own, in a list of their own since that is compared."""

    __slots__ = ("raws", "size", "steps")

    def __init__(self, raws: list[bytes], steps: list[Step]) -> None:
        self.raws = raws
        self.steps = steps
        self.size = sum(map(len, raws)) + 300 * len(raws)


class Seen:
    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._size = 0
        self._paths: OrderedDict[_Key, list[_Path]] = OrderedDict()

    def path(self, project: int, base: bytes, raws: Sequence[bytes]) -> list[Step]:
        """The longest known beginning of a path: the steps of the first of `raws`, after the message `base`."""
        if not raws:
            return []
        key = (project, base, raws[0])
        found = self._paths.get(key)
        if found is None:
            return []
        self._paths.move_to_end(key)
        best, of = 0, found[0]
        for path in found:
            same = _same(path.raws, raws)
            if same > best:
                best, of = same, path
        return of.steps[:best]

    def add(self, project: int, base: bytes, steps: list[Step]) -> None:
        """A path whose messages are stored."""
        if not steps:
            return
        key = (project, base, steps[0].raw)
        there = self._paths.setdefault(key, [])
        self._paths.move_to_end(key)
        path = _Path([step.raw for step in steps], steps)
        for n, shorter in enumerate(there):
            if len(shorter.steps) <= len(steps) and steps[len(shorter.steps) - 1].id == shorter.steps[-1].id:
                self._size += path.size - shorter.size
                there[n] = path
                break
        else:
            there.append(path)
            self._size += path.size
        if len(there) > _MOST_ALIKE:
            self._size -= there.pop(0).size
        while self._size > self._most:
            _, paths = self._paths.popitem(last=False)
            self._size -= sum(path.size for path in paths)


def _same(known: Sequence[bytes], raws: Sequence[bytes]) -> int:
    """How many of the first are equal."""
    if raws[: len(known)] == known:  # a history that went on: compared at once
        return len(known)
    return next((n for n, (one, other) in enumerate(zip(known, raws, strict=False)) if one != other), len(raws))
