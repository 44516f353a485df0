"""Lists of items, as the Responses and the Conversations API page them. Pure."""

from collections.abc import Mapping
from typing import Any

from sessionary.errors import BadRequest
from sessionary.wire import loose
from sessionary.wire.responses.resource import resource

Item = dict[str, Any]
_DEFAULT, _MOST = 20, 100


def item(id: str, raw: bytes) -> Item:
    return resource(id, loose.decode(raw))


def page(items: list[Item], asked: Mapping[str, str]) -> dict[str, Any]:
    """`asked`: `limit` (1 to 100), `order` (`desc` unless told), `after` (an item's id). Raises BadRequest."""
    limit, order, after = number(asked, "limit", _DEFAULT), asked.get("order", "desc"), asked.get("after", "")
    if not 1 <= limit <= _MOST:
        raise BadRequest(f"'limit' is between 1 and {_MOST}.", param="limit")
    if order not in ("asc", "desc"):
        raise BadRequest("'order' is 'asc' or 'desc'.", param="order")
    ordered = items if order == "asc" else items[::-1]
    if after:
        place = next((n for n, each in enumerate(ordered) if each["id"] == after), None)
        if place is None:
            raise BadRequest(f"There is no item '{after[:200]}' here.", param="after")
        ordered = ordered[place + 1 :]
    data = ordered[:limit]
    first, last = (data[0]["id"], data[-1]["id"]) if data else ("", "")
    return {"object": "list", "data": data, "first_id": first, "last_id": last, "has_more": len(ordered) > limit}


def number(asked: Mapping[str, str], name: str, default: int) -> int:
    given = asked.get(name, str(default))
    try:
        return int(given)
    except ValueError:
        raise BadRequest(f"'{name}' is a number.", param=name) from None
