"""Whose fault an error is: what is a record's is set aside, what is the store's is waited for (F6, F7, F8)."""

import psycopg
import pytest
import sqlalchemy as sa

from sessionary.store.refusals import reason

RECORDS = ("22003", "22P05", "22021", "23502", "23505", "54000", "54001", "0A000", "XX000")
STORES = (
    "08006", "25006", "25P03", "28P01", "3D000", "40001", "40P01", "42501", "42P01", "53100", "53200", "53300", "55P03",
    "57014", "57P01", "57P03", "58030", "XX001", "XX002",
)  # fmt: skip


def raised(error: Exception, *, broken: bool = False) -> Exception:
    """As SQLAlchemy raises what the driver did."""
    found: Exception = sa.exc.DBAPIError.instance("INSERT", {}, error, psycopg.Error, connection_invalidated=broken)
    return found


@pytest.mark.parametrize("state", RECORDS)
def test_a_records_fault(state: str) -> None:
    error = psycopg.errors.lookup(state)("secret: a value")
    assert reason(raised(error)) == f"refused by the database: {error.__class__.__name__}"


@pytest.mark.parametrize("state", STORES)
def test_the_stores_trouble(state: str) -> None:
    assert reason(raised(psycopg.errors.lookup(state)("away"))) is None


def test_what_the_driver_says_itself() -> None:
    assert reason(raised(psycopg.DataError("text fields cannot contain NUL"))) == "refused by the database: DataError"
    assert reason(raised(psycopg.OperationalError("the connection is closed"))) is None
    assert reason(raised(psycopg.DataError("x"), broken=True)) is None
    assert reason(sa.exc.TimeoutError()) is None


def test_what_no_database_says() -> None:
    assert reason(OSError(5, "Input/output error")) is None
    for error in (OverflowError("1" * 99), MemoryError(), RecursionError(), KeyError("secret")):
        assert reason(error) == f"could not be stored: {error.__class__.__name__}"


def test_sqlite() -> None:
    engine = sa.create_engine("sqlite://")
    found = {}
    statements = ("SELECT x", "INSERT INTO t VALUES (NULL)", "INSERT INTO t VALUES (zeroblob(2000000000))")
    with engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE t (n NOT NULL)")
        for statement in statements:
            with pytest.raises(sa.exc.DBAPIError) as caught:
                connection.exec_driver_sql(statement)
            found[statement] = reason(caught.value)
    assert list(found.values()) == [
        None, "refused by the database: IntegrityError", "refused by the database: DataError",
    ]  # fmt: skip
