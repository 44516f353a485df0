"""The ledger in both databases: what writers leave when they are gone, of several gateways with one store."""

import sqlalchemy as sa

from sessionary.store import ledger, writes
from sessionary.store.ledger import Counts


def test_what_writers_leave(engine: sa.Engine) -> None:
    ours = {"a": Counts(5, 3, 1, 1), "b": Counts(7, 7), "c": Counts()}
    with writes.transaction(engine) as connection:
        ledger.save(connection, "gw_1", {w: ((1, 8), counts) for w, counts in ours.items()})
        ledger.save(connection, "gw_2", {"d": ((1, 8), Counts(100, 100))})
    for gone, left in ((["a"], Counts(5, 3, 1, 1)), (["b", "c", "not there"], Counts(12, 10, 1, 1))):
        with writes.transaction(engine) as connection:
            ledger.fold(connection, "gw_1", gone)
            assert ledger.of_the_gone(connection, "gw_1") == left
    with engine.connect() as connection:
        assert ledger.by_writer(connection, "gw_1") == {}
        assert ledger.by_writer(connection, "gw_2") == {"d": Counts(100, 100)}
        assert ledger.of_the_gone(connection, "gw_2") == Counts()
        assert writes.load_cursors(connection) == {"d": (1, 8)}


def test_a_writer_of_another_gateway_is_left_alone(engine: sa.Engine) -> None:
    with writes.transaction(engine) as connection:
        ledger.save(connection, "gw_2", {"d": ((1, 8), Counts(100, 100))})
        ledger.fold(connection, "gw_1", ["d"])
        assert ledger.of_the_gone(connection, "gw_1") == Counts()
        assert ledger.by_writer(connection, "gw_2") == {"d": Counts(100, 100)}
