"""One question for many sets of values: the answers stand where the questions stood."""

import pytest
import sqlalchemy as sa

from sessionary.store import schema
from sessionary.store.questions import Question
from sessionary.store.writes import insert

_d = schema.deleted.c
SINCE = Question(
    sa.select(_d.session)
    .where(_d.project == sa.bindparam("project", type_=_d.project.type), _d.at >= sa.bindparam("at", type_=_d.at.type))
    .limit(1)
)


@pytest.mark.parametrize("many", [0, 1, 8, 9, 64, 600])
def test_each_set_of_values_has_its_own_answer(engine: sa.Engine, many: int) -> None:
    asked = [{"project": 1 + n % 2, "at": n} for n in range(many)]
    with engine.begin() as connection:
        insert(connection, schema.deleted, [{"project": 1, "session": "ses_a", "at": 500}])
        there = [values["project"] == 1 and values["at"] <= 500 for values in asked]
        assert SINCE.any(connection, asked) == there
        assert [bool(rows) for rows in SINCE.ask(connection, asked)] == there
        assert [rows[0][0] for rows in SINCE.ask(connection, asked) if rows] == ["ses_a"] * sum(there)
