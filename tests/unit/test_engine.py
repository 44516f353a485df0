"""Opening the database: what is away is known to be away before clients lose patience."""

import socket
import time

import pytest
import sqlalchemy as sa

from sessionary.store.engine import open_engine


@pytest.mark.parametrize(("query", "seconds"), [("", 5), ("?connect_timeout=2", 2)])
def test_a_server_that_does_not_answer_is_away(query: str, seconds: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        engine = open_engine(f"postgresql://someone@127.0.0.1:{silent.getsockname()[1]}/x{query}")
        began = time.monotonic()
        with pytest.raises(sa.exc.OperationalError):
            engine.connect()
        assert seconds - 1 < time.monotonic() - began < seconds + 4
        engine.dispose()
