"""Every setting, with its default. The reference table in the docs is generated from these docstrings.

Durations are seconds. Secrets are resolved when the file is read and appear in no repr.
"""

from pathlib import Path

import msgspec


class Price(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """USD per million tokens. What is null falls back to `input` (cached, cache_write) or `output` (reasoning)."""

    input: float
    output: float
    cached: float | None = None
    cache_write: float | None = None
    reasoning: float | None = None


class Deployment(msgspec.Struct, frozen=True):
    """One place that serves a model."""

    provider: str
    """A row of the provider catalogue: `openai`, `azure`, `ollama`, `openai-compatible`, `demo`, …"""
    model: str
    """The name the provider knows."""
    name: str = ""
    """Shown in the log; `provider/model` where empty."""
    base_url: str | None = None
    api_key: str | None = None
    api_version: str | None = None
    """Azure only."""
    weight: float = 1.0
    timeout: float | None = None
    price: Price | None = None

    def __repr__(self) -> str:
        return f"Deployment({self.provider}/{self.model})"


class Model(msgspec.Struct, frozen=True):
    """A model name that clients may ask for, and what serves it."""

    name: str
    deployments: list[Deployment]
    fallbacks: list[str] = []
    """Model names tried in order when every deployment of this one has failed."""


class Settings(msgspec.Struct, frozen=True):
    """The whole configuration."""

    host: str = "127.0.0.1"
    port: int = 4000
    data_dir: Path = Path("sessionary-data")
    database: str | None = None
    """SQLAlchemy URL; null: `sqlite:///<data_dir>/sessionary.db`."""
    workers: int = 1
    master_key: str | None = None
    """Null: made on the first start, kept in `<data_dir>/master.key`."""
    models: list[Model] = []
    retries: int = 0
    """Further tries after a retryable failure (connection, 408, 429, 5xx), over all deployments of a model."""
    retry_backoff: float = 0.5
    """First pause; doubles each time, with jitter; a provider's retry-after is kept to."""
    timeout: float = 600.0
    """A whole answer, or a stream's first byte, must come within this."""
    connect_timeout: float = 10.0
    idle_timeout: float = 300.0
    """A stream may be silent for this long."""
    cooldown: float = 30.0
    """How long a deployment is left alone after `allowed_failures` in a row."""
    allowed_failures: int = 3
    max_body: int = 10 * 1024 * 1024
    """Bytes of a request body."""
    fsync_interval: float = 0.5
    """Seconds between fsyncs of the spool: what a power loss can cost."""
    log_level: str = "info"
    ignored: list[str] = []
    """Keys of a LiteLLM file that mean nothing here: named once at start-up."""

    def __repr__(self) -> str:
        return f"Settings(host={self.host!r}, port={self.port})"

    @property
    def database_url(self) -> str:
        return self.database or f"sqlite:///{self.data_dir.resolve() / 'sessionary.db'}"
