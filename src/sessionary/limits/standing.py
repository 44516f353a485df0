"""How keys stand with their limits, for people. Blocking."""

import time
from collections.abc import Iterable

import sqlalchemy as sa

from sessionary.limits import arithmetic
from sessionary.limits.arithmetic import Used
from sessionary.limits.counters import Counters
from sessionary.settings import Limits


class Standing:
    def __init__(self, counters: Counters, defaults: Limits) -> None:
        self._counters = counters
        self._defaults = defaults

    def of(self, keys: Iterable[tuple[int, str, Limits | None]]) -> dict[str, tuple[Limits, Used, int]]:
        """Of keys' projects, ids and own limits: by id the limits that hold, what counts against them, and as of when,
        in microseconds. Without those that have none; nothing where the counters cannot be reached."""
        now = time.time_ns() // 1000
        held = ((project, key_id, arithmetic.effective(self._defaults, own)) for project, key_id, own in keys)
        asked = [(project, key_id, limits) for project, key_id, limits in held if limits is not None]
        try:
            used = self._counters.look(asked, now) if asked else []
        except sa.exc.SQLAlchemyError:
            return {}
        return {key_id: (limits, one, now) for (_, key_id, limits), one in zip(asked, used, strict=True)}
