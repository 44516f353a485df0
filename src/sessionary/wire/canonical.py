"""The one form between the wire formats. A format reads into it and writes out of it; translation is both. Pure.

Every part keeps its *origin*: the JSON value it was read from. A format that writes a part of its own origin gives
that value back, so nothing that only this format knows is lost (signatures, cache marks, unknown fields); a
foreign part is written by what it means. What a format cannot say at all is an `Unsupported`, never dropped.
"""

from typing import Any, Literal

import msgspec

from sessionary.settings import tree
from sessionary.wire.message import Piece, Role, Usage

Format = tree.Format
Stop = Literal["stop", "length", "tool_calls", "refusal", "content_filter", "pause", "error"]


class Unsupported(ValueError):
    """The target format or provider cannot express `field` (a JSON path in the caller's request)."""

    def __init__(self, field: str, why: str) -> None:
        super().__init__(f"{field}: {why}")
        self.field = field
        self.why = why


class Part(msgspec.Struct, frozen=True):
    """One part of a message: what it shows and means, and what it was read from."""

    piece: Piece
    format: Format
    origin: Any
    """The part, message or item as it came (parsed JSON). Parts of one message may share it."""
    signature: str = ""
    """Of reasoning: what proves it to the provider that made it (`signature`, `encrypted_content`)."""
    redacted: bool = False
    """Reasoning whose text is only in `signature`."""
    kind: str = "function"
    """Of a tool call: `function`, `custom`, or the provider's own tool."""


class Turn(msgspec.Struct, frozen=True):
    """One message (chat, messages) or item (responses)."""

    role: Role
    parts: list[Part]
    name: str = ""
    phase: str = ""
    """Responses: `commentary` or `final_answer`."""
    origin: Any = None
    """The message it was read from, where its parts have smaller origins (chat)."""


class Tool(msgspec.Struct, frozen=True):
    """`kind` is `function`, `custom`, or a provider's own tool, which only its format can write."""

    kind: str
    name: str
    description: str
    schema: dict[str, Any] | None
    strict: bool | None
    format: Format
    origin: Any


class Reasoning(msgspec.Struct, frozen=True):
    effort: str = ""
    """none, minimal, low, medium, high, xhigh, max"""
    budget: int | None = None
    summary: str = ""
    adaptive: bool = False


class Params(msgspec.Struct, frozen=True):
    """A request without its messages. None: not said. `origin` is the whole body's other fields, by format."""

    model: str
    stream: bool = False
    tools: list[Tool] = []
    tool_choice: Literal["auto", "none", "required"] | str | None = None
    """Or the name of the one function to call."""
    parallel_tool_calls: bool | None = None
    max_output: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    stop: list[str] = []
    json_schema: dict[str, Any] | None = None
    """{name, schema, strict?, description?}"""
    json_object: bool = False
    reasoning: Reasoning | None = None
    verbosity: str = ""
    logprobs: int | None = None
    """Alternatives wanted; 0: only the chosen token's."""
    seed: int | None = None
    n: int = 1
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    user: str = ""
    service_tier: str = ""
    store: bool | None = None
    metadata: dict[str, str] = {}
    format: Format = "chat"
    rest: dict[str, Any] = {}
    """Fields that no other format has; a same-format writer puts them back."""
    spelled: dict[str, Any] = {}
    """Fields that are told above and were not spelled as `format` usually spells them; for the same format alone."""


class Request(msgspec.Struct, frozen=True):
    params: Params
    system: list[Turn]
    """System and developer turns that lead the conversation."""
    turns: list[Turn]


class Answer(msgspec.Struct, frozen=True):
    """A whole answer. `turns` are what the model said, in order (several items in responses)."""

    id: str
    model: str
    turns: list[Turn]
    stop: Stop
    stop_sequence: str = ""
    usage: Usage | None = None
    created: int = 0
    service_tier: str = ""
    logprobs: list[Any] | None = None
    """Of the text, as chat has them: [{token, logprob, bytes, top_logprobs}]."""
    error: dict[str, Any] | None = None
    format: Format = "chat"
    origin: Any = None
    """The body it was read from; a writer of the same format gives it back."""


# A stream, as it is told between formats: Started, then for each part Opened, Delta*, Closed (with the whole part),
# then Ended or Failed. Parts come one after another; parallel tool calls of chat are told as they close.


class Started(msgspec.Struct, frozen=True):
    id: str
    model: str
    created: int
    usage: Usage | None = None


class Opened(msgspec.Struct, frozen=True):
    """`piece` has no text or arguments yet: only type, and for tool calls id and name."""

    index: int
    piece: Piece
    kind: str = "function"


class Delta(msgspec.Struct, frozen=True):
    """`text` continues the part: its text, or a tool call's arguments as JSON text. `signature` continues that."""

    index: int
    text: str = ""
    signature: str = ""
    logprobs: list[Any] | None = None


class Closed(msgspec.Struct, frozen=True):
    index: int
    part: Part


class Ended(msgspec.Struct, frozen=True):
    stop: Stop
    usage: Usage | None
    stop_sequence: str = ""


class Failed(msgspec.Struct, frozen=True):
    type: str
    message: str
    code: str = ""


Told = Started | Opened | Delta | Closed | Ended | Failed
