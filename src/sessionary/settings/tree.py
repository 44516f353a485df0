"""Every setting, with its default. The reference table in the docs is generated from these docstrings.

Durations are seconds. Secrets are resolved when the file is read and appear in no repr.
"""

from pathlib import Path
from typing import Literal

import msgspec

Format = Literal["chat", "responses", "messages"]


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """USD per million tokens. What is null falls back to `input` (cached, cache_write) or `output` (reasoning)."""

    input: float
    """Input tokens."""
    output: float
    """Output tokens."""
    cached: float | None = None
    """Input tokens that the provider had in its cache."""
    cache_write: float | None = None
    """Input tokens that the provider put into its cache."""
    reasoning: float | None = None
    """Output tokens that were thinking."""


class Deployment(msgspec.Struct, frozen=True):
    """One place that serves a model."""

    provider: str
    """A row of the provider catalogue: `openai`, `azure`, `ollama`, `openai-compatible`, `demo`, …
    In a file it may stand before the model instead: `openai/gpt-4o`. Empty: told by the model's name."""
    model: str
    """The name the provider knows. A `*` in it is what the `*` of the model's `name` stands for."""
    name: str = ""
    """Shown in the log; `provider/model` where empty."""
    base_url: str | None = None
    """Null: the provider's variable (`OPENAI_BASE_URL`, …), else its home."""
    api_key: str | None = None
    """Null: the provider's variable (`OPENAI_API_KEY`, …), unless `base_url` leads elsewhere than the environment."""
    api_version: str | None = None
    """Azure only."""
    weight: float = 1.0
    """Its share of the calls, beside the other deployments of the model; 0: only when they have failed."""
    timeout: float | None = None
    """In place of the general one."""
    price: Price | None = None
    """Null: the public price list."""
    formats: tuple[Format, ...] = ()
    """Wire formats that it speaks, of `chat`, `responses`, `messages`, best first; empty: those of its provider."""
    place: str = ""
    """Where it is configured: `config.yaml:12`. Not an option."""

    def __repr__(self) -> str:
        return f"Deployment({self.provider}/{self.model})"


class Model(msgspec.Struct, frozen=True):
    """A model name that clients may ask for, and what serves it."""

    name: str
    """What clients ask for. `*` stands for any text: `openai/*`; the longest pattern that fits is taken."""
    deployments: list[Deployment]
    """One at least; a model with a single one may have its options beside the name instead."""
    fallbacks: list[str] = []
    """Model names tried in order when every deployment of this one has failed."""
    place: str = ""
    """Where it is configured. Not an option."""


class Limits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How much may be asked for. What is null is not limited."""

    calls_per_minute: int | None = None
    """Calls of a key: so many at once, and as many again within each minute."""
    tokens_per_minute: int | None = None
    """Tokens of a key, sent and received."""
    concurrent: int | None = None
    """Calls of a key that are being answered."""
    budget: float | None = None
    """USD that a key may spend in each `budget_period`."""
    budget_period: Literal["day", "month", "total"] = "month"
    """Days and months begin at midnight, UTC."""
    session_calls: int | None = None
    """Calls of a session."""
    session_tokens: int | None = None
    """Tokens of a session, sent and received."""
    session_cost: float | None = None
    """USD that a session may cost."""


msgspec.convert({}, Limits)
"""msgspec works a type out when it first meets it, and two threads that have it do so at once end the process: so that
is done here. Others that are read in threads have decoders, which are made where their modules are loaded."""


class Redaction(msgspec.Struct, frozen=True):
    """What never reaches the log: what a pattern finds, or what stands in a field, or a field's part that fits."""

    name: str
    """What stands in its place is `[redacted NAME]`."""
    pattern: str = ""
    """A regular expression of RE2's syntax, or of it the group named `secret`; empty: the whole of `field`."""
    field: str = ""
    """Where: a path as `metadata.email` or `messages[*].content`; empty: in every text."""
    projects: list[str] = []
    """Names of the projects whose calls it is for; empty: all."""
    place: str = ""
    """Where it is configured. Not an option."""


class Settings(msgspec.Struct, frozen=True):
    """The whole configuration."""

    host: str = "127.0.0.1"
    """Address to listen on."""
    port: int = 4000
    """0: any free one."""
    data_dir: Path = Path("sessionary-data")
    """The folder of all that is kept: spool, database, master key."""
    database: str | None = None
    """SQLAlchemy URL; null: `sqlite:///<data_dir>/sessionary.db`."""
    database_replica: str | None = None
    """A streaming replica of a PostgreSQL `database`: pages, lists, search and exports read it while it keeps up."""
    workers: int = 1
    """Processes that relay calls. One more answers pages and API, one stores."""
    master_key: str | None = None
    """Null: made on the first start, kept in `<data_dir>/master.key`. One of fewer than 16 characters is refused where
    others reach `host`, and warned of where they do not."""
    models: list[Model] = []
    """What clients may ask for besides what the environment gives."""
    retries: int = 0
    """Further tries after a retryable failure (connection, 408, 429, 5xx), over all deployments of a model."""
    retry_backoff: float = 0.5
    """First pause; doubles each time, with jitter; a provider's retry-after is kept to."""
    timeout: float = 600.0
    """A whole answer, or a stream's first byte, must come within this."""
    connect_timeout: float = 10.0
    """A connection must be made within this."""
    idle_timeout: float = 300.0
    """A stream may be silent for this long."""
    client_timeout: float = 300.0
    """A client may take nothing of its answer for this long; one that has vanished is noticed within it."""
    request_timeout: float = 30.0
    """A request's head must come within this, and its body may pause for this long (408)."""
    cooldown: float = 30.0
    """How long a deployment is left alone after `allowed_failures` in a row."""
    allowed_failures: int = 3
    """Failures in a row, of one deployment."""
    max_body: int = 10 * 1024 * 1024
    """Bytes of a request body."""
    max_answer: int = 128 * 1024 * 1024
    """Bytes of an answer that is no stream, and of any that a provider compressed, unpacked."""
    log_unstored: bool = False
    """Whether the log keeps the contents of `/responses` calls that ask not to be stored (`"store": false`)."""
    threading: bool = True
    """Whether a call that names no session is put into one by its content: the history that it sends back."""
    threading_window: float = 7.0
    """Days for which threading remembers what was said."""
    unsupported: Literal["refuse", "drop"] = "refuse"
    """What a provider cannot do: `refuse` the call, naming the field, or `drop` the field and say so in
    `x-sessionary-dropped`."""
    retention: float | None = None
    """Days that a session is kept after its last activity; null: for ever."""
    retention_contents: float | None = None
    """Days that what was said in a session is kept after its last activity; its calls, tokens and costs stay."""
    retention_size: int | None = None
    """Bytes that the database may have: beyond that the oldest sessions lose first what was said in them, then go."""
    redact: list[Redaction] = []
    """What never reaches the log."""
    redact_secrets: bool = False
    """Whether keys and tokens of well-known services never reach the log. Needs `sessionary[redaction]`."""
    traces: str | None = None
    """OTLP/HTTP address that gets a span of each call, as `http://collector:4318/v1/traces`; null: what OpenTelemetry's
    environment variables say. Needs `sessionary[otel]`."""
    limits: Limits = Limits()
    """How much each key may ask for that has no limits of its own."""
    fsync_interval: float = 0.5
    """Seconds between fsyncs of the spool: what a power failure can cost. 0: one with each record, which every call
    waits for."""
    on_spool_full: Literal["serve", "reject"] = "serve"
    """Where calls cannot be recorded: `serve` them and count the loss, or `reject` them with 503."""
    spool_size: int | None = None
    """Bytes of the spool, beyond which calls are not recorded that begin; null: as many as the disk takes."""
    streams: int = 20_000
    """Calls that one process answers at a time; more are told to come again (503)."""
    memory: int = 1024 * 1024 * 1024
    """Bytes of request bodies that one process holds at a time; more are told to come again (503)."""
    grace: float = 25.0
    """How long calls may go on when the server is told to stop; what is not done then is interrupted."""
    log_level: str = "info"
    """`debug`, `info`, `warning` or `error`."""
    ignored: list[str] = []
    """Keys of a LiteLLM file that mean nothing here: named once at start-up. Not an option."""
    environment: dict[str, str] = {}
    """Variables that a LiteLLM file sets, which go before those of the process. Not an option."""

    def __repr__(self) -> str:
        return f"Settings(host={self.host!r}, port={self.port})"

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.data_dir.resolve() / 'sessionary.db'}"
