"""What the pages need of the gateway."""

from collections.abc import Awaitable, Mapping, Sequence
from typing import Any, Protocol

from starlette.datastructures import QueryParams


class Pages(Protocol):
    """What the pages need. Each may be a plain method, which is called in a thread, or `async`.

    What is returned may be dicts or structs. Refusals are GatewayErrors; the page shows their message.
    """

    def list_sessions(self, principal: Any, params: QueryParams) -> Any:
        """`{data: [Session], next_cursor}`, as GET /api/sessions."""

    def list_calls(self, principal: Any, params: QueryParams) -> Any:
        """`{data: [Call], next_cursor}`, as GET /api/calls."""

    def call(self, principal: Any, name: str) -> Any:
        """As GET /api/calls/{id}."""

    def transcript(self, principal: Any, name: str) -> Any:
        """`{session, calls}`, as GET /api/sessions/{id}/transcript, of at least the calls of the first screen. None or
        NotFound where there is none."""

    def tree(self, principal: Any, name: str) -> Any:
        """As GET /api/sessions/{id}/tree."""

    def some(self, principal: Any, name: str, calls: Sequence[str]) -> Any:
        """As GET /api/sessions/{id}/transcript?calls=…"""

    def health(self, principal: Any, params: QueryParams) -> Any:
        """As GET /api/health."""

    def projects(self, principal: Any) -> list[str]:
        """Their names."""

    def keys(self, principal: Any) -> Any:
        """As GET /api/projects, and as GET /api/keys: a pair."""

    def models(self, principal: Any, params: QueryParams) -> Any:
        """As GET /api/models."""

    def audit(self, principal: Any, params: QueryParams) -> Any:
        """As GET /api/audit."""

    def login(self, key: str) -> Awaitable[str | None] | str | None:
        """A cookie for a valid key."""

    def redeem(self, token: str) -> Awaitable[str | None] | str | None:
        """A cookie for the token of a one-time link."""

    def logout(self, cookie: str) -> Any:
        """The cookie is void from now on."""

    def fill_demo(self, principal: Any, form: Mapping[str, str]) -> Any:
        """Begins to make demo sessions. `form`: `sessions`, how many; `only`: `live`, no others than the one that goes
        on for a while."""

    def clear_demo(self, principal: Any) -> Any:
        """Deletes them."""

    def info(self) -> Mapping[str, Any]:
        """`demo`: whether the demo provider answers; `base_url`: where clients reach this server; `demo_keys`: the keys
        of demo sessions; `demo_project`: the project that has them. Called inline."""
