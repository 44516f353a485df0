"""Through spool record, tree and store and back, generated chats and answers are what they were, on both engines."""

import json
from typing import Any

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessionary.store import schema, tree
from tests.support import json_text
from tests.support.recorded import Log


def exact(body: bytes) -> Any:
    """What JSON text says: field order, repeated keys and number spelling included; or the bytes, where it is none."""
    try:
        return json.loads(body, object_pairs_hook=lambda pairs: ("object", pairs), parse_int=str, parse_float=str)
    except ValueError:
        return body


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    chats=st.lists(st.tuples(json_text.chats, json_text.answers), min_size=1, max_size=4), junk=st.binary(max_size=40)
)
def test_calls_read_back_as_they_were_sent(log: Log, chats: list[tuple[bytes, bytes]], junk: bytes) -> None:
    sent: dict[str, tuple[bytes, bytes]] = {}
    for request, answer in [*chats, (junk, junk)]:
        begin = log.begin("one-session", request)
        log.store(begin, log.finish(begin, answer))
        sent[begin.call_id] = (request, answer)
    with log.engine.connect() as connection:
        for row in connection.execute(sa.select(schema.calls).where(schema.calls.c.id.in_(sent))):
            request, answer = sent[row.id]
            assert exact(tree.request_body(connection, row)) == exact(request)
            assert exact(tree.response_body(connection, row) or b"") == exact(answer)
