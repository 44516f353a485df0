"""Headers of every answer that a browser may show: nothing but our own files may run, and no one may frame us.

The policy has no `unsafe-*`, no nonce and no host: a stored prompt that reaches a page as markup by some mistake
still runs nothing, loads nothing and sends nothing. Style attributes are refused too.
"""

from types import MappingProxyType

from starlette.datastructures import MutableHeaders

CSP = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "connect-src 'self'",
        "img-src 'self' data:",  # pictures and sounds that were said in a call are shown from what is stored of it
        "media-src data:",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)

HEADERS = MappingProxyType(
    {
        "content-security-policy": CSP,
        "x-content-type-options": "nosniff",
        "x-frame-options": "DENY",
        "referrer-policy": "no-referrer",
        "cross-origin-opener-policy": "same-origin",
        "cross-origin-resource-policy": "same-origin",
        "permissions-policy": "camera=(), geolocation=(), microphone=()",
        "cache-control": "no-store",
    }
)


def secure(headers: MutableHeaders) -> None:
    """Adds what is not set yet."""
    for name, value in HEADERS.items():
        headers.setdefault(name, value)
