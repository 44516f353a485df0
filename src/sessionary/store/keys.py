"""Projects, API keys, and browsers' logins. Secrets are random, shown once, and stored as SHA-256."""

import hashlib
import re
import secrets
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from sessionary.ids import new_key_id
from sessionary.store import audit, schema
from sessionary.store.audit import COMMAND, Actor
from sessionary.store.writes import insert, transaction

COOKIE_SECONDS = 30 * 86400
MASTER = Actor("master", "master")
_CHANGES = ("name", "models", "threading", "capture", "limits")
_MOST_US = 253_402_300_799 * 1_000_000
"""The end of the year 9999."""
Row = sa.Row[Any]


def _now() -> int:
    return time.time_ns() // 1000


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def expiry(text: str) -> int:
    """When a key ends, in microseconds, from `30d`, `12h`, `2w` or a date as `2027-01-31`. Raises ValueError."""
    if match := re.fullmatch(r"(\d{1,9})([hdw])", text.strip()):
        at = _now() + int(match[1]) * {"h": 3600, "d": 86400, "w": 604800}[match[2]] * 1_000_000
    else:
        try:
            at = int(datetime.fromisoformat(text.strip()).timestamp() * 1_000_000)
        except (ValueError, OverflowError):
            raise ValueError("give 30d, 12h or a date as 2027-01-31") from None
    if not _now() < at <= _MOST_US:
        raise ValueError("this is not in the future" if at <= _now() else "this is too far away")
    return at


def list_projects(engine: sa.Engine) -> list[Row]:
    """All projects, in the order of their names."""
    with engine.connect() as connection:
        return list(connection.execute(sa.select(schema.projects).order_by(schema.projects.c.name)))


def create_project(engine: sa.Engine, name: str, by: Actor = COMMAND) -> bool:
    """Whether it is new."""
    with transaction(engine) as connection:
        if connection.scalar(sa.select(schema.projects.c.id).where(schema.projects.c.name == name)) is not None:
            return False
        _project(connection, name, by)
        return True


def ensure_project(engine: sa.Engine, name: str, by: Actor = COMMAND) -> int:
    """The project's id; made if it is new."""
    with engine.connect() as connection:  # most often it is there: no lock for that
        found = connection.scalar(sa.select(schema.projects.c.id).where(schema.projects.c.name == name))
    if found is not None:
        return int(found)
    with transaction(engine) as connection:
        return _project(connection, name, by)


def _project(connection: sa.Connection, name: str, by: Actor) -> int:
    """The project's id; made if it is new."""
    wanted = sa.select(schema.projects.c.id).where(schema.projects.c.name == name)
    if (found := connection.scalar(wanted)) is not None:
        return int(found)
    insert(connection, schema.projects, [{"name": name, "created_at": _now()}])
    made = int(connection.execute(wanted).scalar_one())
    audit.record(connection, by, "project.create", name, project=made)
    return made


def create(
    engine: sa.Engine,
    project: str,
    name: str,
    models: list[str] | None,
    expires_at: int | None,
    *,
    threading: bool = True,
    capture: str = "full",
    limits: Mapping[str, Any] | None = None,
    by: Actor = COMMAND,
) -> tuple[str, Row]:
    """The plain key, for the only time, and its row (see `list_keys`). `threading`: whether content may decide which
    session its calls belong to. `capture`: `full` or `metadata`. `limits`: the fields of settings.Limits."""
    plain = "sk-ses-" + secrets.token_urlsafe(32)
    key_id = new_key_id()
    given = {"name": name, "models": models, "threading": threading, "capture": capture, "limits": limits or None}
    with transaction(engine) as connection:
        number = _project(connection, project, by)
        row = given | {"id": key_id, "project": number, "hash": _hash(plain), "hint": f"sk-ses-…{plain[-4:]}"}
        connection.execute(sa.insert(schema.keys).values(**row, created_at=_now(), expires_at=expires_at))
        audit.record(connection, by, "key.create", key_id, project=number, **given, expires_at=expires_at)
    return plain, next(row for row in list_keys(engine) if row.id == key_id)


def list_keys(engine: sa.Engine, project: int | None = None) -> list[Row]:
    """All keys, or a project's, with `project_name`, newest first."""
    k, p = schema.keys.c, schema.projects.c
    query = sa.select(schema.keys, p.name.label("project_name")).join(schema.projects, p.id == k.project)
    if project is not None:
        query = query.where(k.project == project)
    with engine.connect() as connection:
        return list(connection.execute(query.order_by(k.created_at.desc())))


def last_used(connection: sa.Connection, project: int | None, now: int) -> dict[str, int]:
    """When each key was last used, by its id: the minute within two hours, the hour within a month, else the day."""
    t = schema.traffic.c
    projects = [project] if project is not None else sa.select(schema.projects.c.id)
    found: dict[str, int] = {}
    for step, since in ((86400, 0), (3600, now - 31 * 86_400_000_000), (60, now - 7_200_000_000)):
        within = (t.project.in_(projects), t.step == step, t.at >= since)
        rows = connection.execute(sa.select(t.key_id, sa.func.max(t.at)).where(*within).group_by(t.key_id))
        found |= {row[0]: row[1] for row in rows}
    return found


def load_all(engine: sa.Engine) -> list[Row]:
    """The keys that are valid now."""
    now = _now()
    return [r for r in list_keys(engine) if r.revoked_at is None and (r.expires_at is None or r.expires_at > now)]


def revoke(engine: sa.Engine, key_id: str, by: Actor = COMMAND) -> bool:
    """Whether there was such a key to revoke. Its browser sessions end with it."""
    k = schema.keys.c
    with transaction(engine) as connection:
        found = connection.execute(sa.select(k.project, k.name).where(k.id == key_id, k.revoked_at.is_(None))).first()
        if found is not None:
            connection.execute(sa.update(schema.keys).where(k.id == key_id).values(revoked_at=_now()))
            audit.record(connection, by, "key.revoke", key_id, project=found.project, name=found.name)
        connection.execute(sa.delete(schema.logins).where(schema.logins.c.key_id == key_id))
    return found is not None


def change(engine: sa.Engine, key_id: str, *, by: Actor = COMMAND, **values: Any) -> bool:
    """Sets `name`, `models` (null: all), `threading`, `capture` or `limits` (null: none of its own); whether
    there is such a key."""
    k = schema.keys.c
    with transaction(engine) as connection:
        old = connection.execute(sa.select(schema.keys).where(k.id == key_id)).mappings().first()
        if old is None:
            return False
        connection.execute(sa.update(schema.keys).where(k.id == key_id).values(**values))
        changed = {n: {"from": old[n], "to": values[n]} for n in _CHANGES if n in values and values[n] != old[n]}
        if changed:
            audit.record(connection, by, "key.change", key_id, project=old["project"], **changed)
        return True


def _add_login(connection: sa.Connection, kind: str, key_id: str, seconds: int) -> str:
    token = secrets.token_urlsafe(32)
    now = _now()
    connection.execute(sa.delete(schema.logins).where(schema.logins.c.expires_at < now))
    row = {"hash": _hash(token), "kind": kind, "key_id": key_id, "created_at": now}
    insert(connection, schema.logins, [row | {"expires_at": now + seconds * 1_000_000}])
    return token


def new_link(engine: sa.Engine, key_id: str, seconds: int, by: Actor = COMMAND) -> str:
    """A token that opens the pages once, as the key `key_id`."""
    with transaction(engine) as connection:
        audit.record(connection, by, "login.offer", key_id, project=_owner(connection, key_id)[1], seconds=seconds)
        return _add_login(connection, "link", key_id, seconds)


def new_cookie(engine: sa.Engine, key_id: str, by: Actor | None = None) -> str:
    """`by`: who signs in with that key; None where nobody does."""
    with transaction(engine) as connection:
        if by is not None:
            audit.record(connection, by, "login.key", key_id, project=_owner(connection, key_id)[1])
        return _add_login(connection, "cookie", key_id, COOKIE_SECONDS)


def redeem_link(engine: sa.Engine, token: str) -> str | None:
    """A cookie's token for a link's; the link is spent."""
    login = schema.logins.c
    mine = sa.and_(login.hash == _hash(token), login.kind == "link")
    with transaction(engine) as connection:
        key_id = connection.scalar(sa.select(login.key_id).where(mine, login.expires_at > _now()))
        connection.execute(sa.delete(schema.logins).where(mine))
        if key_id is None:
            return None
        by, project = _owner(connection, key_id)
        audit.record(connection, by, "login.link", key_id, project=project)
        return _add_login(connection, "cookie", key_id, COOKIE_SECONDS)


def _owner(connection: sa.Connection, key_id: str) -> tuple[Actor, int | None]:
    """Who a key is, and its project; the master has none."""
    k = schema.keys.c
    found = connection.execute(sa.select(k.name, k.project).where(k.id == key_id)).first()
    return (Actor(key_id, found.name), found.project) if found else (MASTER, None)


def cookie_key(engine: sa.Engine, token: str) -> str | None:
    """The id of the key behind a cookie that is valid now."""
    login = schema.logins.c
    query = sa.select(login.key_id).where(login.hash == _hash(token), login.kind == "cookie", login.expires_at > _now())
    with engine.connect() as connection:
        return connection.scalar(query)


def drop_cookie(engine: sa.Engine, token: str) -> None:
    login = schema.logins.c
    with transaction(engine) as connection:
        connection.execute(sa.delete(schema.logins).where(login.hash == _hash(token), login.kind == "cookie"))
