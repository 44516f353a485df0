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


def test_one_waits_for_it_and_the_others_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked again after a pause; where it refuses then, nobody waits any more."""

    def asked() -> float:
        began = time.monotonic()
        with pytest.raises(sa.exc.OperationalError):
            engine.connect()
        return time.monotonic() - began

    with socket.create_server(("127.0.0.1", 0)) as silent:
        engine = open_engine(f"postgresql://someone@127.0.0.1:{silent.getsockname()[1]}/x?connect_timeout=2")
        first, others = asked(), [asked() for _ in range(20)]
        assert first > 1
        assert sum(others) < 1
        monkeypatch.setattr(time, "monotonic", lambda clock=time.monotonic: clock() + 3)
        assert asked() > 1
    monkeypatch.setattr(time, "monotonic", lambda clock=time.monotonic: clock() + 3)
    assert asked() < 1
    engine.dispose()
