"""Having a session replayed, over the API: it goes on while the connection is there, and its answers are read when they
are stored. Blocking.

Each call costs money: whoever interrupts it closes the connection, by which the gateway cancels what runs.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import closing
from typing import Any

from sessionary.cli.shell import reading
from sessionary.cli.shell.pairs import Pair
from sessionary.cli.shell.reading import Gateway, Lost, Refused

Json = dict[str, Any]
_SILENCE = 60.0
"""Seconds without a sign of life, after which a connection is no more: the gateway gives one every 15."""
_PATIENCE = 10.0
"""Seconds in which what was answered has to be stored."""
_LOOK = 0.2
_MOMENT = 1.0
"""Seconds in which calls that were begun are stored as such."""
_AT_ONCE = 50
"""Calls of either session that are asked for at once, and held."""


class Replaying:
    def __init__(self, gateway: Gateway, plan: Json) -> None:
        """`plan` as the gateway gave it."""
        self._gateway = gateway
        self._plan = plan
        self._answered: dict[str, Json] = {}
        self.session = ""
        """Where the new calls are, as soon as it has begun."""
        self.calls = len(plan["calls"])
        """That are to be asked."""

    @property
    def answered(self) -> int:
        return len(self._answered)

    @property
    def failed(self) -> int:
        return sum(one["status"] != "ok" for one in self._answered.values())

    def go(self, tell: Callable[[], None]) -> None:
        """Until all are answered; `tell` is called whenever one is. Raises Lost, also where the gateway ends before."""
        path = reading.session(self._plan["session"], "/replay")
        wanted = {"model": self._plan["model"], "until": self._plan["until"]}
        with closing(self._gateway.doing(path, wanted, _SILENCE)) as events:
            for event in events:
                if event["event"] == "began":
                    self.session, self.calls = event["session"], event["calls"]
                elif event["event"] == "answered":
                    self._answered[event["replays"]] = {n: v for n, v in event.items() if n != "event"}
                elif event["event"] == "ended":
                    return
                tell()
        raise Lost("the connection was lost (it ended too early)")

    def stored(self) -> bool:
        """Whether all that was answered is stored; it is waited for."""
        return self._wait(sum(one["call_id"] is not None for one in self._answered.values()))

    def asked(self) -> tuple[int, int]:
        """How many were, once it was interrupted, and how many of them still run: those are being cancelled."""
        time.sleep(_MOMENT)
        self.stored()
        found = self._look() or {"calls": 0, "live": 0}
        return found["calls"] + sum(one["call_id"] is None for one in self._answered.values()), found["live"]

    def pairs(self) -> Iterator[Pair]:
        """In the order in which they were asked then."""
        order = {call_id: n for n, call_id in enumerate(self._plan["calls"])}
        ids = sorted(self._answered, key=lambda call_id: order.get(call_id, len(order)))
        for n in range(0, len(ids), _AT_ONCE):
            some = [self._answered[call_id] for call_id in ids[n : n + _AT_ONCE]]
            was = self._read(self._plan["session"], [one["replays"] for one in some])
            now = self._read(self.session, [one["call_id"] for one in some if one["call_id"]])
            yield from (Pair(one, was.get(one["replays"]), now.get(one["call_id"])) for one in some)

    def _wait(self, calls: int) -> bool:
        until = time.monotonic() + _PATIENCE
        while True:
            found = self._look() or {"calls": 0, "live": 0}
            if found["calls"] >= calls and not found["live"]:
                return True
            if time.monotonic() > until:
                return False
            time.sleep(_LOOK)

    def _look(self) -> Json | None:
        """The new session; None where nothing of it is stored."""
        found = self._get(self.session, {"limit": 1})
        return dict(found["session"]) if found is not None else None

    def _read(self, session: str, ids: list[str]) -> dict[str, Json]:
        """What the transcript has of these calls, as far as they are there."""
        found = self._get(session, {"calls": ",".join(ids)}) if ids else None
        return {added["call"]["id"]: added for added in found["calls"]} if found is not None else {}

    def _get(self, session: str, query: dict[str, str | int]) -> Json | None:
        try:
            return self._gateway.get(reading.session(session, "/transcript"), query)
        except Refused as refused:
            if refused.status != 404:
                raise
            return None
