"""Reasoning that one format carries for the provider of another. Pure.

A signature (Anthropic's `signature`, OpenAI's `encrypted_content`) is understood by the provider that made it and
refused by any other. So where a client's format carries the reasoning of another, its signature says whose it is:

    sessionary:<format>:<signed | redacted>:<the signature as it was>

A client sends that back as it sends any signature. Its maker is then given it as it was; any other provider is not
shown that reasoning, which every provider permits.
"""

from typing import Any, get_args

import msgspec

from sessionary.wire.canonical import Format, Part
from sessionary.wire.message import Piece

_MARK = "sessionary:"


class Proof(msgspec.Struct, frozen=True):
    format: Format
    """Of the provider that made the reasoning."""
    signature: str
    """As it was made; empty where there is none."""
    redacted: bool
    """The text is only in the signature."""


def proof(part: Part) -> Proof:
    """Of a reasoning part, in whichever format it came."""
    return _marked(part.signature) or Proof(part.format, part.signature, part.redacted)


def native(part: Part, format: Format) -> str | None:
    """The signature for a provider of `format`; None where the reasoning is not of its making."""
    found = proof(part)
    return found.signature if found.format == format else None


def carried(part: Part, by: Format) -> str:
    """The signature for a client that speaks `by`."""
    found = proof(part)
    if found.format == by:
        return found.signature
    return f"{_MARK}{found.format}:{'redacted' if found.redacted else 'signed'}:{found.signature}"


def read(signature: str, text: str) -> Part | None:
    """The reasoning as its maker would have it; None where it is of the format that it came in."""
    found = _marked(signature)
    if found is None:
        return None
    piece, origin = Piece("reasoning", text=text), _origin(found, text)
    return Part(piece, found.format, origin, found.signature, found.redacted)


def _marked(signature: str) -> Proof | None:
    if not signature.startswith(_MARK):
        return None
    format, _, rest = signature.removeprefix(_MARK).partition(":")
    how, colon, inner = rest.partition(":")
    known = next((known for known in get_args(Format) if known == format), None)
    return Proof(known, inner, how == "redacted") if known and colon else None


def _origin(found: Proof, text: str) -> Any:
    if found.format == "messages":
        if found.redacted:
            return {"type": "redacted_thinking", "data": found.signature}
        return {"type": "thinking", "thinking": text, "signature": found.signature}
    if found.format == "responses":
        summary = [{"type": "summary_text", "text": text}] if text else []
        return {"type": "reasoning", "summary": summary, "encrypted_content": found.signature}
    return None
