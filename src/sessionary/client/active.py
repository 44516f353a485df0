"""The session that is active here: one context variable, so that threads and tasks each have their own."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sessionary.client.naming import encoded, id_headers

if TYPE_CHECKING:
    from types import TracebackType


@dataclass(frozen=True)
class Active:
    """What `with sessionary.session(...) as active` gives."""

    id: str
    name: str | None = None
    tags: tuple[str, ...] = ()
    agent: tuple[str, ...] = ()
    """Names from the outermost agent to this one; empty for the session's own calls."""
    base_url: str | None = None
    outer: Active | None = field(default=None, repr=False)
    owner: object = field(default=None, repr=False, compare=False)
    """Who entered it, and is to leave it."""

    def headers(self) -> dict[str, str]:
        headers = id_headers(self.id)
        if self.name:
            headers["x-session-name"] = encoded([self.name], "")
        if self.tags:
            headers["x-session-tags"] = encoded(self.tags, ",")
        if self.agent:
            headers["x-session-agent"] = encoded(self.agent, "/")
        return headers


_current: ContextVar[Active | None] = ContextVar("sessionary_session", default=None)


def current() -> Active | None:
    return _current.get()


def enter(active: Active) -> None:
    _current.set(active)


def leave(owner: object) -> None:
    """Back to before `owner` entered. No token: a generator may be closed in another context than it began in."""
    active = _current.get()
    while active is not None and active.owner is not owner:
        active = active.outer
    if active is not None:
        _current.set(active.outer)


class Steps:
    """Code that runs in steps, between which its caller's session is active again: `with steps: next(generator)`."""

    def __init__(self, active: Active) -> None:
        self._inside: Active | None = active
        self._outside: Active | None = None

    def __enter__(self) -> None:
        self._outside = _current.get()
        _current.set(self._inside)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._inside = _current.get()
        _current.set(self._outside)
