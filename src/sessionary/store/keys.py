"""Projects, API keys, and browsers' logins. Secrets are random, shown once, and stored as SHA-256."""

import hashlib
import secrets
import time
from typing import Any

import sqlalchemy as sa

from sessionary.ids import new_key_id
from sessionary.store import schema
from sessionary.store.writes import insert, transaction

COOKIE_SECONDS = 30 * 86400
Row = sa.Row[Any]


def _now() -> int:
    return time.time_ns() // 1000


def _hash(secret: str) -> bytes:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).digest()


def ensure_project(engine: sa.Engine, name: str) -> int:
    """The project's id; made if it is new."""
    p = schema.projects.c
    wanted = sa.select(p.id).where(p.name == name)
    with engine.connect() as connection:  # most often it is there: no lock for that
        if (found := connection.scalar(wanted)) is not None:
            return int(found)
    with transaction(engine) as connection:
        insert(connection, schema.projects, [{"name": name, "created_at": _now()}])
        return int(connection.execute(wanted).scalar_one())


def create(
    engine: sa.Engine,
    project: str,
    name: str,
    models: list[str] | None,
    expires_at: int | None,
    *,
    threading: bool = True,
) -> tuple[str, Row]:
    """The plain key, for the only time, and its row (see `list_keys`). `threading`: whether content may decide which
    session its calls belong to."""
    project_id = ensure_project(engine, project)
    plain = "sk-ses-" + secrets.token_urlsafe(32)
    key_id = new_key_id()
    with transaction(engine) as connection:
        connection.execute(
            sa.insert(schema.keys).values(
                id=key_id,
                project=project_id,
                name=name,
                hash=_hash(plain),
                hint=f"sk-ses-…{plain[-4:]}",
                models=models,
                created_at=_now(),
                expires_at=expires_at,
                threading=threading,
            )
        )
    return plain, next(row for row in list_keys(engine) if row.id == key_id)


def list_keys(engine: sa.Engine) -> list[Row]:
    """All keys with `project_name`, newest first."""
    k, p = schema.keys.c, schema.projects.c
    query = sa.select(schema.keys, p.name.label("project_name")).join(schema.projects, p.id == k.project)
    with engine.connect() as connection:
        return list(connection.execute(query.order_by(k.created_at.desc())))


def load_all(engine: sa.Engine) -> list[Row]:
    """The keys that are valid now."""
    now = _now()
    return [r for r in list_keys(engine) if r.revoked_at is None and (r.expires_at is None or r.expires_at > now)]


def revoke(engine: sa.Engine, key_id: str) -> bool:
    """Whether there was such a key to revoke. Its browser sessions end with it."""
    k = schema.keys.c
    with transaction(engine) as connection:
        statement = sa.update(schema.keys).where(k.id == key_id, k.revoked_at.is_(None)).values(revoked_at=_now())
        done = connection.execute(statement).rowcount
        connection.execute(sa.delete(schema.logins).where(schema.logins.c.key_id == key_id))
    return bool(done)


def set_threading(engine: sa.Engine, key_id: str, on: bool) -> bool:
    """Whether there is such a key."""
    with transaction(engine) as connection:
        statement = sa.update(schema.keys).where(schema.keys.c.id == key_id).values(threading=on)
        return bool(connection.execute(statement).rowcount)


def _add_login(connection: sa.Connection, kind: str, key_id: str, seconds: int) -> str:
    token = secrets.token_urlsafe(32)
    now = _now()
    connection.execute(sa.delete(schema.logins).where(schema.logins.c.expires_at < now))
    row = {"hash": _hash(token), "kind": kind, "key_id": key_id, "created_at": now}
    insert(connection, schema.logins, [row | {"expires_at": now + seconds * 1_000_000}])
    return token


def new_link(engine: sa.Engine, key_id: str, seconds: int) -> str:
    """A token that opens the pages once, as the key `key_id`."""
    with transaction(engine) as connection:
        return _add_login(connection, "link", key_id, seconds)


def new_cookie(engine: sa.Engine, key_id: str) -> str:
    with transaction(engine) as connection:
        return _add_login(connection, "cookie", key_id, COOKIE_SECONDS)


def redeem_link(engine: sa.Engine, token: str) -> str | None:
    """A cookie's token for a link's; the link is spent."""
    login = schema.logins.c
    mine = sa.and_(login.hash == _hash(token), login.kind == "link")
    with transaction(engine) as connection:
        key_id = connection.scalar(sa.select(login.key_id).where(mine, login.expires_at > _now()))
        connection.execute(sa.delete(schema.logins).where(mine))
        return None if key_id is None else _add_login(connection, "cookie", key_id, COOKIE_SECONDS)


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
