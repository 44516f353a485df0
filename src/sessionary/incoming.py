"""What a request is, from its headers and the few body fields that matter. Pure.

The body is decoded one level deep: messages stay the bytes that they are.
"""

import base64
import binascii

import msgspec

from sessionary import ids
from sessionary.auth import Principal
from sessionary.errors import BadRequest, GatewayError
from sessionary.record import private
from sessionary.record.exchange import Begin
from sessionary.record.recorder import now_us
from sessionary.relay import headers as header_rules
from sessionary.relay.crossing import call_of
from sessionary.sessions.clients import client_name
from sessionary.sessions.identify import Identity, identify
from sessionary.state import Link

_fields = msgspec.json.Decoder(dict[str, msgspec.Raw])
_WRAPPED = "litellm:"
_MOST_LOOKED_AT = 16_384


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
    def previous(self) -> str:
        """The id of the answer that it goes on from, as the client gave it; "" where it gives none."""
        given = self.text("previous_response_id") if self.endpoint == "responses" else ""
        return given or self.headers.get("x-previous-response-id", "")


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
    return incoming


def begin(incoming: Incoming, principal: Principal, link: Link | None, *, keep_all: bool) -> Begin:
    """`link` is the call that it goes on from; `keep_all`: also what the client wants unkept."""
    unkept = incoming.endpoint == "responses" and incoming.value("store") is False and not keep_all
    chain = Identity(link.session_text, "response", "previous_response_id") if link else None
    identity = identify(incoming.headers, incoming.value, incoming.object("metadata"), chain)
    call_id = ids.new_call_id()
    if link is not None and identity.source == "response":
        session = link.session_id
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
        stream=incoming.value("stream") is True,
        client=client_name(incoming.headers),
        user=incoming.text("user")[:500],
        headers=header_rules.recorded(incoming.headers),
        body=private.request(incoming.body) if unkept else incoming.body,
        private=unkept,
        agent=identity.agent[:200],
        parent=link.call_id if link else "",
    )


def call_named(answer: str) -> str:
    """The call behind an answer's id, ours or as the LiteLLM SDK wraps it; "" for any other text."""
    if answer.startswith("resp_"):
        try:
            unwrapped = base64.b64decode(answer[5:] + "=" * (-len(answer[5:]) % 4), validate=True).decode()
        except (binascii.Error, UnicodeDecodeError, ValueError):
            unwrapped = ""
        if unwrapped.startswith(_WRAPPED):
            answer = unwrapped.rpartition("response_id:")[2]
    return call_of(answer)
