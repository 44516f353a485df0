"""Keys to principals, from a ring in memory."""

import asyncio
import hashlib

import pytest

from sessionary.auth import Auth, Principal, allow_model
from sessionary.errors import Forbidden, Unauthenticated


class Store:
    """A key store whose keys can be changed, and which can break."""

    def __init__(self) -> None:
        self.keys: dict[bytes, Principal] = {}
        self.loads = 0
        self.broken = False

    def add(self, key: str, **fields: object) -> None:
        given = {"project": 7, "project_name": "p", "call_project": 7, "key_id": f"key_{key}", "name": key, **fields}
        self.keys[hashlib.sha256(key.encode()).digest()] = Principal(**given)  # type: ignore[arg-type]

    def load(self) -> dict[bytes, Principal]:
        self.loads += 1
        if self.broken:
            raise OSError("no database")
        return dict(self.keys)


def auth(store: Store) -> Auth:
    return Auth(store, "sk-master", 1, refresh=0.05)


@pytest.mark.parametrize(
    "header", [("authorization", "Bearer sk-a"), ("authorization", "bearer sk-a"), ("x-api-key", "sk-a")]
)
async def test_both_headers(header: tuple[str, str]) -> None:
    store = Store()
    store.add("sk-a")
    assert (await auth(store).authenticate(dict([header]))).project == 7


async def test_the_master_key_needs_no_store() -> None:
    store = Store()
    store.broken = True
    found = await auth(store).authenticate({"x-api-key": "sk-master"})
    assert (found.project, found.call_project) == (None, 1)


@pytest.mark.parametrize("headers", [{}, {"authorization": "Basic x"}, {"authorization": "Bearer"}, {"x-api-key": ""}])
async def test_no_key(headers: dict[str, str]) -> None:
    with pytest.raises(Unauthenticated):
        await auth(Store()).authenticate(headers)


async def test_a_new_key_works_at_once_and_a_revoked_one_ends() -> None:
    store = Store()
    ring = auth(store)
    fresh = asyncio.create_task(ring.keep_fresh())
    with pytest.raises(Unauthenticated):
        await ring.principal_of("sk-a")
    store.add("sk-a")
    assert await ring.principal_of("sk-a")
    store.keys.clear()
    await asyncio.sleep(0.3)
    with pytest.raises(Unauthenticated):
        await ring.principal_of("sk-a")
    fresh.cancel()


async def test_guessing_does_not_hammer_the_store() -> None:
    store = Store()
    ring = auth(store)
    guesses = [ring.principal_of(f"sk-{n}") for n in range(200)]
    assert all(isinstance(e, Unauthenticated) for e in await asyncio.gather(*guesses, return_exceptions=True))
    assert store.loads <= 3


async def test_without_a_database_the_last_ring_holds() -> None:
    store = Store()
    store.add("sk-a")
    ring = auth(store)
    await ring.principal_of("sk-a")
    store.broken = True
    assert await ring.principal_of("sk-a")
    with pytest.raises(Unauthenticated):
        await ring.principal_of("sk-other")


async def test_an_expired_key_ends_by_itself() -> None:
    store = Store()
    store.add("sk-a", expires_at=1)
    with pytest.raises(Unauthenticated):
        await auth(store).principal_of("sk-a")


def test_models_are_patterns() -> None:
    principal = Principal(1, "p", 1, "k", "n", models=("gpt-4o*", "openai/*"))
    allow_model(principal, "gpt-4o-mini")
    allow_model(principal, "openai/o3")
    with pytest.raises(Forbidden):
        allow_model(principal, "claude-sonnet-4-5")
