"""What goes on at a gateway, while it does: `sessionary watch`."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sessionary.cli.common import Config, DataDir
from sessionary.cli.shell.words import Full, Key, Url

if TYPE_CHECKING:
    from sessionary.cli.shell.following import Following
    from sessionary.cli.shell.reading import Event, Gateway
    from sessionary.cli.shell.told import Paper

Json = dict[str, Any]
_SILENCE = 45.0
"""Seconds without a sign of life, three pings, after which a connection is no more."""
_WAITS = (0.2, 0.5, 1.0, 2.0, 4.0)
"""Seconds before it is tried again."""
_MOST_REMEMBERED = 10_000
_OVERLAP = 60
"""Seconds: what was stored late is told as well."""


def watch(
    session: Annotated[
        str,
        typer.Argument(
            metavar="SESSION", help="Our id, the client's (it may begin later), or -, the newest.", show_default="all"
        ),
    ] = "",
    full: Full = None,
    as_json: Annotated[bool, typer.Option("--json", help="For scripts: the events, a line each.")] = False,
    url: Url = None,
    key: Key = None,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Follow what happens: every session that changes, or one as it is said. Ctrl-C ends it."""
    from sessionary.cli.shell import reading, told, which
    from sessionary.cli.shell.show import NEWEST, newest

    def find() -> reading.Gateway:
        return which.find(url, key, config, data_dir)

    with told.ending():
        paper, gateway = told.Paper(full), find()
        if session == NEWEST:
            session = newest(gateway)
        watched: _Sessions | _Session | _Events
        if as_json:
            watched = _Events(paper)
        else:
            watched = _Session(paper, session) if session else _Sessions(paper)
        try:
            _follow(find, gateway, {"session_id": session} if session else {}, watched)
        finally:
            watched.leave()


def _follow(
    find: "Callable[[], Gateway]",
    gateway: "Gateway",
    query: dict[str, str | int],
    watched: "_Sessions | _Session | _Events",
) -> None:
    """For ever. What cannot be reached from the beginning is an error, what goes away is waited for."""
    from sessionary.cli.shell.reading import Lost, Refused
    from sessionary.cli.shell.told import note

    last, tries, begun = "", 0, False
    while True:
        try:
            if begun:
                gateway = find()  # it may have come back at another address
            for event in gateway.events(query, last, _SILENCE):
                if tries:
                    note("connected again")
                if tries or not begun:
                    watched.connected(gateway)
                tries, begun, last = 0, True, event.id or last
                watched.event(gateway, event)
        except Lost:
            if not begun:
                raise
        except Refused as refused:
            if not begun or refused.status < 500:
                raise
        if not tries:
            watched.leave()
            note("the connection was lost: trying again")
        time.sleep(_WAITS[min(tries, len(_WAITS) - 1)])
        tries += 1


class _Events:
    """As they come."""

    def __init__(self, paper: "Paper") -> None:
        self._paper = paper

    def connected(self, gateway: "Gateway") -> None:
        pass

    def event(self, gateway: "Gateway", event: "Event") -> None:
        if event.kind != "ping":
            self._paper.json({"event": event.kind, "data": event.data})
            self._paper.flush()

    def leave(self) -> None:
        pass


class _Sessions:
    """A line for each session that changed."""

    def __init__(self, paper: "Paper") -> None:
        self._paper = paper
        self._before: dict[str, Json] = {}

    def connected(self, gateway: "Gateway") -> None:
        from sessionary.cli.shell.told import note

        if not self._before:
            note(f"watching {gateway.url}: a line for each session that changes, until Ctrl-C")

    def event(self, gateway: "Gateway", event: "Event") -> None:
        from sessionary.cli.shell import rows

        if event.kind != "session":
            return
        one = event.data
        told = {name: one[name] for name in ("calls", "status", "title", "errors", "output_tokens")}
        before = self._before.pop(one["id"], None)
        self._before[one["id"]] = told
        if len(self._before) > _MOST_REMEMBERED:
            del self._before[next(iter(self._before))]
        if told != before:
            self._paper.put(*rows.session_news(one, before))
            self._paper.flush()

    def leave(self) -> None:
        pass


class _Session:
    """One session, from its last call on."""

    def __init__(self, paper: "Paper", name: str) -> None:
        self._paper = paper
        self._name = name
        self._following: Following | None = None
        self._gateway: Gateway
        self._since = ""
        self._early: list[Json] = []
        """What was said before the session could be read: a moment."""

    def connected(self, gateway: "Gateway") -> None:
        from sessionary.cli.shell import reading
        from sessionary.cli.shell.told import note

        self._gateway = gateway
        try:
            self._look()
        except reading.Refused as refused:
            if refused.status != 404:
                raise
            note(f"there is no session {self._name} yet: waiting for it")

    def event(self, gateway: "Gateway", event: "Event") -> None:
        if event.kind == "session":
            self._look()
        elif event.kind != "growing":
            return
        elif self._following is None:
            self._early.append(event.data)
        else:
            self._following.grew(event.data["call_id"], event.data["pieces"])
            self._paper.flush()

    def leave(self) -> None:
        if self._following is not None:
            self._following.leave()

    def _look(self) -> None:
        """At what is new."""
        from sessionary.cli.shell import reading

        if self._following is None:
            self._following = self._begin()
        found = self._gateway.get(reading.session(self._name, "/outline"), {"since": self._since})
        self._since = _before(found["session"]["last_at"])
        self._following.news(found["calls"])

    def _begin(self) -> "Following":
        from sessionary.cli.shell import reading, show, story
        from sessionary.cli.shell.following import Following

        session = self._gateway.get(reading.session(self._name, "/transcript"), {"limit": 1})["session"]
        self._paper.put(*story.head(session, show.page(self._gateway, session)))
        self._since = _before(session["last_at"])
        newest = show.last_calls(self._gateway, session["id"], 1)
        recent = self._gateway.get(reading.session(self._name, "/outline"), {"since": self._since})["calls"]
        following = Following(self._paper, story.Story(max(0, session["calls"] - 1)), self._fetch)
        following.skip(one for one in recent if one["id"] not in newest)
        for grown in self._early:
            following.grew(grown["call_id"], grown["pieces"])
        self._early = []
        return following

    def _fetch(self, ids: list[str]) -> list[Json]:
        from sessionary.cli.shell import reading

        found = self._gateway.get(reading.session(self._name, "/transcript"), {"calls": ",".join(ids)})["calls"]
        return list(found)


def _before(at: str) -> str:
    from datetime import datetime, timedelta

    return (datetime.fromisoformat(at) - timedelta(seconds=_OVERLAP)).isoformat()
