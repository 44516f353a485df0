"""Identifiers and hashes. Pure.

- Call ids are UUIDv7 in base32hex: they sort by time, and no counter is shared between workers.
- Session ids are derived from (project, the text the client sent), so any worker or gateway names the
  same session without asking a database.
- `digest` is the one hash of the message tree: SHA-256 cut to 128 bits.
"""

import base64
import hashlib
import os
import re
import time

DIGEST_SIZE = 16
_TEXT = "[0-9a-v]{26}"
_OURS = re.compile(f"ses_{_TEXT}")
_CALL = re.compile(f"resp_({_TEXT})")
_CONVERSATION = re.compile(f"conv_{_TEXT}")


def _text(raw: bytes) -> str:
    return base64.b32hexencode(raw).decode("ascii").rstrip("=").lower()


def digest(*parts: bytes) -> bytes:
    """The 16-byte hash of `parts`. Callers make the split unambiguous: all but the last part have a fixed size."""
    h = hashlib.sha256()
    for part in parts:
        h.update(part)
    return h.digest()[:DIGEST_SIZE]


def uuid7(now_ms: int | None = None) -> bytes:
    """16 bytes: 48 bits of milliseconds, then random (RFC 9562, section 5.7)."""
    ms = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    raw = bytearray(ms.to_bytes(6, "big") + os.urandom(10))
    raw[6] = 0x70 | (raw[6] & 0x0F)
    raw[8] = 0x80 | (raw[8] & 0x3F)
    return bytes(raw)


def new_call_id() -> str:
    return "call_" + _text(uuid7())


def new_answer_id() -> str:
    """For answers that no model made."""
    return "resp_" + _text(uuid7())


def new_conversation_id() -> str:
    return "conv_" + _text(uuid7())


def is_conversation(text: str) -> bool:
    """Whether it can be the id of a conversation: any other text need not be looked for."""
    return _CONVERSATION.fullmatch(text) is not None


def call_of(answer: str) -> str:
    """The call whose answer has this id; "" for what is not of our making."""
    found = _CALL.fullmatch(answer)
    return f"call_{found[1]}" if found else ""


def new_request_id() -> str:
    """For answers that belong to no recorded call."""
    return "req_" + _text(uuid7())


def new_key_id() -> str:
    """Short, for people type it: `sessionary keys revoke ID`."""
    return "key_" + _text(os.urandom(10))


def session_id(project: int, text: str) -> str:
    """Our id of the session a client calls `text`; an id that is already ours stays as it is."""
    if _OURS.fullmatch(text):
        return text
    return "ses_" + _text(digest(project.to_bytes(8, "big"), text.encode("utf-8", "surrogatepass")))


def scope(key_id: str, user: str) -> int:
    """A short number of a key and its end user, by which indexes tell calls apart; other ones may have it too."""
    return int.from_bytes(digest(digest(key_id.encode()), user.encode("utf-8", "surrogatepass"))[:4], "big") >> 1


def root_node(project: int) -> bytes:
    """The parent of every first message: scopes all hashes below it to the project."""
    return digest(b"sessionary-root", project.to_bytes(8, "big"))
