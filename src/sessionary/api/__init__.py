"""The API under `/api`: sessions, calls, search, live events, keys, models, health."""

from sessionary.api.gauges import gauge
from sessionary.api.growing import Growing
from sessionary.api.ledger import Accounts
from sessionary.api.routes import exception_handlers, routes
from sessionary.api.scraped import scraped

__all__ = ["Accounts", "Growing", "exception_handlers", "gauge", "routes", "scraped"]
