"""Which calls wait for what another gateway has not stored yet.

A history ends with an answer that is not known: another gateway may have given it a moment ago. So the call waits, and
with it all that came after it, for a spool is stored in its order; not for long, for programs make up histories, too.

After an outage of the store a moment is not enough: every gateway has a backlog, which may have any answer that was
given meanwhile. Then a call waits until the others have come past the time at which it began (`store.others`). Whoever
has come least far waits for nobody, so that nobody waits in a circle. How long that goes on has a bound for all calls
together: one of the gateways may be gone for ever.
"""

import time

import sqlalchemy as sa

from sessionary.record.recorder import now_us
from sessionary.store import others
from sessionary.store.engine import is_shared
from sessionary.store.others import HELD_BACK

_CATCHING_UP = 30.0
"""Seconds after an outage for which others' backlogs are waited for."""
_LISTEN = 1.0
"""Seconds at least from one look of who has nothing to store at how far the others are to the next."""


class Waiting:
    """Of one drain."""

    def __init__(self, engine: sa.Engine, gateway: str) -> None:
        """`gateway`: the own one's id."""
        self._engine = engine
        self._shared = is_shared(engine)
        self._gateway = gateway
        self._made_at = time.monotonic()
        """When a round was made last, with or without anything to store."""
        self._back_at = float("-inf")
        """When the first one began after an outage."""
        self._listened_at = float("-inf")
        self.reached = 0
        """Until when, in microseconds, all is stored that this gateway recorded."""

    @property
    def catching_up(self) -> bool:
        """Whether the store was away a while ago, and others may have a backlog."""
        return self._shared and time.monotonic() - self._back_at < _CATCHING_UP

    def begin(self) -> None:
        """A round is tried."""
        if (now := time.monotonic()) - self._made_at > HELD_BACK:
            self._back_at = now

    def made(self) -> None:
        self._made_at = time.monotonic()

    def since(self, connection: sa.Connection) -> int | None:
        """Calls whose histories end with an answer that is not known wait if they began after this; None: none waits.
        To be asked before answers are looked for: those that are stored later may come too late."""
        reached = others.reached(connection, self._gateway) if self._shared else []
        if not reached:
            return None
        return min(_moment(), *reached) if self.catching_up else _moment()

    def until(self, early: int) -> int:
        """To when it is worth looking again, while a call waits that began at `early`: many may wait by now."""
        return early if self.catching_up else max(early, _moment())

    def is_waited_for(self) -> bool:
        """Whether others are further, and may wait to hear that there is nothing to store here."""
        now = time.monotonic()
        if not self._shared or now - self._listened_at < _LISTEN:
            return False
        self._listened_at = now
        with self._engine.connect() as connection:
            return any(reached > self.reached for reached in others.reached(connection, self._gateway))


def _moment() -> int:
    """Calls that began before it have waited for as long as they may."""
    return now_us() - int(HELD_BACK * 1e6)
