"""The walk to what a call goes on from, when many ask at once."""

import asyncio
from pathlib import Path

import sqlalchemy as sa

from sessionary.record import exchange
from sessionary.record.exchange import Begin, Finish
from sessionary.spool.reader import Reader
from sessionary.spool.writer import Writer
from sessionary.state.links import Link
from sessionary.state.spooled import Spooled
from sessionary.state.walk import State

CALL = "call_" + "0" * 26


def test_a_call_in_another_workers_spool_is_found_by_all_that_ask_at_once(tmp_path: Path, engine: sa.Engine) -> None:
    writer = Writer(tmp_path / "spool")
    named = (CALL, 1, 1, "k", "ses", "ses", "none", "none", "responses", "m", False)
    body = b'{"model": "m", "input": "hi"}'
    writer.append(exchange.encode(Begin(*named, "", "", {}, body)))
    writer.append(exchange.encode(Finish(CALL, 2, "ok", 200, "p", "d", "m", None, "", "", [], {}, b'{"output": []}')))
    writer.close()

    async def ask() -> list[Link | None]:
        state = State(engine, Spooled(Reader(tmp_path / "spool")))
        return await asyncio.gather(*(state.known(1, CALL) for _ in range(200)))

    for _ in range(5):
        assert {link.call_id if link else None for link in asyncio.run(ask())} == {CALL}
