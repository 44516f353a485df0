"""What a caller says of its session: as the client writes it, as people type it, and as nobody should."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessionary.client.active import Active
from sessionary.relay import headers as header_rules
from sessionary.sessions.identify import AGENT_HEADERS as HARNESS_AGENTS
from sessionary.sessions.identify import HARNESS_HEADERS, OWN_HEADERS
from sessionary.sessions.labels import AGENT_HEADERS, NAME_HEADERS, TAGS_HEADER, Labels, labels

PRINTABLE = st.text(st.characters(categories=("L", "N", "P", "S")), min_size=1, max_size=20)


@given(PRINTABLE, st.lists(PRINTABLE, unique=True, max_size=5), st.lists(PRINTABLE, max_size=3))
def test_what_the_python_client_sends_is_read_back(name: str, tags: list[str], agents: list[str]) -> None:
    headers = Active("s", name, tuple(tags), tuple(agents)).headers()
    assert labels(headers) == Labels(name, tags, "/".join(agents))


def test_as_people_type_it() -> None:
    utf8 = "Zoë's müsli".encode().decode("latin-1")  # as ASGI hands on what curl sends
    assert labels({"x-session-name": utf8}).name == "Zoë's müsli"
    assert labels({"x-session-name": "caf\xe9 100% sure"}).name == "café 100% sure"
    assert labels({"helicone-session-name": "theirs"}).name == "theirs"
    assert labels({"x-session-name": " ", "helicone-session-name": "theirs"}).name == "theirs"
    assert labels({"x-session-tags": " eu , ,eu,b%2Cc"}).tags == ["eu", "b,c"]
    assert labels({"x-session-agent": "writer%2F1/fetcher"}).agent == "writer/1/fetcher"
    assert labels({"helicone-session-path": "/planner/search"}).agent == "planner/search"
    assert labels({"x-session-agent": "mine", "helicone-session-path": "/theirs"}).agent == "mine"
    assert labels({}) == Labels()


def test_what_would_not_show_and_what_is_too_long() -> None:
    assert labels({"x-session-name": "a%00b%0D%0Ac%F0%9F"}).name == "a b cð"
    assert labels({"x-session-name": "n" * 1000}).name == "n" * 500
    many = labels({"x-session-tags": ",".join(f"{n}" + "t" * 200 for n in range(100))}).tags
    assert (len(many), len(many[0])) == (50, 100)


@given(st.text(string.printable, max_size=60))
def test_nothing_is_refused(value: str) -> None:
    found = labels(dict.fromkeys((*NAME_HEADERS, TAGS_HEADER, *AGENT_HEADERS), value))
    assert all(text.isprintable() for text in (found.name, found.agent, *found.tags))


@pytest.mark.parametrize(
    "name", [*NAME_HEADERS, TAGS_HEADER, *AGENT_HEADERS, *OWN_HEADERS, *HARNESS_HEADERS, *HARNESS_AGENTS]
)
def test_none_of_it_goes_upstream(name: str) -> None:
    assert name not in header_rules.to_upstream({name: "x"})


def test_no_credential_is_recorded() -> None:
    for name in ("x-codex-jwt", "x-codex-pat", "x-claude-code-bearer", "x-codex-passwd", "x-stainless-api-key"):
        assert header_rules.recorded({name: "x"}) == {}
    kept = {"x-codex-window-id": "w", "x-claude-code-compaction": "c", "x-stainless-retry-count": "1"}
    assert header_rules.recorded({**kept, "authorization": "x"}) == kept
    carried = "session.id=s,api_key=k, Access-Token = t ;p=1,user=a%20b"
    assert header_rules.recorded({"baggage": carried}) == {"baggage": "session.id=s,user=a%20b"}
