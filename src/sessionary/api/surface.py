"""Every address that the gateway answers, and what it needs: the permission table of `docs/reference/permissions.md`.

What is not in here is not served: tests hold the routes of edge, API and pages against it, in both directions.
"""

import msgspec

from sessionary.api.permissions import Needs
from sessionary.api.table import TABLE


class Listed(msgspec.Struct, frozen=True):
    method: str
    path: str
    needs: Needs
    summary: str


def _calls(*rows: tuple[str, str, str]) -> tuple[Listed, ...]:
    return tuple(Listed(method, path, "call", summary) for method, path, summary in rows)


def _pages(*rows: tuple[str, str, str]) -> tuple[Listed, ...]:
    return tuple(Listed(method, path, "page", summary) for method, path, summary in rows)


LLM = _calls(
    ("POST", "/chat/completions", "OpenAI's chat completions, streamed and not"),
    ("POST", "/responses", "OpenAI's responses, with state for every provider"),
    ("GET", "/responses/{id}", "A response that was stored"),
    ("DELETE", "/responses/{id}", "Makes a response unknown"),
    ("POST", "/responses/{id}/cancel", "Ends a response in the background"),
    ("GET", "/responses/{id}/input_items", "What a response was asked"),
    ("POST", "/responses/input_tokens", "A request's tokens, counted"),
    ("POST", "/responses/compact", "A conversation made shorter"),
    ("POST", "/conversations", "A conversation that responses can go on from"),
    ("GET", "/conversations/{id}", "A conversation"),
    ("POST", "/conversations/{id}", "Gives a conversation other metadata"),
    ("DELETE", "/conversations/{id}", "Makes a conversation unknown"),
    ("GET", "/conversations/{id}/items", "A conversation's items"),
    ("POST", "/conversations/{id}/items", "Adds items to a conversation"),
    ("GET", "/conversations/{id}/items/{item}", "One item of a conversation"),
    ("DELETE", "/conversations/{id}/items/{item}", "Takes an item out of a conversation"),
    ("POST", "/messages", "Anthropic's messages, streamed and not"),
    ("POST", "/messages/count_tokens", "A request's tokens, counted as Anthropic does"),
    ("POST", "/completions", "OpenAI's completions, streamed and not"),
    ("POST", "/embeddings", "OpenAI's embeddings"),
    ("GET", "/models", "The models that can be asked for"),
    ("GET", "/models/{id}", "One model"),
)
"""Each also under `/v1`."""
SOCKETS = _calls(("WebSocket", "/responses", "The same turns on one connection; the key is looked at before each"))
API = tuple(Listed(entry.method, entry.path, entry.needs, entry.summary) for entry in TABLE)
PAGES = (
    *_pages(
        ("GET", "/ui/", "Sessions"),
        ("GET", "/ui/sessions/{id}", "One session"),
        ("GET", "/ui/calls", "Calls"),
        ("GET", "/ui/calls/{id}", "Leads to the call in its session"),
        ("GET", "/ui/compare", "Two sessions side by side"),
        ("GET", "/ui/keys", "Keys and projects; changes need the master key, as in the API"),
        ("GET", "/ui/models", "Models and prices"),
        ("GET", "/ui/health", "How calls find their sessions; the gateway itself, with the master key"),
        ("GET", "/ui/audit", "Who did what"),
        ("GET", "/ui/{page}", "Anything else: that there is no such page"),
        ("POST", "/ui/demo", "Fills in demo sessions, in the key's own project"),
        ("POST", "/ui/demo/clear", "Takes demo sessions away, of the key's own project"),
    ),
    Listed("GET", "/ui", "nothing", "Leads to the pages"),
    Listed("GET", "/ui/login", "nothing", "Asks for a key, or takes a one-time link"),
    Listed("POST", "/ui/login", "nothing", "A key for a cookie"),
    Listed("POST", "/ui/logout", "nothing", "Ends the cookie that it comes with"),
    Listed("GET", "/ui/static", "nothing", "Scripts and styles: the same for everybody"),
)
OPERATION = (
    Listed("GET", "/", "nothing", "Leads to the pages"),
    Listed("GET", "/health/live", "nothing", "Whether the process answers"),
    Listed("GET", "/health/ready", "nothing", "Whether calls can be relayed and recorded"),
    Listed("GET", "/metrics", "read", "The gateway's figures, of all projects together: numbers, and no names"),
)
EVERYTHING = (*LLM, *SOCKETS, *API, *PAGES, *OPERATION)
