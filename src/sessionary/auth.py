"""Who is calling: a key to a Principal, without a database on the way.

The ring of valid keys is loaded whole and refreshed in the background, so authenticating is one hash and one
look-up. A key made a moment ago is looked for once; a revoked one is gone within a second. While the database
cannot be reached, the last ring stays in force.
"""

import asyncio
import hashlib
import hmac
import logging
import time
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Literal, Protocol

import msgspec

from sessionary.errors import Forbidden, Unauthenticated
from sessionary.repeated import Repeated
from sessionary.settings import Limits
from sessionary.store.audit import Actor

log = logging.getLogger("sessionary.auth")
MASTER = "master"
LEAST = 16
"""Characters of a master key that is no guess."""
Capture = Literal["full", "metadata"]
"""All of a call, or that it was made and what it cost."""


def guessable(key: str) -> bool:
    """Whether a master key is so short that others might find it."""
    return len(key) < LEAST


class Principal(msgspec.Struct, frozen=True):
    """Who acts. `project` is what may be read and written (None: all of them), `call_project` where calls go."""

    project: int | None
    project_name: str
    call_project: int
    key_id: str
    name: str
    models: tuple[str, ...] | None = None
    expires_at: int | None = None
    threading: bool = True
    """Whether content may decide which session a call belongs to."""
    capture: Capture = "full"
    """What the log has of its calls."""
    limits: Limits | None = None
    """Its own; null: those of the configuration."""

    @property
    def actor(self) -> Actor:
        """As the audit log names it."""
        return Actor(self.key_id, self.name)


class KeyStore(Protocol):
    """Blocking; called in a thread."""

    def load(self) -> dict[bytes, Principal]:
        """SHA-256 of each valid key -> its principal."""


class Auth:
    def __init__(self, store: KeyStore, master_key: str, default_project: int, *, refresh: float = 0.5) -> None:
        self._store = store
        self._master = hashlib.sha256(master_key.encode()).digest()
        self._master_principal = Principal(None, "default", default_project, MASTER, "master")
        self._ring: dict[bytes, Principal] = {}
        self._refresh = refresh
        self._loaded_at = 0.0
        self._loading: asyncio.Task[None] | None = None
        self._trouble = Repeated(log)

    async def authenticate(self, headers: Mapping[str, str]) -> Principal:
        """Raises Unauthenticated."""
        return await self.principal(hashed_key(headers))

    async def principal_of(self, key: str) -> Principal:
        """The principal of a plain key. Raises Unauthenticated."""
        return await self.principal(_hashed(key))

    async def principal(self, hashed: bytes) -> Principal:
        """Of a key's hash, b"" where there is none. Raises Unauthenticated."""
        if not hashed:
            raise Unauthenticated
        if hmac.compare_digest(hashed, self._master):
            return self._master_principal
        found = self._ring.get(hashed)
        if found is None:
            await self._look_again()
            found = self._ring.get(hashed)
        if found is None or _ended(found):
            raise Unauthenticated("The API key is not valid: unknown, expired or revoked.")
        return found

    def by_id(self, key_id: str) -> Principal | None:
        """The principal of a key's id, for browser sessions."""
        if key_id == MASTER:
            return self._master_principal
        found = next((p for p in self._ring.values() if p.key_id == key_id), None)
        return None if found is None or _ended(found) else found

    async def holder(self, key_id: str) -> Principal | None:
        """As `by_id`, also where another process has made the key just now."""
        if self.by_id(key_id) is None:
            await self._look_again()
        return self.by_id(key_id)

    def is_valid(self, principal: Principal) -> bool:
        """Whether the key that let `principal` in still would. Asked again and again where a connection stays open."""
        return self.by_id(principal.key_id) is not None

    async def keep_fresh(self) -> None:
        """Runs as long as the worker does."""
        while True:
            await self._load()
            await asyncio.sleep(self._refresh)

    async def _look_again(self) -> None:
        """One load at a time and one each 100 ms, shared by all who wait: guessing keys costs the guesser."""
        if self._loading is None or self._loading.done():
            self._loading = asyncio.create_task(self._load_after_pause())
        await asyncio.shield(self._loading)

    async def _load_after_pause(self) -> None:
        await asyncio.sleep(max(0.0, self._loaded_at + 0.1 - time.monotonic()))
        await self._load()

    async def _load(self) -> None:
        try:
            self._ring = await asyncio.to_thread(self._store.load)
        except Exception as error:
            self._trouble.tell(f"keys could not be refreshed: {error.__class__.__name__}")
        self._loaded_at = time.monotonic()


def _ended(principal: Principal) -> bool:
    return principal.expires_at is not None and principal.expires_at <= time.time_ns() // 1000


def allow_model(principal: Principal, model: str) -> None:
    """Raises Forbidden where the key is bound to other models."""
    if principal.models is not None and not any(fnmatchcase(model, pattern) for pattern in principal.models):
        raise Forbidden(f"This key may not use the model '{model[:200]}'.")


def hashed_key(headers: Mapping[str, str]) -> bytes:
    """The hash of the key that a request has; b"" where it has none."""
    key = _key_of(headers)
    return _hashed(key) if key else b""


def _hashed(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def _key_of(headers: Mapping[str, str]) -> str:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    return headers.get("x-api-key", "").strip() or headers.get("api-key", "").strip()
