"""A begun call's request, taken apart for the store: message rows, bodies, and the recipe to join them again.

The beginning of its path may be known from an earlier request (`seen`): then only what follows costs anything.
"""

from dataclasses import dataclass, field
from typing import Protocol

import msgspec

from sessionary.ids import digest, root_node
from sessionary.record.exchange import Begin
from sessionary.wire import literal, meaning, prompt
from sessionary.wire.message import Message
from sessionary.wire.reading import FORMATS, SYSTEM, read
from sessionary.wire.recipe import Recipe
from sessionary.wire.responses import item_ids
from sessionary.wire.split import Beginning, Split, split


class Base(msgspec.Struct, frozen=True):
    """The message that a request goes on from without sending it again: an earlier answer's last."""

    id: bytes
    node: bytes
    depth: int


class Step(msgspec.Struct, eq=False):
    """One message on a request's path. `node` and `role` are filled in by `give_meaning`."""

    id: bytes
    parent: bytes | None
    depth: int
    raw: bytes
    frame: bytes
    text: bytes | None
    meant: bytes
    """What the message stands for: of a reference, the item; else `raw`."""
    node: bytes = b""
    role: str = ""
    read: meaning.Read | None = None
    """What it says, and means; read by `said`."""


@dataclass(slots=True)
class Parsed:
    begin: Begin
    writer: str
    parts: Split
    recipe: Recipe
    steps: list[Step]
    base: Base | None = None
    bodies: dict[bytes, bytes] = field(default_factory=dict)
    """Hash -> bytes of what the recipe and the steps refer to, without those of the known steps."""
    prompt_key: bytes | None = None
    """Of the system prompt, wherever the format has it, as `wire/prompt` makes it."""
    known: int = 0
    """Steps whose node is set, and which are stored as far as memory goes."""

    def deeper(self, depth: int) -> list[Step]:
        """The steps that lie deeper."""
        return self.steps[max(0, depth - (self.base.depth if self.base else 0)) :]


class Remembered(Protocol):
    """How the request's list of messages begins, as far as that is known."""

    @property
    def steps(self) -> list[Step]:
        """Those that are known, once it was asked."""

    def __call__(self, text: bytes) -> Beginning | None:
        """Given the list as it was sent."""


def parse(begin: Begin, writer: str, base: Base | None = None, remembered: Remembered | None = None) -> Parsed:
    """Never fails: what cannot be taken apart is kept whole."""
    parts = split(begin.body, begin.endpoint, remembered)
    bodies: dict[bytes, bytes] = {}

    def keep(raw: bytes) -> bytes:
        hashed = digest(raw)
        bodies[hashed] = raw
        return hashed

    recipe = Recipe(
        shell=parts.shell,
        lifted={key: keep(raw) for key, raw in parts.lifted.items()},
        chain=parts.chain,
        preamble=[keep(raw) for raw in parts.preamble],
        whole=parts.whole,
        above=(base.depth if base else 0) + len(begin.context.added),
    )
    steps = remembered.steps if remembered is not None and parts.begun else []
    before = len(steps)
    parent = steps[-1].id if steps else base.id if base else None
    at = parent or root_node(begin.project)
    raws = [*begin.context.added, *parts.messages]
    for depth, raw in enumerate(raws, (base.depth if base else 0) + before + 1):
        rest, words = literal.part(raw)
        at = digest(at, digest(raw))
        meant = item_ids.resolved(raw, begin.context.references)
        steps.append(Step(at, parent, depth, raw, keep(rest), None if words is None else keep(words), meant))
        parent = at
    told = [*recipe.preamble, *(recipe.lifted[name] for name in SYSTEM.values() if name in recipe.lifted)]
    return Parsed(begin, writer, parts, recipe, steps, base, bodies, prompt.key(told, bodies), before)


def give_meaning(parsed: Parsed, known: dict[bytes, tuple[bytes, str]]) -> list[Step]:
    """Sets node and role of each step, from `known` (id -> node, role) where it is stored; returns the new ones."""
    fresh: list[Step] = []
    node = parsed.base.node if parsed.base else root_node(parsed.begin.project)
    if parsed.known:
        node = parsed.steps[parsed.known - 1].node
    for step in parsed.steps[parsed.known :]:
        found = known.get(step.id)
        if found is None:
            message, meant = said(step, parsed.begin.endpoint)
            step.role = message.role
            node = meaning.fold(node, meant)
            step.node = node
            known[step.id] = (node, step.role)
            fresh.append(step)
        else:
            node, step.role = found
            step.node = node
    return fresh


def said(step: Step, endpoint: str) -> meaning.Read:
    """What the step says, and means; read once."""
    if step.read is None:
        step.read = read(step.meant, FORMATS[endpoint], answer=False)
    return step.read


def message(step: Step, endpoint: str) -> Message:
    """What the step says."""
    return said(step, endpoint)[0]


def encode_recipe(recipe: Recipe) -> bytes:
    return msgspec.msgpack.encode(recipe)
