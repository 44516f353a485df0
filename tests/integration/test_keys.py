"""Keys, links and cookies: shown once, stored as hashes, gone when they should be."""

import sqlalchemy as sa

from sessionary.app.parts import StoredKeys
from sessionary.store import keys, schema
from sessionary.store.engine import open_engine

FAR = 9_000_000_000_000_000


def test_a_key_is_shown_once_and_stored_as_a_hash(engine: sa.Engine) -> None:
    plain, row = keys.create(engine, "alpha", "ci", ["gpt-*"], FAR)
    assert plain.startswith("sk-ses-")
    assert (row.project_name, row.name, row.models, row.expires_at) == ("alpha", "ci", ["gpt-*"], FAR)
    assert row.hint.endswith(plain[-4:])
    with engine.connect() as connection:
        (stored,) = connection.execute(sa.select(schema.keys)).all()
    assert plain not in str(tuple(stored))
    assert len(stored.hash) == 32
    assert [r.id for r in keys.load_all(engine)] == [row.id]


def test_the_ring_of_keys_follows_whoever_changes_them(engine: sa.Engine, url: str) -> None:
    """It is read again only where something has changed: by this process, which reads, or by another one."""
    stored, elsewhere = StoredKeys(engine), open_engine(url)
    assert stored.load() == {}
    for writer in (engine, elsewhere, engine):
        _, key = keys.create(writer, "alpha", "ci", None, None)
        assert [principal.key_id for principal in stored.load().values()] == [key.id]
        keys.change(writer, key.id, name="renamed")
        assert [principal.name for principal in stored.load().values()] == ["renamed"]
        if engine.dialect.name == "sqlite":
            assert stored.load() is stored.load()
        keys.revoke(writer, key.id)
        assert stored.load() == {}
    elsewhere.dispose()


def test_a_project_is_made_once(engine: sa.Engine) -> None:
    first = keys.ensure_project(engine, "alpha")
    assert keys.ensure_project(engine, "alpha") == first
    assert keys.ensure_project(engine, "beta") != first


def test_revoked_and_expired_keys_are_not_loaded(engine: sa.Engine) -> None:
    _, kept = keys.create(engine, "a", "kept", None, None)
    _, old = keys.create(engine, "a", "old", None, 1)
    _, revoked = keys.create(engine, "a", "revoked", None, None)
    cookie = keys.new_cookie(engine, revoked.id)
    assert keys.revoke(engine, revoked.id)
    assert not keys.revoke(engine, revoked.id)
    assert not keys.revoke(engine, "key_unknown")
    assert [r.id for r in keys.load_all(engine)] == [kept.id]
    assert {r.id for r in keys.list_keys(engine)} == {kept.id, old.id, revoked.id}
    assert keys.cookie_key(engine, cookie) is None


def test_a_link_opens_once(engine: sa.Engine) -> None:
    link = keys.new_link(engine, "master", 60)
    assert keys.cookie_key(engine, link) is None  # a link is no cookie
    cookie = keys.redeem_link(engine, link)
    assert cookie is not None
    assert keys.cookie_key(engine, cookie) == "master"
    assert keys.redeem_link(engine, link) is None
    assert keys.redeem_link(engine, cookie) is None
    keys.drop_cookie(engine, cookie)
    assert keys.cookie_key(engine, cookie) is None


def test_an_old_link_opens_nothing(engine: sa.Engine) -> None:
    assert keys.redeem_link(engine, keys.new_link(engine, "master", -1)) is None
    assert keys.redeem_link(engine, "no such link") is None
    assert keys.redeem_link(engine, "odd \0 \udc00") is None
