"""The Conversations API: `/conversations`, their metadata and their items.

What is said in a conversation comes from its calls (`context`); here it is made, read, and edited by hand.
"""

import asyncio
from typing import Any
from urllib.parse import parse_qs

import sqlalchemy as sa

from sessionary import ids
from sessionary.asgi import Receive, Scope, Send, read_body, read_headers, respond
from sessionary.auth import Auth, Principal
from sessionary.capacity import Capacity
from sessionary.errors import BadRequest, ConversationNotFound, ItemNotFound, MethodNotAllowed
from sessionary.redaction import Redactions
from sessionary.responses_api import listing
from sessionary.state.context import Contexts
from sessionary.state.links import items
from sessionary.state.walk import State
from sessionary.store import conversations as store
from sessionary.store.conversations import Conversation
from sessionary.wire import loose
from sessionary.wire.canonical import Unsupported
from sessionary.wire.formats import FORMATS
from sessionary.wire.responses import item_ids

_MOST_ITEMS = 20
_MOST_METADATA = 16
_TRIES = 5


class Conversations:
    def __init__(
        self,
        auth: Auth,
        contexts: Contexts,
        state: State,
        engine: sa.Engine,
        capacity: Capacity,
        redactions: Redactions,
    ) -> None:
        self._auth = auth
        self._contexts = contexts
        self._state = state
        self._engine = engine
        self._capacity = capacity
        self._redactions = redactions

    async def serve(self, path: str, scope: Scope, receive: Receive, send: Send) -> None:
        """`path` is what follows `/conversations/`."""
        headers = read_headers(scope)
        principal = await self._auth.authenticate(headers)
        project = principal.call_project
        id, _, rest = path.partition("/")
        below, _, item = rest.partition("/")
        asked = {key: values[-1] for key, values in parse_qs(scope["query_string"].decode("latin-1")).items()}
        with self._capacity.place() as place:
            sent = await read_body(receive, headers, place) if scope["method"] == "POST" else b""
            body = _object(await self._kept(principal, sent))
        if (id and not ids.is_conversation(id)) or below not in ("", "items") or "/" in item:
            raise ConversationNotFound(id)
        match scope["method"], bool(id), below, bool(item):
            case "POST", False, _, _:
                answer = await self._create(project, body)
            case "GET", True, "", _:
                answer = _shown(await self._get(project, id))
            case "POST", True, "", _:
                answer = await self._describe(project, id, body)
            case "DELETE", True, "", _:
                await self._get(project, id)
                await asyncio.to_thread(store.delete, self._engine, project, id, principal.actor)
                answer = {"id": id, "object": "conversation.deleted", "deleted": True}
            case "POST", True, "items", False:
                answer = await self._add(project, id, body)
            case "GET", True, "items", False:
                held = await self._items(project, id)
                answer = listing.page([listing.item(*each) for each in held], asked)
            case "GET", True, "items", True:
                answer = next((listing.item(*e) for e in await self._items(project, id) if e[0] == item), {})
                if not answer:
                    raise ItemNotFound(item)
            case "DELETE", True, "items", True:
                answer = await self._remove(project, id, item)
            case _:
                raise MethodNotAllowed
        await respond(send, 200, answer)

    async def _kept(self, principal: Principal, body: bytes) -> bytes:
        """What is put into a conversation is kept, as far as it may be. Raises BadRequest, or what a rule raises."""
        if principal.capture == "metadata" and (loose.read_object(body) or {}).get("items"):
            raise BadRequest("This key records metadata only: nothing is kept that is put into a conversation.")
        redacting = self._redactions.of(principal.project_name)
        return await asyncio.to_thread(redacting.body, body) if redacting is not None and body else body

    async def _get(self, project: int, id: str) -> Conversation:
        found = await asyncio.to_thread(store.get, self._engine, project, id)
        if found is None:
            raise ConversationNotFound(id)
        return found

    async def _create(self, project: int, body: dict[str, Any]) -> dict[str, Any]:
        id = ids.new_conversation_id()
        added = await self._named(project, body.get("items") or [])
        await asyncio.to_thread(store.create, self._engine, project, id, _metadata(body), added)
        return _shown(await self._get(project, id))

    async def _describe(self, project: int, id: str, body: dict[str, Any]) -> dict[str, Any]:
        await self._get(project, id)
        await asyncio.to_thread(store.describe, self._engine, project, id, _metadata(body))
        return _shown(await self._get(project, id))

    async def _add(self, project: int, id: str, body: dict[str, Any]) -> dict[str, Any]:
        given = body.get("items")
        if not isinstance(given, list) or not given:
            raise BadRequest("'items' is a list of items.", param="items")
        added = await self._named(project, given)
        for _ in range(_TRIES):
            conversation, head, held = await self._contexts.conversation(project, id)
            base = head.call_id if head is not None else ""
            if await self._edited(project, conversation, base, [*held, *added]):
                break
        else:
            raise BadRequest("The conversation is being changed. Please retry.", code="conversation_locked")
        shown = [listing.item(str(loose.decode(raw)["id"]), raw) for raw in added]
        return listing.page(shown, {"order": "asc", "limit": str(_MOST_ITEMS)})

    async def _remove(self, project: int, id: str, item: str) -> dict[str, Any]:
        """The conversation starts anew with what is left."""
        for _ in range(_TRIES):
            conversation, head, held = await self._contexts.conversation(project, id)
            chain = await self._state.chain(project, head) if head is not None else []
            said = [each for link in chain for each in items(link)]
            said += [(str(loose.decode(raw)["id"]), raw) for raw in held]
            left = [_with_id(*each) for each in said if each[0] != item]
            if len(left) == len(said):
                raise ItemNotFound(item)
            if await self._edited(project, conversation, "", left):
                return _shown(await self._get(project, id))
        raise BadRequest("The conversation is being changed. Please retry.", code="conversation_locked")

    async def _named(self, project: int, given: Any) -> list[bytes]:
        """Items with ids of ours; for references the items themselves. Raises BadRequest, ItemNotFound."""
        checked = _checked(given)
        known = await self._state.items(project, filter(None, map(item_ids.referred, checked)))
        added = []
        for item in checked:
            referred = item_ids.referred(item)
            if referred and referred not in known:
                raise ItemNotFound(referred)
            kind = str((loose.read_object(known[referred]) or {} if referred else item).get("type") or "message")
            added.append(_with_id(item_ids.made(kind, ids.new_answer_id(), 0), known[referred] if referred else item))
        return added

    async def _edited(self, project: int, old: Conversation, base: str, items: list[bytes]) -> bool:
        try:
            await asyncio.to_thread(store.edit, self._engine, project, old, base, items)
        except store.Outdated:
            return False
        return True

    async def _items(self, project: int, id: str) -> list[tuple[str, bytes]]:
        _, head, held = await self._contexts.conversation(project, id, reading=True)
        chain = await self._state.chain(project, head) if head is not None else []
        said = [each for link in chain for each in items(link)]
        return said + [(str(loose.decode(raw)["id"]), raw) for raw in held]


def _checked(given: Any) -> list[dict[str, Any]]:
    """Items. Raises BadRequest for what is none."""
    if not isinstance(given, list) or len(given) > _MOST_ITEMS:
        raise BadRequest(f"'items' is a list of at most {_MOST_ITEMS} items.", param="items")
    if not all(isinstance(item, dict) and isinstance(item.get("type", ""), str) for item in given):
        raise BadRequest("An item is an object, and its 'type' a text.", param="items")
    try:
        FORMATS["responses"].read_request({"model": "", "input": given})
    except Unsupported as error:
        raise BadRequest(str(error), param="items") from None
    return given


def _with_id(id: str, item: Any) -> bytes:
    value = loose.decode(item) if isinstance(item, bytes) else item
    if isinstance(value, str):
        value = {"role": "user", "content": value}
    return loose.encode({"type": "message", **value, "id": id})


def _metadata(body: dict[str, Any]) -> dict[str, str]:
    given = body.get("metadata") or {}
    if not isinstance(given, dict) or len(given) > _MOST_METADATA:
        raise BadRequest(f"'metadata' is an object of at most {_MOST_METADATA} texts.", param="metadata")
    for name, value in given.items():
        if not isinstance(value, str) or len(value) > 512 or len(name) > 64:
            raise BadRequest("Metadata are texts: names of 64 characters, values of 512.", param="metadata")
    return given


def _object(body: bytes) -> dict[str, Any]:
    value = loose.read_object(body) if body.strip() else {}
    if value is None:
        raise BadRequest("The body of the request is a JSON object.", code="invalid_json")
    return value


def _shown(found: Conversation) -> dict[str, Any]:
    return {
        "id": found.id,
        "object": "conversation",
        "created_at": found.created_at // 1_000_000,
        "metadata": found.metadata,
    }
