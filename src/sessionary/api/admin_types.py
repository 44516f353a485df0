"""What the API answers of projects, keys and models. Times, durations and money as in `types`."""

from typing import Annotated, Literal

import msgspec

from sessionary.api.usage import Use
from sessionary.auth import Capture
from sessionary.settings import Limits

KeyState = Literal["valid", "expired", "revoked"]
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Models = Annotated[list[Annotated[str, msgspec.Meta(min_length=1, max_length=200)]], msgspec.Meta(max_length=200)]


class Project(msgspec.Struct):
    name: str
    created_at: str
    keys: int
    """Those that are valid now."""
    use: Use


class ProjectList(msgspec.Struct):
    data: list[Project]
    """The busiest first."""


class NewProject(msgspec.Struct, forbid_unknown_fields=True):
    name: Name


class Used(msgspec.Struct):
    """How a key stands with the limits that hold for it; null: not limited. Of sessions see their calls' headers."""

    limits: Limits
    """Its own, and those of the configuration where it has none."""
    calls: int | None
    """Of `calls_per_minute`: what has not flowed back yet."""
    tokens: int | None
    """Of `tokens_per_minute`: with what calls that are being answered may use."""
    concurrent: int | None
    """Being answered now."""
    spent: float | None
    """USD, in this period of the budget."""
    reserved: float | None
    """USD that calls of this period may cost that are not stored yet."""
    period_ends: str | None
    """null: never."""


class Key(msgspec.Struct):
    id: str
    project: str
    name: str
    hint: str
    """Its last four characters: the key itself is not kept."""
    models: list[str] | None
    """Those that it may use, as patterns; null: all."""
    threading: bool
    """Whether content may decide which session a call belongs to."""
    capture: Capture
    """What the log has of its calls: all, or that they were made and what they cost."""
    limits: Limits | None
    """Its own; null: those of the configuration."""
    used: Used | None
    """null: it has no limits, or what counts against them cannot be read now."""
    state: KeyState
    created_at: str
    expires_at: str | None
    revoked_at: str | None
    last_used_at: str | None
    """To the minute within two hours, to the hour within a month, else to the day."""
    use: Use


class KeyList(msgspec.Struct):
    data: list[Key]
    """The newest first."""
    master: Use | None
    """Of calls with the master key: for the master key only."""


class NewKey(msgspec.Struct, forbid_unknown_fields=True):
    project: Name
    """Made if it is new."""
    name: str = ""
    """What the key is for; the project's name where it is empty."""
    models: Models | None = None
    expires: str | None = None
    """`30d`, `12h`, or a date as `2027-01-31`."""
    threading: bool = True
    capture: Capture = "full"
    limits: Limits | None = None


class CreatedKey(Key):
    key: str = ""
    """The key itself, for the only time."""


class KeyPatch(msgspec.Struct, forbid_unknown_fields=True):
    name: Name | msgspec.UnsetType = msgspec.UNSET
    models: Models | msgspec.UnsetType | None = msgspec.UNSET
    threading: bool | msgspec.UnsetType = msgspec.UNSET
    capture: Capture | msgspec.UnsetType = msgspec.UNSET
    limits: Limits | msgspec.UnsetType | None = msgspec.UNSET


RateSource = Literal["configuration", "library", "unknown", "free"]


class Rates(msgspec.Struct):
    """USD per million tokens; null: not known."""

    input: float | None
    cached: float | None
    """Input that the provider had in its cache."""
    output: float | None
    source: RateSource
    """`library`: the public table that `ModelList.library` names; `free`: the demo."""


class Deployment(msgspec.Struct):
    name: str
    """As the log shows it."""
    provider: str
    """Its title; "" where none is found."""
    upstream_model: str
    weight: float
    share: float
    """Of the calls, by weight, while none fails."""
    usable: bool
    """Whether its provider is configured: a key, an address."""
    cooling_seconds: float
    """How long it is still left alone because it failed, as the answering process saw it; 0 where it is not."""
    rates: Rates


class Model(msgspec.Struct):
    name: str
    """As clients ask for it."""
    kind: Literal["configured", "pattern", "environment", "demo", "unknown"]
    """`environment`: told by its name alone; `unknown`: nothing would serve it now."""
    pattern: str
    """The configured name with `*` that serves it, or ""."""
    deployments: list[Deployment]
    fallbacks: list[str]
    use: Use


class Library(msgspec.Struct):
    name: str
    version: str
    newest: str | None
    """Day of the newest price in it that has a date."""


class ModelList(msgspec.Struct):
    data: list[Model]
    """The configured ones, in the configuration's order."""
    others: list[Model]
    """Names beside them that were called in these 30 days; the busiest first, at most 200."""
    other_count: int
    providers: list[str]
    """Titles of those that the environment gives, whose models can be asked for by their names."""
    demo: bool
    """Whether the built-in provider answers for every name."""
    library: Library
