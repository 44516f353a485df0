"""What the API answers about lists: their fields, suggestions, summaries, and saved views."""

from typing import Literal

import msgspec

from sessionary.api.fields import Field


class Fields(msgspec.Struct):
    data: tuple[Field, ...]


class Suggestions(msgspec.Struct):
    data: list[str]


class Bar(msgspec.Struct):
    """What began within a step of time. `cost` is in dollars, of the calls whose price is known."""

    at: str
    calls: int
    errors: int
    cost: float


class Value(msgspec.Struct):
    value: str
    count: int


class Facet(msgspec.Struct):
    """The commonest values of a field; the counts are of all that matches (`exact`), or of the newest `counted`."""

    field: str
    values: list[Value]
    exact: bool


class Summary(msgspec.Struct):
    since: str
    until: str
    step_ms: int
    bars: list[Bar]
    facets: list[Facet]
    matched: int
    more: bool
    """Whether there are more than `matched`."""
    exact: bool
    """Whether the bars have all that passed; else they have the newest `counted` that match."""
    counted: int


class View(msgspec.Struct):
    id: str
    name: str
    page: Literal["sessions", "calls"]
    query: str
    """The page's parameters, as in its address."""


class SavedViews(msgspec.Struct):
    data: list[View]


class NewView(msgspec.Struct):
    name: str
    page: Literal["sessions", "calls"]
    query: str
