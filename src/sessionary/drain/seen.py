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


class Seen:
    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most = most_bytes
        self._size = 0
        self._paths: OrderedDict[_Key, list[list[Step]]] = OrderedDict()

    def path(self, project: int, base: bytes, raws: Sequence[bytes]) -> list[Step]:
        """The longest known beginning of a path: the steps of the first of `raws`, after the message `base`."""
        if not raws:
            return []
        key = (project, base, raws[0])
        found = self._paths.get(key)
        if found is None:
            return []
        self._paths.move_to_end(key)
        best: list[Step] = []
        for steps in found:
            if len(steps) > len(best):
                same = _same(steps, raws)
                best = steps[:same] if same > len(best) else best
        return best

    def add(self, project: int, base: bytes, steps: list[Step]) -> None:
        """A path whose messages are stored."""
        if not steps:
            return
        key = (project, base, steps[0].raw)
        there = self._paths.setdefault(key, [])
        self._paths.move_to_end(key)
        for n, path in enumerate(there):
            if path[-1].depth <= steps[-1].depth and steps[len(path) - 1].id == path[-1].id:
                self._size += _size(steps) - _size(path)
                there[n] = steps
                break
        else:
            there.append(steps)
            self._size += _size(steps)
        if len(there) > _MOST_ALIKE:
            self._size -= _size(there.pop(0))
        while self._size > self._most:
            _, paths = self._paths.popitem(last=False)
            self._size -= sum(map(_size, paths))


def _same(steps: list[Step], raws: Sequence[bytes]) -> int:
    """How many of the first are equal."""
    for n, (step, raw) in enumerate(zip(steps, raws, strict=False)):
        if step.raw != raw:
            return n
    return min(len(steps), len(raws))


def _size(steps: list[Step]) -> int:
    return sum(len(step.raw) for step in steps) + 300 * len(steps)
