"""What is kept of a call's end, where not all of it may be: without what must not be in the log, or without contents.

Pure but for the rules' own state. Nothing here raises: where an answer cannot be redacted, nothing of it is kept.
"""

import logging

import msgspec

from sessionary.record import private
from sessionary.record.exchange import Attempt, Begin, Finish
from sessionary.redaction import Redacting
from sessionary.wire.assemble import Assembled, assemble

log = logging.getLogger("sessionary.record")
_SPACE = b"\xef\xbb\xbf \t\r\n"
_JSON = {"content-type": "application/json"}
_OURS = ("client_closed", "interrupted", "timeout")
"""How a call ends in words of ours."""
_NOTHING = Finish("", 0, "interrupted", 0, "", "", "", None, "", "", [], {}, b"")


class Answer(msgspec.Struct, frozen=True):
    body: bytes
    assembled: Assembled | None = None
    """Of a stream that is kept as the JSON that it amounts to."""


def redacted_answer(begin: Begin, data: bytes, redacting: Redacting) -> Answer:
    """`data` is what was delivered. May take a while where it is much, and may raise anything."""
    if _is_stream(begin, data):
        return Answer(*redacting.stream(data, begin.endpoint))
    return Answer(redacting.body(data))


def redacted(finish: Finish, answer: Answer, redacting: Redacting) -> Finish:
    """`finish` with `answer` in place of what was delivered, and nothing that a rule finds beside it."""
    if answer.assembled is not None:
        finish = _ended(finish, answer.assembled)
    return msgspec.structs.replace(
        finish,
        deployment=redacting.text(finish.deployment),
        upstream_model=redacting.text(finish.upstream_model),
        error_type=redacting.text(finish.error_type),
        error_message=redacting.text(finish.error_message),
        attempts=[_attempt(attempt, redacting) for attempt in finish.attempts],
        headers=redacting.headers(finish.headers),
        body=answer.body,
    )


def without_answer(finish: Finish) -> Finish:
    """Where it could not be redacted."""
    return msgspec.structs.replace(
        _NOTHING,
        call_id=finish.call_id,
        at=finish.at,
        status=finish.status,
        http_status=finish.http_status,
        provider=finish.provider,
        ttft=finish.ttft,
        headers=_JSON,
        price=finish.price,
    )


def without_contents(begin: Begin, finish: Finish) -> Finish:
    """That it was made and what it cost. What a provider or a request is quoted with in an error is contents, too."""
    body = finish.body
    if _is_stream(begin, body):
        assembled = assemble(body, begin.endpoint)
        finish, body = _ended(finish, assembled), assembled.body
    return msgspec.structs.replace(
        finish,
        error_message=finish.error_message if finish.status in _OURS else "",
        attempts=[msgspec.structs.replace(attempt, error="") for attempt in finish.attempts],
        headers=_JSON,
        body=private.answer(body),
    )


def _is_stream(begin: Begin, data: bytes) -> bool:
    return begin.stream and data.lstrip(_SPACE)[:1] not in (b"{", b"[", b"")


def _ended(finish: Finish, assembled: Assembled) -> Finish:
    """A stream that is kept as JSON does not show any more whether it came to its end."""
    error_type = finish.error_type
    if finish.status == "ok" and assembled.error is not None:
        error_type = str(assembled.error.get("type") or assembled.error.get("code") or "upstream_error")
    elif finish.status == "ok" and not assembled.complete:
        error_type = "stream_incomplete"
    return msgspec.structs.replace(
        finish,
        status=finish.status if error_type == finish.error_type else "upstream_error",
        error_type=error_type,
        headers={**finish.headers, **_JSON},
    )


def _attempt(attempt: Attempt, redacting: Redacting) -> Attempt:
    return msgspec.structs.replace(
        attempt,
        deployment=redacting.text(attempt.deployment),
        upstream_model=redacting.text(attempt.upstream_model),
        error=redacting.text(attempt.error),
    )
