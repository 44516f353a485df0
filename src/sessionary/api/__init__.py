"""The read API under `/api`: sessions, calls, search, health, live events."""

from sessionary.api.ledger import books
from sessionary.api.routes import exception_handlers, routes

__all__ = ["books", "exception_handlers", "routes"]
