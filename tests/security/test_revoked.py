"""S1: what a key's end means, for everything that it has open. How keys are stored, and what a key may not do:
tests/integration/test_keys, tests/integration/test_admin.
"""

import asyncio
import base64
import http.client
import json
import time
from typing import Any

import pytest
import sqlalchemy as sa
from websockets.sync.client import ClientConnection, connect

from sessionary.app.parts import StoredKeys
from sessionary.auth import Auth
from sessionary.errors import Unauthenticated
from sessionary.store import keys
from sessionary.store.engine import open_engine
from tests.support.recorded import Log
from tests.support.server import Server, wait_for

FORM = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": "same-origin"}


class Open:
    """Everything that one key can have open: an event stream by its key and one by its login, a socket, a page."""

    def __init__(self, server: Server, key: str) -> None:
        self.server, self.key = server, key
        entered = server.request("POST", "/ui/login", f"key={key}".encode(), FORM, key=None)
        assert entered.status == 303
        self.cookie = {"cookie": entered.headers["set-cookie"].partition(";")[0]}
        self.connections: list[http.client.HTTPConnection] = []
        self.streams = [self.stream({"authorization": f"Bearer {key}"}), self.stream(self.cookie)]
        url = f"ws://127.0.0.1:{server.port}/v1/responses"
        self.socket: ClientConnection = connect(url, additional_headers={"authorization": f"Bearer {key}"})
        assert self.turn()[-1]["type"] == "response.completed"
        assert self.statuses() == [200, 200, 200, 200]

    def stream(self, headers: dict[str, str]) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.port, timeout=20)
        self.connections.append(connection)
        connection.request("GET", "/api/events", headers=headers)
        answer = connection.getresponse()
        assert answer.status == 200
        assert b"ping" in answer.readline()
        return answer

    def turn(self) -> list[dict[str, Any]]:
        self.socket.send(json.dumps({"type": "response.create", "model": "m", "input": "x"}))
        events: list[dict[str, Any]] = []
        while not events or events[-1]["type"] not in ("response.completed", "error"):
            events.append(json.loads(self.socket.recv(timeout=20)))
        return events

    def statuses(self) -> list[int]:
        """API by key and by login, a page, a call."""
        get = self.server.request
        return [
            get("GET", "/api/sessions", key=self.key).status,
            get("GET", "/api/sessions", None, self.cookie, key=None).status,
            get("GET", "/ui/", None, self.cookie, key=None).status,
            get("GET", "/v1/models", key=self.key).status,
        ]

    def is_over(self) -> None:
        """Fails where something goes on."""
        began = time.monotonic()
        for stream in self.streams:
            stream.read()  # to its end
        wait_for(lambda: self.statuses() == [401, 401, 303, 401], what="the end of everything")
        (error,) = self.turn()
        assert (error["type"], error["status"]) == ("error", 401)
        self.close()
        print(f"over after {time.monotonic() - began:.2f} s")

    def close(self) -> None:
        self.socket.close()
        for opened in (*self.streams, *self.connections):
            opened.close()


def test_revoked(demo_server: Server) -> None:
    """S1: event streams, sockets, logins, calls: all of it ends when the key is revoked."""
    made = demo_server.post("/api/keys", {"project": "revoked"}).json
    kept = demo_server.post("/api/keys", {"project": "revoked"}).json
    opened, other = Open(demo_server, made["key"]), Open(demo_server, kept["key"])
    assert demo_server.request("DELETE", f"/api/keys/{made['id']}").status == 200
    opened.is_over()
    assert other.statuses() == [200, 200, 200, 200], "another key of the project is as it was"
    other.close()


def test_expired(demo_server: Server) -> None:
    """S1: the same when its time is over."""
    engine = open_engine(f"sqlite:///{demo_server.data_dir / 'sessionary.db'}")
    soon = time.time_ns() // 1000 + 6_000_000
    plain, _ = keys.create(engine, "expired", "e", None, soon)
    engine.dispose()
    Open(demo_server, plain).is_over()


async def test_keys_are_random_and_compared_as_hashes(log: Log) -> None:
    """S1: 256 bits each; memory has nothing but whole hashes, so no comparison tells how much of a guess is right."""
    made = [keys.create(log.engine, "p", "n", None, None)[0] for _ in range(20)]
    secrets = {base64.urlsafe_b64decode(plain.removeprefix("sk-ses-") + "=") for plain in made}
    assert {len(secret) for secret in secrets} == {32}
    assert len(secrets) == 20
    ring = StoredKeys(log.engine).load()
    assert {len(hashed) for hashed in ring} == {32}
    auth = Auth(StoredKeys(log.engine), "sk-master", 1)
    assert (await auth.principal_of(made[0])).name == "n"
    for wrong in (made[0][:-1], made[0] + "x", made[0].upper(), " ", made[0].replace("sk-", ""), "sk-maste", "\udcff"):
        with pytest.raises(Unauthenticated):
            await auth.principal_of(wrong)
    assert not any(plain.encode() in repr(vars(auth)).encode() for plain in made)


async def test_a_login_ends_with_its_key_while_the_store_is_away(log: Log) -> None:
    """S1: the ring stays in force then, but not beyond a key's end."""
    _, row = keys.create(log.engine, "p", "n", None, time.time_ns() // 1000 + 300_000)
    auth = Auth(StoredKeys(log.engine), "sk-master", 1)
    await auth._load()
    assert auth.by_id(row.id) is not None
    broken = Auth(StoredKeys(sa.create_engine("sqlite:////nowhere/x.db")), "sk-master", 1)
    broken._ring = auth._ring
    await asyncio.sleep(0.35)
    assert broken.by_id(row.id) is None
