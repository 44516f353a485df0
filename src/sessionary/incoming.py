"""What a request is, from its headers and the few body fields that matter, and what may be kept of it. Pure.

The body is decoded one level deep: messages stay the bytes that they are.
"""

import base64
import binascii
from functools import lru_cache, partial

import msgspec

from sessionary import ids
from sessionary.auth import Principal
from sessionary.errors import BadRequest, GatewayError
from sessionary.heads import Head
from sessionary.record import exchange
from sessionary.record import private as record_private
from sessionary.record.exchange import Begin, Unkept
from sessionary.record.recorder import now_us
from sessionary.redaction import Redacting
from sessionary.relay.outgoing import Fields
from sessionary.sessions import identify
from sessionary.sessions.identify import Agent, Identity
from sessionary.sessions.labels import Labels
from sessionary.state.context import ALONE, NOTHING, Context, Named
from sessionary.wire.responses import item_ids

_fields = msgspec.json.Decoder(Fields)
_WRAPPED = "litellm:"
_MOST_LOOKED_AT = 16_384
"""Bytes of a field, unless it is a text."""
Names = tuple[Identity, Agent, str, Labels]
_FROM_NOTHING = exchange.Context()
_NO_AGENT = Agent()
_MOST_KEPT = 256
"""Characters of a session's name of which the id is kept."""
_session_id = lru_cache(maxsize=1024)(ids.session_id)
RESPONSES = ("responses", "responses.compact")
"""Endpoints that take what the Responses API names."""


class Replay(msgspec.Struct, frozen=True):
    """That a call's request is made once more."""

    call: str
    """Its id."""
    session: str
    """The name of the session in which the replays of a session are."""
    title: str


class Incoming(msgspec.Struct, frozen=True):
    endpoint: str
    head: Head
    body: bytes
    fields: Fields
    problem: GatewayError | None
    """Set where the body cannot be relayed."""
    model: str = ""
    """As it was asked for."""
    replay: Replay | None = None

    def value(self, name: str) -> object:
        """A field's value, where it is short enough to be one that is looked at."""
        return _field(self.fields, name)

    def text(self, name: str) -> str:
        value = self.value(name)
        return value if isinstance(value, str) else ""

    def object(self, name: str) -> dict[str, object]:
        value = self.value(name)
        return value if isinstance(value, dict) else {}

    @property
    def named(self) -> Named:
        """What it goes on from."""
        responses = self.endpoint in RESPONSES
        if not responses and "x-previous-response-id" not in self.head.headers:
            return NOTHING
        previous = self.text("previous_response_id") if responses else ""
        previous = previous or self.head.headers.get("x-previous-response-id", "")
        conversation = (self.text("conversation") or self.object("conversation").get("id")) if responses else ""
        return Named(
            previous,
            call_named(previous),
            conversation if isinstance(conversation, str) else "",
            item_ids.references(self.body) if responses else [],
        )


class Kept(msgspec.Struct, frozen=True):
    """What may be kept of a request."""

    request: Incoming
    redacting: Redacting | None = None
    """What found it; null where all may be kept."""
    failed: bool = False
    """Whether that could not be found out: nothing may be."""

    def id(self, sent: str, kept: str) -> str:
        """An id that the request has, as it may be kept: as `kept`, which is the same or redacted, but as different
        from others as it was `sent`."""
        kept = self.text(kept)
        return sent if sent == kept or self.redacting is None else self.redacting.named(sent, kept)

    def text(self, text: str) -> str:
        return text if self.redacting is None or self.failed else self.redacting.text(text)

    def items(self, items: list[bytes]) -> list[bytes]:
        return items if self.redacting is None else [self.redacting.body(item) for item in items]


def kept(incoming: Incoming, redacting: Redacting) -> Kept:
    """May take a while where the body is large, and may raise anything."""
    body = redacting.body(incoming.body)
    return Kept(read(incoming.endpoint, Head(redacting.headers(incoming.head.headers)), body), redacting)


def nothing_kept(incoming: Incoming, redacting: Redacting) -> Kept:
    return Kept(Incoming(incoming.endpoint, Head({}), b"{}", {}, None), redacting, failed=True)


def read(endpoint: str, head: Head, body: bytes) -> Incoming:
    try:
        fields = _fields.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        problem = BadRequest(
            "We could not parse the JSON body of your request. The API expects a JSON object.", code="invalid_json"
        )
        return Incoming(endpoint, head, body, {}, problem)
    model = _value(fields["model"]) if "model" in fields else None
    if not model or not isinstance(model, str):
        missing = BadRequest("you must provide a model parameter", param="model", code="missing_model")
        return Incoming(endpoint, head, body, fields, missing)
    incoming = Incoming(endpoint, head, body, fields, None, model)
    return msgspec.structs.replace(incoming, problem=_misnamed(incoming)) if endpoint in RESPONSES else incoming


def _field(fields: Fields, name: str) -> object:
    raw = fields.get(name)
    return None if raw is None else _value(raw)


def _value(raw: msgspec.Raw) -> object:
    text = bytes(raw)
    if len(text) > _MOST_LOOKED_AT and not text.startswith(b'"'):
        return None
    try:
        return msgspec.json.decode(raw)
    except (ValueError, RecursionError):
        return None


def _object(fields: Fields, name: str) -> Fields:
    if name not in fields:
        return {}
    try:
        return _fields.decode(fields[name])
    except (ValueError, RecursionError):
        return {}


def _metadata(fields: Fields) -> dict[str, object]:
    """What of it is looked at, whatever size all of it has."""
    found = _object(fields, "metadata")
    return {name: _value(found[name]) for name in identify.METADATA & found.keys()}


def _misnamed(incoming: Incoming) -> BadRequest | None:
    """What a request goes on from is never passed over in silence."""
    for name in ("previous_response_id", "conversation"):
        if bytes(incoming.fields.get(name, b"null")) == b"null":
            continue
        value = incoming.value(name)
        given = value.get("id") if name == "conversation" and isinstance(value, dict) else value
        if not isinstance(given, str) or len(given) > _MOST_LOOKED_AT:
            return BadRequest(f"'{name}' must be an id.", param=name, code="invalid_type")
    return None


def begin(
    incoming: Incoming, principal: Principal, context: Context, kept: Kept, *, keep_all: bool, threading: bool
) -> Begin:
    """`keep_all`: also what the client wants unkept; `threading`: whether content may tell the session."""
    stored = incoming.endpoint not in RESPONSES or incoming.value("store") is not False
    unkept = _unkept(principal, kept, unkept=not stored and not keep_all)
    state = stored and unkept == ""
    resumable = state and incoming.endpoint != "responses.compact"  # what it gives is input, not a state
    names = _names(incoming, context)
    identity, agent, user, said = names if kept.request is incoming else _kept_names(names, kept, context)
    if replay := incoming.replay:
        identity, agent, said = Identity(replay.session, "replay", "replay"), _NO_AGENT, Labels(replay.title)
    session_text, call_id = identity.text, ids.new_call_id()
    if context.link is not None and identity.source == "response":
        session = context.link.session_id
    elif 0 < len(session_text) <= _MOST_KEPT:
        session = _session_id(principal.call_project, session_text)
    else:
        session = ids.session_id(principal.call_project, session_text or call_id)
    return Begin(
        call_id=call_id,
        at=now_us(),
        project=principal.call_project,
        key_id=principal.key_id,
        session_id=session,
        session_text=session_text or session,
        source=identity.source,
        rule=identity.rule,
        endpoint=incoming.endpoint,
        model=kept.request.model[:500],
        stream=incoming.value("stream") is True and incoming.endpoint != "responses.compact",
        client=kept.request.head.client,
        user=user[:500],
        headers={} if unkept == "key" else kept.request.head.recorded,
        body=record_private.request(kept.request.body) if unkept else kept.request.body,
        private=unkept != "",
        resumable=resumable,
        agent=agent.id[:200],
        agent_name=agent.name[:200],
        agent_parent=agent.parent[:200],
        threading=threading and principal.threading,
        context=_going_on(context, kept, unkept, resumable=resumable),
        name=said.name,
        tags=said.tags,
        unkept=unkept,
        replays=replay.call if replay else "",
    )


def _unkept(principal: Principal, kept: Kept, *, unkept: bool) -> Unkept:
    if kept.failed:
        return "failed"
    if principal.capture == "metadata":
        return "key"
    return "client" if unkept else ""


def _names(incoming: Incoming, context: Context) -> Names:
    """What a request calls its session, its agent and its user, and what it says of the session."""
    agent, said, fields = incoming.head.agent, incoming.head.labels, incoming.fields
    metadata = _metadata(fields)
    identity, user = _in_body(incoming, fields, metadata, context)
    if identify.EXTRA in fields and identity.source != "id":  # one that is where it belongs counts more
        extra = _object(fields, identify.EXTRA)
        identity, user = _in_body(incoming, extra | fields, _metadata(extra) | metadata, context)
    if not agent.id and said.agent:
        parent, _, name = said.agent.rpartition("/")
        agent = Agent(said.agent, name, parent)
    return identity, agent, user, said


def _in_body(incoming: Incoming, fields: Fields, metadata: dict[str, object], context: Context) -> tuple[Identity, str]:
    """The session and the user, as headers and these fields name them."""
    field = None if identify.FIELDS.isdisjoint(fields) else partial(_field, fields)
    identity = identify.session(incoming.head.named, field, metadata, _chain(context))
    return identity, identify.user(field, metadata)


def _kept_names(names: Names, kept: Kept, context: Context) -> Names:
    """The same, as it may be kept."""
    identity, agent, user, _ = names
    its_identity, its_agent, its_user, said = _names(kept.request, context)
    text = its_identity.text if its_identity.rule == identity.rule else "[redacted]"
    return (
        Identity(kept.id(identity.text, text), identity.source, identity.rule),
        Agent(kept.id(agent.id, its_agent.id), kept.text(its_agent.name), kept.id(agent.parent, its_agent.parent)),
        kept.id(user, its_user),
        Labels(kept.text(said.name), [kept.text(tag) for tag in said.tags]),
    )


def _going_on(context: Context, kept: Kept, unkept: Unkept, *, resumable: bool) -> exchange.Context:
    if context is ALONE:
        return _FROM_NOTHING
    found = context.recorded(resumable=resumable)
    if unkept:
        return exchange.Context(found.parent)
    named, items = list(found.references), kept.items(list(found.references.values()))
    return msgspec.structs.replace(
        found, added=kept.items(found.added), references=dict(zip(named, items, strict=True))
    )


def _chain(context: Context) -> Identity | None:
    if context.conversation is not None:
        return Identity(context.conversation.id, "conversation", "conversation")
    return Identity(context.link.session_text, "response", "previous_response_id") if context.link else None


def call_named(answer: str) -> str:
    """The call behind an answer's id, ours or as the LiteLLM SDK wraps it; "" for any other text."""
    if answer.startswith("resp_"):
        try:
            unwrapped = base64.b64decode(answer[5:] + "=" * (-len(answer[5:]) % 4), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            unwrapped = ""
        if unwrapped.startswith(_WRAPPED):
            answer = unwrapped.rpartition("response_id:")[2]
    return ids.call_of(answer)
