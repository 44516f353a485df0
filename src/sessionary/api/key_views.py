"""Projects and keys, as the API and the pages show and change them. Blocking: called in threads.

A project's key sees the keys of its own project; the others are unknown to it. What changes something is for the
master key, which `permissions` sees to before anything here is asked.
"""

import time
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
import sqlalchemy as sa
from starlette.datastructures import QueryParams

from sessionary.api import admin_types, params, types
from sessionary.api.usage import DAY_US, Use, read, use
from sessionary.api.views import seen
from sessionary.auth import MASTER, Principal
from sessionary.errors import BadRequest, NotFound
from sessionary.limits.arithmetic import EVER, NANO, Bucket, Used, left, period
from sessionary.limits.standing import Standing
from sessionary.settings import Limits
from sessionary.store import keys
from sessionary.store.writes import clean

Row = sa.Row[Any]
Read = tuple[int, Sequence[Row], dict[str, int]]
"""Today, in days since 1970; what was used, by project and key; when each key was last used."""


class KeyViews:
    def __init__(self, engine: sa.Engine, standing: Standing | None = None) -> None:
        self._engine = engine
        self._standing = standing

    def names(self, principal: Principal) -> list[str]:
        """Of the projects that the principal sees."""
        return [p.name for p in keys.list_projects(self._engine) if principal.project in (None, p.id)]

    def overview(self, principal: Principal) -> tuple[admin_types.ProjectList, admin_types.KeyList]:
        """Both lists, whole, from one reading."""
        used = self._used(principal.project)
        rows = keys.list_keys(self._engine, principal.project)
        return self._projects(principal, used), self._list(principal, rows, used)

    def projects(self, principal: Principal, query: QueryParams) -> admin_types.ProjectList:
        params.only(query)
        return self._projects(principal, self._used(principal.project))

    def _projects(self, principal: Principal, used: Read) -> admin_types.ProjectList:
        today, rows, _ = used
        valid = _counted(r.project for r in keys.list_keys(self._engine, principal.project) if _state(r) == "valid")
        by_project = _grouped(rows, "project")
        shown = [
            admin_types.Project(
                p.name, types.iso(p.created_at), valid.get(p.id, 0), use(by_project.get(p.id, ()), today)
            )
            for p in keys.list_projects(self._engine)
            if principal.project in (None, p.id)
        ]
        return admin_types.ProjectList(sorted(shown, key=lambda p: (-p.use.calls, p.name)))

    def keys(self, principal: Principal, query: QueryParams) -> admin_types.KeyList:
        params.only(query, "project")
        project = seen(self._engine, principal, query)
        return self._list(principal, keys.list_keys(self._engine, project), self._used(project))

    def key(self, principal: Principal, key_id: str) -> admin_types.Key:
        """Raises NotFound, also for a key of another project."""
        found = [r for r in keys.list_keys(self._engine, principal.project) if r.id == key_id]
        if not found:
            raise NotFound("There is no such key.")
        return self._list(principal, found, self._used(found[0].project)).data[0]

    def create_project(self, principal: Principal, asked: admin_types.NewProject) -> admin_types.Project:
        name = _plain(asked.name, "name")
        if not keys.create_project(self._engine, name, principal.actor):
            raise BadRequest(f"there is a project '{name}' already", param="name", code="exists")
        return next(p for p in self.projects(principal, QueryParams()).data if p.name == name)

    def create(self, principal: Principal, asked: admin_types.NewKey) -> admin_types.CreatedKey:
        project = _plain(asked.project, "project")
        name = _plain(asked.name, "name") if asked.name.strip() else project
        models = _models(asked.models)
        try:
            expires = keys.expiry(asked.expires) if asked.expires else None
        except ValueError as error:
            raise BadRequest(f"expires: {error}", param="expires") from None
        plain, row = keys.create(
            self._engine,
            project,
            name,
            models,
            expires,
            threading=asked.threading,
            capture=asked.capture,
            limits=_limits(asked.limits),
            by=principal.actor,
        )
        shown = self.key(principal, row.id)
        return admin_types.CreatedKey(**msgspec.structs.asdict(shown), key=plain)

    def change(self, principal: Principal, key_id: str, asked: admin_types.KeyPatch) -> admin_types.Key:
        given = {n: v for n, v in msgspec.structs.asdict(asked).items() if v is not msgspec.UNSET}
        if "name" in given:
            given["name"] = _plain(given["name"], "name")
        if "models" in given:
            given["models"] = _models(given["models"])
        if "limits" in given:
            given["limits"] = _limits(given["limits"])
        if given and not keys.change(self._engine, clean({"id": key_id})["id"], by=principal.actor, **given):
            raise NotFound("There is no such key.")
        return self.key(principal, key_id)

    def revoke(self, principal: Principal, key_id: str) -> admin_types.Key:
        if not keys.revoke(self._engine, clean({"id": key_id})["id"], principal.actor):
            raise NotFound("There is no valid key with this id.")
        return self.key(principal, key_id)

    def _list(self, principal: Principal, rows: Sequence[Row], used: Read) -> admin_types.KeyList:
        today, sums, last = used
        by_key = _grouped(sums, "key_id")
        stands = (
            self._standing.of((r.project, r.id, _own(r)) for r in rows if _state(r) == "valid")
            if self._standing
            else {}
        )
        shown = [_key(row, use(by_key.get(row.id, ()), today), last.get(row.id), stands.get(row.id)) for row in rows]
        master = use(by_key.get(MASTER, ()), today) if principal.project is None else None
        return admin_types.KeyList(shown, master)

    def _used(self, project: int | None) -> Read:
        now = time.time_ns() // 1000
        today = now // DAY_US
        with self._engine.connect() as connection:
            rows = read(connection, project, today, ("project", "key_id"))
            return today, rows, keys.last_used(connection, project, now)


def _key(row: Row, used: Use, last: int | None, stands: tuple[Limits, Used, int] | None) -> admin_types.Key:
    return admin_types.Key(
        id=row.id,
        project=row.project_name,
        name=row.name,
        hint=row.hint,
        models=row.models,
        threading=row.threading,
        capture=row.capture,
        limits=_own(row),
        used=_stands(*stands) if stands else None,
        state=_state(row),
        created_at=types.iso(row.created_at),
        expires_at=types.iso(row.expires_at) if row.expires_at else None,
        revoked_at=types.iso(row.revoked_at) if row.revoked_at else None,
        last_used_at=types.iso(last) if last else None,
        use=used,
    )


def _own(row: Row) -> Limits | None:
    return msgspec.convert(row.limits, Limits) if row.limits else None


def _stands(limits: Limits, used: Used, now: int) -> admin_types.Used:
    def gone(limit: int | None, bucket: Bucket | None) -> int | None:
        return None if limit is None else max(0, limit - left(bucket, limit, now))

    budget, ends = limits.budget is not None, period(limits, now)[1]
    return admin_types.Used(
        limits=limits,
        calls=gone(limits.calls_per_minute, used.calls),
        tokens=gone(limits.tokens_per_minute, used.tokens),
        concurrent=used.concurrent if limits.concurrent is not None else None,
        spent=used.spent / NANO if budget else None,
        reserved=used.reserved / NANO if budget else None,
        period_ends=types.iso(ends) if budget and ends != EVER else None,
    )


def _state(row: Row) -> admin_types.KeyState:
    if row.revoked_at is not None:
        return "revoked"
    return "expired" if row.expires_at is not None and row.expires_at <= time.time_ns() // 1000 else "valid"


def _plain(text: str, field: str) -> str:
    """A name that people can read and type. Raises BadRequest."""
    plain = text.strip()
    if not 0 < len(plain) <= 200 or not plain.isprintable():
        raise BadRequest(f"{field} must have 1 to 200 characters that can be seen", param=field)
    return plain


def _models(given: list[str] | None) -> list[str] | None:
    """An empty list would look like "none" and be read as "all" by a shell's habit: it is refused."""
    if given is None:
        return None
    models = list(dict.fromkeys(_plain(m, "models") for m in given))
    if not models:
        raise BadRequest("models must name one at least; null allows all", param="models")
    return models


def _limits(given: Limits | None) -> dict[str, Any] | None:
    """As they are stored: what is not limited is left out. Raises BadRequest."""
    values = msgspec.structs.asdict(given) if given is not None else {}
    if values.get("budget") is None:
        values.pop("budget_period", None)
    for name, value in values.items():
        if isinstance(value, int | float) and not 0 <= value < 1 << 53:
            raise BadRequest(f"limits.{name} must be from 0 to {(1 << 53) - 1}", param="limits")
    return {name: value for name, value in values.items() if value is not None} or None


def _grouped(rows: Iterable[Row], by: str) -> dict[Any, list[Row]]:
    found: dict[Any, list[Row]] = {}
    for row in rows:
        found.setdefault(getattr(row, by), []).append(row)
    return found


def _counted(values: Iterable[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for value in values:
        found[value] = found.get(value, 0) + 1
    return found
