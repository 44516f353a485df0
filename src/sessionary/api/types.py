"""What the API answers with. Times are ISO 8601 in UTC, durations milliseconds, money USD (null = unknown)."""

from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
import sqlalchemy as sa

from sessionary.store import attempts, search
from sessionary.store.attempts import Attempt
from sessionary.wire.message import Message, Piece, Role

Row = sa.Row[Any]


class Continues(msgspec.Struct):
    """The call that a session goes on from under another id: of which session, ours and the client's."""

    session: str
    session_id: str
    call_id: str


class Origin(msgspec.Struct):
    """Where a call comes from, other than by going on from an answer."""

    kind: str
    """`spawn` (a tool call of that call started the agent that calls), `compaction` (it carries that call's summary),
    `retry` (it tries again what failed) or `replay` (it asks again what was asked there)."""
    call_id: str
    tool_call_id: str | None


class Session(msgspec.Struct):
    id: str
    session_id: str
    """As the client sent it; ours where it sent none."""
    source: str
    title: str
    project: str
    status: str
    """`live`, `ok`, `errors` or `cut` (the last call was broken off)."""
    calls: int
    turns: int
    errors: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost: float | None
    models: list[str]
    clients: list[str]
    tags: list[str]
    first_at: str
    last_at: str
    live: int
    unpriced: int
    """Finished calls whose price is not known: `cost` leaves them out."""
    active_ms: float
    keys: list[str]
    users: list[str]
    branches: int
    """Beside the first."""
    agents: int
    """Beside the one that people talk to."""
    continues: Continues | None
    emptied_at: str | None
    """When what was said in it was deleted, as the settings for retention say: calls that were there then have no
    contents. Those that came later have."""


class Call(msgspec.Struct):
    id: str
    session_id: str
    """As the client sent it; `session` is ours."""
    session: str
    project: str
    source: str
    rule: str
    """Which header, field or rule named the session."""
    parent_id: str | None
    turn: int
    created_at: str
    duration_ms: float | None
    ttft_ms: float | None
    endpoint: str
    provider: str | None
    deployment: str | None
    model: str
    upstream_model: str | None
    status: str
    http_status: int | None
    stream: bool
    finish_reason: str | None
    input_tokens: int | None
    cached_tokens: int | None
    output_tokens: int | None
    reasoning_tokens: int | None
    estimated: bool
    """Whether the tokens were counted by the gateway, because the provider did not."""
    cost: float | None
    error: dict[str, str | None] | None
    response_id: str | None
    client: str
    user: str
    key: str
    agent: str
    """Who calls: an id, or the client's name for it; "" is the one that people talk to."""
    attempts: list[dict[str, Any]]
    agent_name: str
    agent_parent: str
    """The agent that started it; "" is the one that people talk to."""
    origin: Origin | None
    side: bool
    """A call beside the conversation, for a title or the like: `turn` is 0."""
    ambiguous: bool
    """Other calls would have done as well for the one that it goes on from: see its evidence."""
    unkept: str
    """Why what was said is not kept: `client`, it asked so (`store: false`); `key`, the key records metadata only;
    `failed`, what must not be in the log could not be taken out. "" where it is kept."""


class Shown(msgspec.Struct, omit_defaults=True):
    """One message; `created_at` is when it was first sent in this session, or answered."""

    id: str
    created_at: str
    role: Role
    pieces: list[Piece]
    name: str = ""


BrokenPart = Literal["model", "tools", "system", "messages"]


class Broke(msgspec.Struct):
    """Where a request stops being what the provider could have kept, in its cache, of the call that it goes on from:
    the first part that is not the same, byte for byte."""

    what: BrokenPart
    at: int
    """Of messages the depth of the first that differs, 1 for the first after the system prompt; else 0, as where too
    much would have to be read to find out."""


class Added(msgspec.Struct):
    """What one call added to its session."""

    call: Call
    resent: int
    """Messages that were there before, and were sent again."""
    recalled: int
    """Messages that were there before, and that the request went on from without sending them."""
    retry: bool
    """Whether it asks the same as an earlier call of the session, of the same key and user."""
    broke: Broke | None
    system: list[Message]
    """The system prompt, where it differs from that of the call it goes on from, or else of the call before."""
    unprompted: bool
    """Whether that call had a system prompt, and this one has none."""
    messages: list[Shown]
    output: Shown | None
    emptied: bool = False
    """Whether what was said in the call is deleted: see the session's `emptied_at`."""


class Outline(msgspec.Struct):
    session: Session
    calls: list[Call]


class Transcript(msgspec.Struct):
    session: Session
    calls: list[Added]
    next_cursor: str | msgspec.UnsetType | None = msgspec.UNSET
    """Only where a page was asked for; null on the last."""


class Headers(msgspec.Struct):
    """By name, as they were recorded: by allow-list, and never a credential."""

    request: dict[str, str]
    response: dict[str, str]


class SessionPage(msgspec.Struct):
    """May have fewer rows than `limit` and still a `next_cursor`: so many rows are looked at for one page."""

    data: list[Session]
    next_cursor: str | None
    newest: int | None = None
    """Where only so many were looked at: the newest messages that have the words, or, in an order that has no index,
    the newest sessions."""


class CallPage(msgspec.Struct):
    """May have fewer rows than `limit` and still a `next_cursor`: so many rows are looked at for one page."""

    data: list[Call]
    next_cursor: str | None
    newest: int | None = None
    """Where only so many were looked at: the newest messages that have the words, or, in an order other than of time,
    the newest calls."""


class Hit(msgspec.Struct):
    """`session_id` is the client's, `session` ours; `marks` are [start, end) pairs within `snippet`."""

    session_id: str
    session: str
    project: str
    call_id: str
    title: str
    at: str
    snippet: str
    marks: list[tuple[int, int]]


class HitPage(msgspec.Struct):
    data: list[Hit]
    next_cursor: str | None


class SessionPatch(msgspec.Struct, forbid_unknown_fields=True):
    title: str | None = None
    tags: list[str] | None = None


class Deleted(msgspec.Struct):
    id: str
    deleted: bool = True


def iso(at: int) -> str:
    return datetime.fromtimestamp(at / 1e6, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def usd(nano: int | None) -> float | None:
    return None if nano is None else nano / 1e9


def origin(row: Row) -> Origin | None:
    return Origin(row.origin_kind or "", row.origin, row.origin_tool) if row.origin else None


def session(row: Row, projects: dict[int, str], before: Row | None) -> Session:
    """`before`: the call that the session's row says it continues, with its session, where that is there."""
    continues = None
    if before is not None and before.session != row.id:
        continues = Continues(before.session, before.session_text, before.id)
    return Session(
        id=row.id,
        session_id=row.session_id,
        source=row.source,
        title=row.title,
        project=projects.get(row.project, str(row.project)),
        status=row.status,
        calls=row.calls,
        turns=row.turns,
        errors=row.errors,
        input_tokens=row.input_tokens,
        cached_tokens=row.cached_tokens,
        output_tokens=row.output_tokens,
        reasoning_tokens=row.reasoning_tokens,
        cost=usd(row.cost),
        models=row.models,
        clients=row.clients,
        tags=row.tags,
        first_at=iso(row.first_at),
        last_at=iso(row.last_at),
        live=row.live,
        unpriced=row.unpriced,
        active_ms=row.active / 1000,
        keys=row.keys,
        users=row.users,
        branches=row.branches,
        agents=row.agents,
        continues=continues,
        emptied_at=None if row.emptied_at is None else iso(row.emptied_at),
    )


def _attempt(row: Row, attempt: Attempt) -> dict[str, Any]:
    return {
        "provider": attempt.provider,
        "deployment": attempt.deployment,
        "model": attempt.model,
        "at": iso(row.created_at + attempt.after),
        "duration_ms": attempt.duration / 1000,
        "http_status": attempt.http_status or None,
        "error": attempt.error or None,
        "dropped": attempt.dropped,
    }


def call(row: Row, projects: dict[int, str], keys: dict[str, str]) -> Call:
    error = None
    if row.error_type or row.error_message:
        error = {"type": row.error_type, "message": row.error_message}
    return Call(
        id=row.id,
        session_id=row.session_text,
        session=row.session,
        project=projects.get(row.project, str(row.project)),
        source=row.source,
        rule=row.rule,
        parent_id=row.parent,
        turn=row.turn,
        created_at=iso(row.created_at),
        duration_ms=None if row.finished_at is None else (row.finished_at - row.created_at) / 1000,
        ttft_ms=None if row.ttft is None else row.ttft / 1000,
        endpoint=row.endpoint,
        provider=row.provider,
        deployment=row.deployment,
        model=row.model,
        upstream_model=row.upstream_model,
        status=row.status,
        http_status=row.http_status or None,
        stream=row.stream,
        finish_reason=row.finish_reason,
        input_tokens=row.input_tokens,
        cached_tokens=row.cached_tokens,
        output_tokens=row.output_tokens,
        reasoning_tokens=row.reasoning_tokens,
        estimated=bool(row.estimated),
        cost=usd(row.cost),
        error=error,
        response_id=row.response_id,
        client=row.client,
        user=row.user,
        key=keys.get(row.key_id, row.key_id),
        agent=row.agent or "",
        attempts=[_attempt(row, attempt) for attempt in attempts.of(row)],
        agent_name=row.agent_name,
        agent_parent=row.agent_parent,
        origin=origin(row),
        side=bool(row.side),
        ambiguous=bool(row.ambiguous),
        unkept=row.unkept,
    )


def hit(found: search.Hit, projects: dict[int, str]) -> Hit:
    return Hit(
        session_id=found.session_id,
        session=found.session,
        project=projects.get(found.project, str(found.project)),
        call_id=found.call_id,
        title=found.title,
        at=iso(found.at),
        snippet=found.snippet,
        marks=found.marks,
    )
