"""The API as `app` puts it together, without the rest of the gateway."""

from typing import Any

import sqlalchemy as sa
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.testclient import TestClient

from sessionary import api
from sessionary.app.parts import StoredKeys
from sessionary.auth import Auth
from sessionary.gate import Gate
from sessionary.store import keys

MASTER = "sk-master"


def served(engine: sa.Engine, key: str = MASTER, *, raising: bool = False, **gateway: Any) -> TestClient:
    """`key`: what is sent where a request says nothing else; `raising`: a fault of the server is the test's, and not an
    answer 500; `gateway`: more for `api.routes`."""
    auth = Auth(StoredKeys(engine), MASTER, keys.ensure_project(engine, "default"))
    app = Starlette(
        routes=api.routes(engine, **gateway),
        middleware=[Middleware(Gate, auth=auth, engine=engine)],
        exception_handlers=api.exception_handlers(),
    )
    headers = {"authorization": f"Bearer {key}"} if key else {}
    return TestClient(app, raise_server_exceptions=raising, headers=headers)
