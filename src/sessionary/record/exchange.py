"""The recorded bytes of a call, as the spool carries them. Pure data; encoded as MessagePack.

A call is one `Begin`, any number of `Part`s (a stream's bytes so far, once a second) and exactly one `Finish`.
The answer's bytes are the parts' data in order of `seq`, then the finish's `body`.
Times are integers: microseconds since 1970, UTC; durations are microseconds.
"""

from typing import Literal

import msgspec

from sessionary.settings import Price

Status = Literal["live", "ok", "upstream_error", "timeout", "client_closed", "interrupted", "rejected"]
Unkept = Literal["", "client", "key", "failed"]
"""The client asked so; its key records metadata only; what must not be in the log could not be taken out."""
Source = Literal["id", "harness", "response", "conversation", "content", "replay", "none"]


class Context(msgspec.Struct, frozen=True, array_like=True):
    """What a call goes on from without sending it again."""

    parent: str = ""
    """The call whose answer it goes on from."""
    conversation: str = ""
    edit: int = 0
    """Which state of the conversation, as edited by hand, it goes on from."""
    added: list[bytes] = []
    """Items that were put into the conversation after the parent's answer."""
    references: dict[str, bytes] = {}
    """Items that the request names by their ids."""


class Begin(msgspec.Struct, frozen=True, tag="begin", array_like=True):
    """The request, before the upstream sees a byte of it. `body` is exactly what the client sent."""

    call_id: str
    at: int
    project: int
    key_id: str
    session_id: str
    """Ours: `ses_…`."""
    session_text: str
    """The id the client sent, verbatim; ours where it sent none."""
    source: Source
    rule: str
    """Which header, field or rule decided: `metadata.litellm_session_id`, `x-session-id`, `none`."""
    endpoint: str
    """As `edge` names it."""
    model: str
    stream: bool
    client: str
    user: str
    headers: dict[str, str]
    """Request headers, by allow-list: never a credential."""
    body: bytes
    agent: str = ""
    private: bool = False
    """The client asked that nothing be kept: `body` is metadata only."""
    resumable: bool = True
    """Whether a later call may go on from this one."""
    context: Context = Context()
    name: str = ""
    """What the client calls the session."""
    tags: list[str] = []
    """The client's, for the session."""
    agent_name: str = ""
    """For people."""
    agent_parent: str = ""
    """The agent that started this one; "" for the main one."""
    threading: bool = True
    """Whether content may decide which session the call belongs to, where it does not say so itself."""
    number: int = 0
    """Which of its writer's calls it is in the spool, from 1 on; 0: nobody counted."""
    unkept: Unkept = ""
    """Why nothing is kept of what was said, where it is `private`."""
    replays: str = ""
    """The call whose request is made once more here, most often to another model; "" where it is a client's own."""


class Part(msgspec.Struct, frozen=True, tag="part", array_like=True):
    """Bytes of a streamed answer since the last part."""

    call_id: str
    seq: int
    data: bytes


class Attempt(msgspec.Struct, frozen=True, array_like=True):
    """One try at one deployment. `http_status` is 0 where no answer came."""

    provider: str
    deployment: str
    upstream_model: str
    at: int
    duration: int
    http_status: int
    error: str = ""
    dropped: tuple[str, ...] = ()
    """What the deployment cannot do, and was asked without."""


class Finish(msgspec.Struct, frozen=True, tag="finish", array_like=True):
    """How the call ended. Exactly one per begun call, before the client gets its last byte."""

    call_id: str
    at: int
    status: Status
    http_status: int
    provider: str
    deployment: str
    upstream_model: str
    ttft: int | None
    """Until the first byte of the answer's body was passed on."""
    error_type: str
    error_message: str
    attempts: list[Attempt]
    headers: dict[str, str]
    """The upstream's response headers, by allow-list."""
    body: bytes
    price: Price | None = None
    """What the configuration said of the deployment when it was called; null: the public table decides."""
    parts: int | None = None
    """How many came before; null: nobody counted."""


Record = Begin | Part | Finish

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Record)


def encode(record: Record) -> bytes:
    return _encoder.encode(record)


def decode(payload: bytes) -> Record:
    """Raises msgspec.DecodeError on anything that is not a record."""
    record: Record = _decoder.decode(payload)
    return record
