"""The audit log, as API and pages show it: the master sees all of it, a project's key what concerns its project."""

from typing import Any

import msgspec
import sqlalchemy as sa
from starlette.datastructures import QueryParams

from sessionary.api import params, types
from sessionary.api.views import seen
from sessionary.auth import Principal
from sessionary.store import audit, reads
from sessionary.store.writes import clean

_CURSOR = "audit"


class AuditEntry(msgspec.Struct):
    id: str
    at: str
    project: str | None
    """That it concerns; null: the whole gateway."""
    actor: str
    """A key's id, `master`, `command` for the command line, `gateway` for the server itself; "" for nobody known."""
    actor_name: str
    """As it was then; of the command line the machine's user."""
    action: str
    target: str
    """The id of what it was done to; of a project its name."""
    detail: dict[str, Any]
    """What was changed; never contents, never a secret."""


class AuditPage(msgspec.Struct):
    data: list[AuditEntry]
    """The newest first."""
    next_cursor: str | None


class AuditViews:
    """Blocking: called in threads."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    def page(self, principal: Principal, query: QueryParams) -> AuditPage:
        params.only(query, "action", "actor", "target", "since", "until", "limit", "cursor", "project")
        limit = params.limit(query)
        before = params.decode_cursor(query["cursor"], _CURSOR, str) if query.get("cursor") else None
        texts = clean({name: query.get(name, "").strip() for name in ("action", "actor", "target")})
        since, until = params.time_of(query, "since"), params.time_of(query, "until")
        wanted = audit.Wanted(**texts, since=since, until=until)
        project = seen(self._engine, principal, query)
        rows = audit.entries(self._engine, project, wanted, limit + 1, before)
        names = reads.project_names(self._engine)
        last = rows[limit - 1] if len(rows) > limit else None
        more = params.cursor(_CURSOR, last.at, last.id) if last is not None else None
        return AuditPage([_entry(row, names) for row in rows[:limit]], more)


def _entry(row: sa.Row[Any], names: dict[int, str]) -> AuditEntry:
    project = names.get(row.project, "") if row.project is not None else None
    return AuditEntry(row.id, types.iso(row.at), project, row.actor, row.actor_name, row.action, row.target, row.detail)
