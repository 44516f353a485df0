"""The canonical message: what any wire format's message means. The pages render it, the tree hashes it.

`Message` is for showing: everything a person should see. `Meaning` (bytes) is for identity: what two clients
that resend the same message agree on. Both come from one reading of the wire bytes.
"""

from typing import Any, Literal

import msgspec

Role = Literal["system", "user", "assistant", "tool"]


class Piece(msgspec.Struct, frozen=True, omit_defaults=True):
    """One part of a message. Which fields are set depends on `type`:

    text, reasoning, refusal      text; of a text `annotations`: what it cites, as the provider writes it;
                                  of reasoning that is not shown `detail`: `redacted` or `encrypted`
    image, audio, file            url (http(s): or data:), media_type, name, detail
    tool_call                     id, name, arguments (parsed JSON where it parses, else the string), kind
    tool_result                   id, content (pieces), error
    other                         value: the part as it came

    `kind` is empty for a call of a function; `custom` for a tool that takes free text; else the type that the
    provider's own item or block has (`web_search_call`, `server_tool_use`, …), with an MCP server's name as `detail`.
    It tells how the call is shown, not what it means.
    """

    type: Literal["text", "reasoning", "refusal", "image", "audio", "file", "tool_call", "tool_result", "other"]
    text: str = ""
    url: str = ""
    media_type: str = ""
    name: str = ""
    detail: str = ""
    id: str = ""
    arguments: object = None
    content: "list[Piece]" = []
    error: bool = False
    value: object = None
    kind: str = ""
    annotations: list[Any] = []


class Message(msgspec.Struct, frozen=True, omit_defaults=True):
    role: Role
    pieces: list[Piece]
    name: str = ""


class Usage(msgspec.Struct, frozen=True):
    """Tokens of one call. `input` includes `cached` and `cache_write`; `output` includes `reasoning`."""

    input: int
    output: int
    cached: int = 0
    cache_write: int = 0
    reasoning: int = 0
    estimated: bool = False
