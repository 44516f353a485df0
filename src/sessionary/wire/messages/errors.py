"""Failures as the Messages API says them. Pure. (Anthropic API reference, Errors.)"""

from typing import Any

from sessionary.errors import GatewayError
from sessionary.wire import loose
from sessionary.wire.canonical import Failed

Body = dict[str, Any]
_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    408: "timeout_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}
_KNOWN = frozenset(_TYPES.values())
_SAID = {
    "server_error": "api_error",
    "upstream_error": "api_error",
    "insufficient_quota": "billing_error",
    "rate_limit_exceeded": "rate_limit_error",
    "requests": "rate_limit_error",
    "tokens": "rate_limit_error",
    "server_is_overloaded": "overloaded_error",
}
"""What OpenAI's formats call a failure that has begun as an answer, and so has no status."""


def type_of(status: int) -> str:
    return _TYPES.get(status, "invalid_request_error" if 400 <= status < 500 else "api_error")


def known(said: str) -> str:
    """A type of this format for a type of any."""
    return said if said in _KNOWN else _SAID.get(said, "api_error")


def body(error: GatewayError, request_id: str) -> bytes:
    return loose.encode(write(error.status, error.type, error.message) | {"request_id": request_id})


def write(status: int, type: str, message: str) -> Body:
    """The status decides: `type` is another format's word."""
    return {"type": "error", "error": {"type": type_of(status), "message": message}}


def event(failed: Failed) -> bytes:
    """The end of a stream."""
    error = {"type": known(failed.type), "message": failed.message}
    return b"event: error\ndata: " + loose.encode({"type": "error", "error": error}) + b"\n\n"


def read(body: Any) -> Body | None:
    """{type, message, …} of an error body or event; None where it is none."""
    if not isinstance(body, dict) or (body.get("type") != "error" and "error" not in body):
        return None
    error = body.get("error")
    if not isinstance(error, dict):
        return {"type": "api_error", "message": str(error or "")} if body.get("type") == "error" or error else None
    return error
