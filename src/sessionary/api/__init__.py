"""The read API under `/api`: sessions, calls, search, live events."""

from sessionary.api.routes import exception_handlers, routes

__all__ = ["exception_handlers", "routes"]
