"""A program by its name: in Python and in SQL the same, on both engines' functions (SQLite's here; see test_lists)."""

import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from sessionary.sessions.clients import client_name
from sessionary.store.programs import program, program_of

CASES = {
    "Claude Code 2.0.58": "Claude Code",
    "OpenAI Python 2.8.1": "OpenAI Python",
    "curl 8.7.1": "curl",
    "Agents/Python 0.6.1": "Agents/Python",
    "browser": "browser",
    "Acme x": "Acme x",
    "Acme 2 beta": "Acme 2 beta",
    "Acme 2 3.0": "Acme 2",
    "": "",
    " 9": " 9",
    "9": "9",
    "Acme ": "Acme ",
    "Acme ٣": "Acme ٣",
}
TEXTS = st.one_of(st.sampled_from([*CASES]), st.text(alphabet="aZ 09.é/-", max_size=12))


def test_versions_are_cut_off() -> None:
    assert {client: program(client) for client in CASES} == CASES


def test_what_headers_say_has_a_program() -> None:
    agents = ("claude-cli/2.0.58 (external, cli)", "AsyncOpenAI/Python 2.8.1", "curl/8.7.1", "my agent", "Foo 2/3.1")
    names = [program(client_name({"user-agent": agent})) for agent in agents]
    assert names == ["Claude Code", "OpenAI Python", "curl", "my agent", "Foo"]


@given(TEXTS)
def test_sql_cuts_as_python_does(client: str) -> None:
    with sa.create_engine("sqlite://").connect() as connection:
        asked = sa.select(program_of(sa.bindparam("c", client, type_=sa.Text)))
        assert connection.scalar(asked) == program(client)
