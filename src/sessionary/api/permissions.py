"""Who may do what, as data: what a route needs, and who has it. Pure.

A browser's login may do what the key behind it may; that a change comes from our own pages is the gate's to see.
What belongs to another project is not refused but unknown: whoever reads is only ever shown their own.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

from sessionary.auth import Principal
from sessionary.errors import Forbidden, Unauthenticated

Who = Literal["nobody", "project", "master"]
Needs = Literal["nothing", "call", "page", "read", "write", "master"]
"""`call`: a key in a header; a login is void there. `page`: a login; who has none is led to it. `read` and `write`: one
or the other; they reach only what belongs to the key's project. `master` is what concerns all of them."""

MAY: Mapping[Needs, frozenset[Who]] = MappingProxyType(
    {
        "nothing": frozenset({"nobody", "project", "master"}),
        "call": frozenset({"project", "master"}),
        "page": frozenset({"project", "master"}),
        "read": frozenset({"project", "master"}),
        "write": frozenset({"project", "master"}),
        "master": frozenset({"master"}),
    }
)


def who(principal: Principal | None) -> Who:
    if principal is None:
        return "nobody"
    return "master" if principal.project is None else "project"


def allow(principal: Principal | None, needs: Needs) -> None:
    """Raises Unauthenticated or Forbidden."""
    asking = who(principal)
    if asking in MAY[needs]:
        return
    if asking == "nobody":
        raise Unauthenticated
    raise Forbidden("Only the master key may do this.")
