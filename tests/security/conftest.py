"""What the security tests share: both engines, and a store with two projects that must not see each other."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from tests.integration.conftest import (
    empty_engine,
    empty_url,
    engine,
    kind,
    log,
    migrated_postgres,
    migrated_sqlite,
    postgres,
    url,
)
from tests.security.two import Two
from tests.support.recorded import Log
from tests.support.served import served

__all__ = [
    "empty_engine",
    "empty_url",
    "engine",
    "kind",
    "log",
    "migrated_postgres",
    "migrated_sqlite",
    "postgres",
    "url",
]


@pytest.fixture
def client(engine: sa.Engine) -> Iterator[TestClient]:
    """The API as `app` puts it together, without the rest of the gateway."""
    with served(engine) as started:
        yield started


@pytest.fixture
def two(log: Log, client: TestClient) -> Two:
    return Two(log)
