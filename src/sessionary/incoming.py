"""What a request is, from its headers and the few body fields that matter. Pure.

The body is decoded one level deep: messages stay the bytes that they are.
"""

import base64
import binascii

import msgspec

from sessionary import ids
from sessionary.auth import Principal
from sessionary.errors import BadRequest, GatewayError
from sessionary.record import exchange
from sessionary.record import private as record_private
from sessionary.record.exchange import Begin
from sessionary.record.recorder import now_us
from sessionary.relay import headers as header_rules
from sessionary.sessions import identify
from sessionary.sessions.clients import client_name
from sessionary.sessions.identify import Agent, Identity
from sessionary.sessions.labels import labels
from sessionary.state.context import Context, Named
from sessionary.wire.responses import item_ids

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_WRAPPED = "litellm:"
_MOST_LOOKED_AT = 16_384
RESPONSES = ("responses", "responses.compact")
"""Endpoints that take what the Responses API names."""


class Incoming(msgspec.Struct, frozen=True):
    endpoint: str
    headers: dict[str, str]
    body: bytes
    fields: dict[str, msgspec.Raw]
    problem: GatewayError | None
    """Set where the body cannot be relayed."""

    def value(self, name: str) -> object:
        """A field's value, where it is short enough to be one that is looked at."""
        raw = self.fields.get(name)
        if raw is None or len(bytes(raw)) > _MOST_LOOKED_AT:
            return None
        try:
            return msgspec.json.decode(raw)
        except (msgspec.DecodeError, RecursionError):
            return None

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
        previous = self.text("previous_response_id") if responses else ""
        previous = previous or self.headers.get("x-previous-response-id", "")
        conversation = (self.text("conversation") or self.object("conversation").get("id")) if responses else ""
        return Named(
            previous,
            call_named(previous),
            conversation if isinstance(conversation, str) else "",
            item_ids.references(self.body) if responses else [],
        )


def read(endpoint: str, headers: dict[str, str], body: bytes) -> Incoming:
    try:
        fields = _fields.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        problem = BadRequest(
            "We could not parse the JSON body of your request. The API expects a JSON object.", code="invalid_json"
        )
        return Incoming(endpoint, headers, body, {}, problem)
    incoming = Incoming(endpoint, headers, body, fields, None)
    if not incoming.text("model"):
        missing = BadRequest("you must provide a model parameter", param="model", code="missing_model")
        return msgspec.structs.replace(incoming, problem=missing)
    return msgspec.structs.replace(incoming, problem=_misnamed(incoming)) if endpoint in RESPONSES else incoming


def _misnamed(incoming: Incoming) -> BadRequest | None:
    """What a request goes on from is never passed over in silence."""
    for name in ("previous_response_id", "conversation"):
        if bytes(incoming.fields.get(name, b"null")) == b"null":
            continue
        value = incoming.value(name)
        given = value.get("id") if name == "conversation" and isinstance(value, dict) else value
        if not isinstance(given, str):
            return BadRequest(f"'{name}' must be an id.", param=name, code="invalid_type")
    return None


def begin(incoming: Incoming, principal: Principal, context: Context, *, keep_all: bool, threading: bool) -> Begin:
    """`keep_all`: also what the client wants unkept; `threading`: whether content may tell the session."""
    stored = incoming.endpoint not in RESPONSES or incoming.value("store") is not False
    resumable = stored and incoming.endpoint != "responses.compact"  # what it gives is input, not a state
    private = not stored and not keep_all
    metadata = incoming.object("metadata")
    identity = identify.identify(incoming.headers, incoming.value, metadata, _chain(context))
    said = labels(incoming.headers)
    agent = identify.agent(incoming.headers)
    if not agent.id and said.agent:
        parent, _, name = said.agent.rpartition("/")
        agent = Agent(said.agent, name, parent)
    going_on = context.recorded(resumable=resumable)
    call_id = ids.new_call_id()
    if context.link is not None and identity.source == "response":
        session = context.link.session_id
    else:
        session = ids.session_id(principal.call_project, identity.text or call_id)
    return Begin(
        call_id=call_id,
        at=now_us(),
        project=principal.call_project,
        key_id=principal.key_id,
        session_id=session,
        session_text=identity.text or session,
        source=identity.source,
        rule=identity.rule,
        endpoint=incoming.endpoint,
        model=incoming.text("model")[:500],
        stream=incoming.value("stream") is True and incoming.endpoint != "responses.compact",
        client=client_name(incoming.headers),
        user=identify.user(incoming.value, metadata)[:500],
        headers=header_rules.recorded(incoming.headers),
        body=record_private.request(incoming.body) if private else incoming.body,
        private=private,
        resumable=resumable,
        agent=agent.id[:200],
        agent_name=agent.name[:200],
        agent_parent=agent.parent[:200],
        threading=threading and principal.threading,
        context=exchange.Context(going_on.parent) if private else going_on,
        name=said.name,
        tags=said.tags,
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
