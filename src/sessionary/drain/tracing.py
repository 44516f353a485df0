"""Spans of the calls that a round has ended: made when the round is committed, of what is stored then.

Whatever goes wrong here costs spans, never a round.
"""

import logging
import time
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

import msgspec
import sqlalchemy as sa

from sessionary.store import schema
from sessionary.store.questions import present
from sessionary.traces.span import About, Earlier, Span, span

log = logging.getLogger("sessionary.drain")
_NAMES_FOR = 10.0
"""Seconds that names of projects and keys are taken to be as they were."""


class Ended(msgspec.Struct, frozen=True):
    """A call that has ended: its row, its session's, and the model that its answer names."""

    call: Mapping[str, Any]
    session: Mapping[str, Any]
    model: str


class Export(Protocol):
    """Where spans go. Nothing of it waits."""

    def send(self, span: Span) -> None: ...
    def dropped(self, spans: int) -> None: ...
    def close(self) -> None: ...


class Tracing:
    def __init__(self, engine: sa.Engine, export: Export, passed_over: Collection[str] = ()) -> None:
        """`passed_over`: keys of whose calls nobody wants spans."""
        self._engine = engine
        self._export = export
        self._passed_over = passed_over
        self._projects: dict[int, str] = {}
        self._keys: dict[str, str] = {}
        self._learned_at = 0.0
        self._failing = False

    def stored(self, ended: Sequence[Ended]) -> None:
        """Raises nothing."""
        wanted = [one for one in ended if one.call["key_id"] not in self._passed_over]
        if not wanted:
            return
        sent = 0
        try:
            with self._engine.connect() as connection:
                abouts = self._abouts(connection, wanted)
            for one, about in zip(wanted, abouts, strict=True):
                self._export.send(span(one.call, about))
                sent += 1
            self._failing = False
        except Exception as error:  # the calls are stored, and the next round is due
            self._export.dropped(len(wanted) - sent)
            if not self._failing:
                known = isinstance(error, sa.exc.SQLAlchemyError)
                log.error("spans cannot be made: %s", error.__class__.__name__, exc_info=not known)
            self._failing = True

    def close(self) -> None:
        self._export.close()

    def _abouts(self, connection: sa.Connection, ended: Sequence[Ended]) -> list[About]:
        parents = self._traceparents(connection, ended)
        self._learn_names(connection, ended)
        return [
            About(
                session=one.session["session_id"],
                project=self._projects[one.call["project"]],
                key=self._keys[one.call["key_id"]],
                model=one.model,
                traceparent=parents.get((one.call["project"], one.call["id"]), ""),
                earlier=tuple(
                    Earlier(id, relation, parents.get((one.call["project"], id), ""))
                    for id, relation in _earlier(one.call)
                ),
            )
            for one in ended
        ]

    def _traceparents(self, connection: sa.Connection, ended: Sequence[Ended]) -> dict[tuple[int, str], str]:
        """Of the calls and of those that they come from, where their requests had one."""
        wanted: dict[int, set[str]] = {}
        for one in ended:
            ids = wanted.setdefault(one.call["project"], set())
            ids |= {one.call["id"], *(id for id, _ in _earlier(one.call))}
        return {
            (project, row.call_id): row.request_headers["traceparent"]
            for project, ids in wanted.items()
            for row in present(connection, schema.exchanges, "call_id", project, ids, "request_headers")
            if "traceparent" in (row.request_headers or {})
        }

    def _learn_names(self, connection: sa.Connection, ended: Sequence[Ended]) -> None:
        new = {one.call["project"] for one in ended} - self._projects.keys()
        new |= {one.call["key_id"] for one in ended} - self._keys.keys()
        if new or time.monotonic() - self._learned_at > _NAMES_FOR:
            self._learned_at = time.monotonic()
            self._projects = _names(connection, schema.projects)
            self._keys = {"master": "master"} | _names(connection, schema.keys)
            for one in ended:  # of what is not there any more, so that it is not looked for with every call
                self._projects.setdefault(one.call["project"], "")
                self._keys.setdefault(one.call["key_id"], one.call["key_id"])


def _names(connection: sa.Connection, table: sa.Table) -> dict[Any, str]:
    return {row.id: row.name for row in connection.execute(sa.select(table.c.id, table.c.name))}


def _earlier(call: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Calls that it comes from, and how."""
    found = [(call["parent"], "continues"), (call["origin"], call["origin_kind"])]
    return [(id, relation) for id, relation in found if id and relation]
