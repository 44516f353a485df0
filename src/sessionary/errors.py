"""Every failure the gateway can answer with. (Anthropic's format of it: `wire.messages.errors`.)

    SessionaryError
    ├── SettingsError          start-up: a configuration that cannot be used
    └── GatewayError           an answer to a caller
        ├── BadRequest         400
        │   └── MethodNotAllowed 405
        ├── Unauthenticated    401
        ├── Forbidden          403
        ├── NotFound           404
        │   ├── ModelNotFound  404
        │   ├── Emptied        404
        │   ├── PreviousResponseNotFound 404
        │   ├── ResponseNotFound 404
        │   ├── ConversationNotFound 404
        │   └── ItemNotFound   404
        ├── RequestTimeout     408
        ├── PayloadTooLarge    413
        ├── TargetTooLong      414
        ├── HeadTooLarge       431
        ├── RateLimited        429
        ├── Overloaded         503
        ├── Interrupted        503
        ├── StoreUnavailable   503
        ├── UpstreamError      502
        └── UpstreamTimeout    504

A GatewayError carries what a caller may read and nothing else: no trace, SQL, path or host.
"""

from collections.abc import Mapping

import msgspec


class SessionaryError(Exception):
    """Something went wrong."""

    def __init__(self, message: str | None = None) -> None:
        self.message = message or (self.__doc__ or "").split("\n")[0]
        super().__init__(self.message)


class SettingsError(SessionaryError):
    """The configuration cannot be used."""


class GatewayError(SessionaryError):
    """The request could not be served."""

    status = 500
    type = "server_error"
    code: str | None = None

    def __init__(
        self,
        message: str | None = None,
        *,
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """`headers`: what the answer has beside its usual ones, as `retry-after`."""
        super().__init__(message)
        self.param = param
        self.code = code or type(self).code
        self.headers = dict(headers or {})


class BadRequest(GatewayError):
    """The request is not valid."""

    status = 400
    type = "invalid_request_error"


class MethodNotAllowed(BadRequest):
    """This path takes another method."""

    status = 405
    code = "method_not_allowed"


class Unauthenticated(GatewayError):
    """No valid API key was given. Send it as `Authorization: Bearer KEY` or `x-api-key: KEY`."""

    status = 401
    type = "authentication_error"
    code = "invalid_api_key"


class Forbidden(GatewayError):
    """This key may not do that."""

    status = 403
    type = "permission_error"
    code = "permission_denied"


class NotFound(GatewayError):
    """Not found."""

    status = 404
    type = "invalid_request_error"
    code = "not_found"


class Emptied(NotFound):
    """What was said here has been deleted, as the settings for retention say."""

    code = "contents_deleted"


class ModelNotFound(NotFound):
    """The model does not exist, or no provider is configured for it."""

    code = "model_not_found"


class PreviousResponseNotFound(NotFound):
    """The answer to go on from is not known."""

    code = "previous_response_not_found"

    def __init__(self, given: str) -> None:
        super().__init__(f"Previous response with id '{given[:200]}' not found.", param="previous_response_id")


class ResponseNotFound(NotFound):
    """There is no such response."""

    def __init__(self, given: str) -> None:
        super().__init__(f"Response with id '{given[:200]}' not found.")


class ConversationNotFound(NotFound):
    """There is no such conversation."""

    def __init__(self, given: str) -> None:
        super().__init__(f"Conversation with id '{given[:200]}' not found.", param="conversation")


class ItemNotFound(NotFound):
    """There is no such item."""

    def __init__(self, given: str) -> None:
        super().__init__(f"Item with id '{given[:200]}' not found.", param="input")


class RequestTimeout(GatewayError):
    """The request did not come in time."""

    status = 408
    type = "timeout_error"
    code = "request_timeout"


class PayloadTooLarge(GatewayError):
    """The request body is larger than this gateway accepts."""

    status = 413
    type = "invalid_request_error"
    code = "request_too_large"


class TargetTooLong(GatewayError):
    """The request's path and query are longer than this gateway accepts."""

    status = 414
    type = "invalid_request_error"
    code = "target_too_long"


class HeadTooLarge(GatewayError):
    """The request's headers are more than this gateway accepts."""

    status = 431
    type = "invalid_request_error"
    code = "headers_too_large"


class RateLimited(GatewayError):
    """This key has asked for as much as it may."""

    status = 429
    type = "rate_limit_error"
    code = "rate_limit_exceeded"


class Overloaded(GatewayError):
    """The gateway cannot take this call now."""

    status = 503
    type = "overloaded_error"
    code = "overloaded"


class Interrupted(GatewayError):
    """The gateway was stopped while the call was in flight."""

    status = 503
    type = "server_error"
    code = "interrupted"


class StoreUnavailable(GatewayError):
    """What was said before cannot be read now: the gateway's store does not answer."""

    status = 503
    type = "server_error"
    code = "store_unavailable"


class UpstreamError(GatewayError):
    """The provider could not be reached, or broke off its answer."""

    status = 502
    type = "upstream_error"
    code = "upstream_unreachable"


class UpstreamTimeout(UpstreamError):
    """The provider did not answer in time."""

    status = 504
    type = "timeout_error"
    code = "upstream_timeout"


def body(error: GatewayError, request_id: str) -> bytes:
    """`error` as a JSON body in OpenAI's format: chat, responses, and our own API."""
    return msgspec.json.encode(
        {
            "error": {
                "message": error.message,
                "type": error.type,
                "param": error.param,
                "code": error.code,
                "request_id": request_id,
            }
        }
    )
