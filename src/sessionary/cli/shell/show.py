"""Reading one session or one call: `sessionary show`, `sessionary export`."""

import os
import sys
from collections.abc import Iterable
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal
from urllib.parse import quote

import typer

from sessionary.cli.common import Config, DataDir, fail
from sessionary.cli.shell.words import Full, JsonLines, Key, SessionName, Url

if TYPE_CHECKING:
    from sessionary.cli.shell.reading import Gateway
    from sessionary.cli.shell.told import Block, Paper

Json = dict[str, Any]
NEWEST = "-"
_AT_ONCE = 50
"""Calls that are asked for at once, and held."""
_MOST_LAST = 100
_CALL = "call_"
Form = Literal["json", "jsonl", "markdown", "openai"]
_ENDINGS: dict[str, Form] = {".jsonl": "jsonl", ".md": "markdown", ".markdown": "markdown"}


def show(
    session: SessionName = NEWEST,
    calls: Annotated[bool, typer.Option("--calls", help="Only a list of its calls, the first one first.")] = False,
    last: Annotated[int | None, typer.Option(help="Only the last so many calls.", min=1, max=_MOST_LAST)] = None,
    request: Annotated[
        bool, typer.Option("--request", help="Of a call: the body as sent, but for white space.")
    ] = False,
    to_provider: Annotated[
        bool, typer.Option("--to-provider", help="Of a call: what its provider was sent, in JSON.")
    ] = False,
    response: Annotated[bool, typer.Option("--response", help="Of a call: the body of its answer.")] = False,
    events: Annotated[
        bool, typer.Option("--events", help="Of a call: the events that its answer came in, as they were.")
    ] = False,
    full: Full = None,
    as_json: JsonLines = False,
    url: Url = None,
    key: Key = None,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Read a session turn by turn, or a single call (call_…)."""
    from sessionary.cli.shell import reading, told, which

    parts = (("/request", request), ("/provider_request", to_provider), ("/response", response or events))
    bodies = [part for part, wanted in parts if wanted]
    if len(bodies) > 1 or (response and events):
        fail("--request, --to-provider, --response and --events are one or the other")
    if bodies and (calls or last is not None):
        fail("--calls and --last are of a session, the bodies of a call")
    if calls and last is not None:
        fail("--calls and --last are one or the other")
    if bodies and session != NEWEST and not session.startswith(_CALL):
        fail(f"{session} is no call (call_…): `sessionary show {session} --calls` lists those of a session")
    with told.ending():
        gateway = which.find(url, key, config, data_dir)
        if bodies:
            name = newest(gateway, "calls") if session == NEWEST else session
            body = gateway.body(reading.call(name, bodies[0]), {"raw": 1} if events else None)
            copy_out(body, Path("-"))
            return
        if session.startswith(_CALL) and (one := _call(gateway, session)) is not None:
            if calls or last is not None:
                fail(f"--calls and --last are of a session, and {session} is a call")
            _show_call(gateway, one, told.Paper(full is not False), as_json)
            return
        paper, name = told.Paper(full), newest(gateway) if session == NEWEST else session
        try:
            if calls:
                _list_calls(gateway, name, paper, as_json)
            else:
                _show_session(gateway, name, paper, last, as_json)
        except reading.Refused as refused:
            if refused.status == HTTPStatus.NOT_FOUND and session.startswith(_CALL):
                raise reading.Unanswered(f"{refused.message}, and no such call") from None
            raise


def export(
    session: SessionName = NEWEST,
    format: Annotated[
        Form | None,
        typer.Option(
            "--format", "-f", help="openai: chat messages, ready to send.", show_default="as FILE ends, or json"
        ),
    ] = None,
    output: Annotated[
        Path,
        typer.Option("--output", "-o", metavar="FILE", help="Where it is written.", show_default="standard output"),
    ] = Path("-"),
    url: Url = None,
    key: Key = None,
    config: Config = None,
    data_dir: DataDir = None,
) -> None:
    """Write a whole session into a file."""
    from sessionary.cli.shell import reading, told, which

    form = format or _ENDINGS.get(output.suffix.lower(), "json")
    with told.ending():
        gateway = which.find(url, key, config, data_dir)
        name = newest(gateway) if session == NEWEST else session
        copy_out(gateway.body(reading.session(name, "/export"), {"format": form}), output)


def newest(gateway: "Gateway", of: str = "sessions", filter: str = "") -> str:
    from sessionary.cli.shell.reading import Unanswered

    for found in gateway.pages(f"/api/{of}", {"filter": filter} if filter else {}, 1):
        if found.rows:
            return str(found.rows[0]["id"])
    raise Unanswered(f"there are no {of} yet: nothing was recorded that this key may read")


def page(gateway: "Gateway", session: Json) -> str:
    """Where a browser shows it."""
    return f"{gateway.url}/ui/sessions/{session['id']}"


def comparison(gateway: "Gateway", a: str, b: str) -> str:
    """Where a browser shows two sessions beside each other."""
    return f"{gateway.url}/ui/compare?a={quote(a, safe='~')}&b={quote(b, safe='~')}"


def last_calls(gateway: "Gateway", session: str, most: int) -> list[str]:
    """The ids of the newest calls, the oldest of them first."""
    (found,) = gateway.pages("/api/calls", {"session_id": session}, most)
    return [one["id"] for one in reversed(found.rows)]


def _call(gateway: "Gateway", name: str) -> Json | None:
    """None where there is no such call: then a session may be called so."""
    from sessionary.cli.shell import reading

    try:
        return gateway.get(reading.call(name))
    except reading.Refused as refused:
        if refused.status != HTTPStatus.NOT_FOUND:
            raise
        return None


def _show_session(gateway: "Gateway", name: str, paper: "Paper", last: int | None, as_json: bool) -> None:
    from sessionary.cli.shell import reading, story

    path = reading.session(name, "/transcript")
    query: dict[str, str | int] = {"limit": _AT_ONCE}
    told: story.Story | None = None
    if last is not None:
        session = gateway.get(path, {"limit": 1})["session"]
        ids = last_calls(gateway, session["id"], last)
        told = story.Story(max(0, session["calls"] - len(ids)))
        query = {"calls": ",".join(ids)}
    first = True
    while True:
        found = gateway.get(path, query)
        told = told or story.Story()
        if first and as_json:
            paper.json({"session": found["session"]})
        elif first:
            paper.put(*story.head(found["session"], page(gateway, found["session"])))
        for added in found["calls"]:
            if as_json:
                paper.json(added)
            else:
                paper.put(*told.call(added))
        paper.flush()
        first = False
        if not (cursor := found.get("next_cursor")):
            return
        query = {"limit": _AT_ONCE, "cursor": cursor}


def _list_calls(gateway: "Gateway", name: str, paper: "Paper", as_json: bool) -> None:
    from sessionary.cli.shell import reading, rows

    session = gateway.get(reading.session(name, "/transcript"), {"limit": 1})["session"]
    first = True
    for found in gateway.pages("/api/calls", {"session_id": session["id"], "sort": "created_at"}, None):
        paper.rows(found.rows, rows.CALLS, as_json=as_json, first=first)
        first = first and not found.rows


def _show_call(gateway: "Gateway", one: Json, paper: "Paper", as_json: bool) -> None:
    from sessionary.cli.shell import reading, story

    found = gateway.get(reading.session(one["session"], "/transcript"), {"calls": one["id"]})["calls"]
    if not found:
        raise reading.Unanswered(f"{one['id']} was moved to another session just now: ask again")
    if as_json:
        paper.json(found[0])
        return
    paper.put(*_facts(one, f"{gateway.url}/ui/calls/{one['id']}"), *story.Story(None).call(found[0]))


def _facts(one: Json, page: str) -> "list[Block]":
    from sessionary.cli.shell.story import BETWEEN, DIM, state
    from sessionary.cli.shell.told import block
    from sessionary.cli.shell.when import moment
    from sessionary.ui.format import duration

    route = BETWEEN.join(filter(None, (one["endpoint"], one["provider"], one["deployment"], one["upstream_model"])))
    who = [one["client"], f"user {one['user']}" if one["user"] else "", f"key {one['key']}" if one["key"] else ""]
    ended = [str(one["http_status"] or ""), one["finish_reason"] or "", "streamed" if one["stream"] else ""]
    named = one["session_id"] if one["session_id"] != one["session"] else ""
    blocks = [
        block(
            (one["status"], state(one["status"])),
            BETWEEN + BETWEEN.join(filter(None, (moment(one["created_at"]), *ended))),
        ),
        block((route, DIM)),
        block((BETWEEN.join(filter(None, who)), DIM)),
        block(
            (
                BETWEEN.join(filter(None, (f"session {one['session']}", named, f"by {one['rule'] or one['source']}"))),
                DIM,
            )
        ),
    ]
    for n, attempt in enumerate(one["attempts"], 1):
        if len(one["attempts"]) > 1 or attempt["error"]:
            told = [
                f"attempt {n}",
                attempt["deployment"],
                str(attempt["http_status"] or ""),
                duration(attempt["duration_ms"]),
            ]
            blocks.append(
                block((BETWEEN.join(filter(None, (*told, attempt["error"]))), "red" if attempt["error"] else DIM))
            )
    return [*blocks, block((page, DIM))]


def copy_out(body: Iterable[bytes], output: Path) -> None:
    """Byte for byte; on a terminal with what it would obey shown instead. A file is there when it is whole."""
    if str(output) != "-":
        _save(body, output)
        return
    if not sys.stdout.isatty():
        for data in body:
            sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
        return
    from codecs import getincrementaldecoder

    from sessionary.cli.shell import harmless

    decoder, text = getincrementaldecoder("utf-8")("replace"), "\n"
    for data in body:
        if text := decoder.decode(data) or text:
            sys.stdout.write(harmless.each(text))
    if not text.endswith("\n"):
        sys.stdout.write("\n")


def _save(body: Iterable[bytes], output: Path) -> None:
    if output.exists() and not output.is_file():  # a pipe, a device: a folder is refused
        with output.open("wb") as file:
            file.writelines(body)
        return
    parts = iter(body)
    first = next(parts, b"")  # nothing is made where there is nothing
    half = output.with_name(f".{output.name}.{os.getpid()}")
    try:
        with half.open("xb") as file:
            file.write(first)
            file.writelines(parts)
        half.replace(output)
    finally:
        half.unlink(missing_ok=True)
