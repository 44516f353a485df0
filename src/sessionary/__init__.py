"""Sessionary: an LLM gateway that remembers.

Importing the package is cheap: the client part below is loaded when it is first used, the server only by the
command line. `import sessionary as litellm` runs examples written for the LiteLLM SDK.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sessionary.client.calls import acompletion as acompletion
    from sessionary.client.calls import aresponses as aresponses
    from sessionary.client.calls import completion as completion
    from sessionary.client.calls import responses as responses
    from sessionary.client.session import session as session

__version__ = "0.1.0"
__all__ = ["__version__", "acompletion", "aresponses", "completion", "responses", "session"]

_HOMES = {
    "acompletion": "sessionary.client.calls",
    "aresponses": "sessionary.client.calls",
    "completion": "sessionary.client.calls",
    "responses": "sessionary.client.calls",
    "session": "sessionary.client.session",
}


def __getattr__(name: str) -> object:
    home = _HOMES.get(name)
    if home is not None:
        return getattr(import_module(home), name)
    if name[:1].isupper() and (found := import_module("sessionary.client.library").error_class(name)) is not None:
        return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
