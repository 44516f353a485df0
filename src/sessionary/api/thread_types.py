"""What the API answers of how a session's calls hang together: its tree, the evidence, corrections. As in `types`."""

import msgspec

from sessionary.api import types
from sessionary.store import rollups


class Sums(msgspec.Struct):
    """What some calls add up to."""

    calls: int
    errors: int
    input_tokens: int
    cached_tokens: int
    output_tokens: int
    reasoning_tokens: int
    cost: float | None
    unpriced: int
    """Finished calls whose price is not known: `cost` leaves them out."""
    active_ms: float
    """The calls' durations, added up."""


class TreeNode(msgspec.Struct):
    """One request, with all attempts at it."""

    id: str
    """Its first call's."""
    call_id: str
    """The attempt that counts: the last that succeeded, else the last."""
    attempts: list[str]
    """Calls, in order."""
    parent: str | None
    """The node that it goes on from, or whose summary it carries."""
    branch: str | None
    """null for side calls, and for calls without messages."""
    agent: str
    turn: int
    side: bool
    status: str
    """Of the attempt that counts."""
    origin: types.Origin | None
    first_at: str
    last_at: str
    sums: Sums


class TreeBranch(msgspec.Struct):
    """A path of nodes, each of which goes on from the one before. An agent's path is one, too."""

    id: str
    """Its first node's."""
    fork: str | None
    """The node that it goes on from, though another does already; null where it begins with nothing before it."""
    fork_call: str | None
    """Which attempt of that node."""
    agent: str
    current: bool
    """The one with the newest activity, of those that people talk on."""
    nodes: list[str]
    status: str
    first_at: str
    last_at: str
    sums: Sums


class TreeAgent(msgspec.Struct):
    id: str
    name: str
    """For people; where it has none, its id's last part."""
    parent: str
    """The agent that started it; "" is the one that people talk to."""
    call_id: str | None
    """The call that started it, where that is known; `node` is that call's, where it is of this session."""
    node: str | None
    tool_call_id: str | None
    nodes: list[str]
    branches: list[str]
    status: str
    first_at: str
    last_at: str
    own: Sums
    total: Sums
    """With the agents that it started."""


class Compaction(msgspec.Struct):
    """A history that was made shorter: `to_call` goes on with the summary that `from_call` was answered."""

    from_call: str
    from_node: str | None
    """null where it is of another session."""
    to_call: str
    to_node: str


class Tree(msgspec.Struct):
    """A session by what goes on from what."""

    session: types.Session
    total: Sums
    main: Sums
    """Without the agents' calls."""
    nodes: list[TreeNode]
    branches: list[TreeBranch]
    agents: list[TreeAgent]
    compactions: list[Compaction]


class Related(msgspec.Struct):
    """Another call, with its session's id, ours and the client's; null where it is not there any more."""

    call_id: str
    session: str | None
    session_id: str | None


class Candidate(msgspec.Struct):
    """A call that this one could go on from."""

    call_id: str
    session: str
    session_id: str
    depth: int
    """Messages that its history and answer have in common with the request."""
    taken: bool


class Named(msgspec.Struct):
    """A session, by our id and the client's."""

    session: str
    session_id: str


class Evidence(msgspec.Struct):
    """Why a call is in its session."""

    call_id: str
    session: str
    session_id: str
    source: str
    rule: str
    explanation: str
    """The same in a sentence."""
    depth: int
    """Messages of the request that were there before, out of `of`."""
    of: int
    parent: Related | None
    origin: types.Origin | None
    candidates: list[Candidate]
    """Where content decided: at most 20, the one that was taken first."""
    matched: str | None
    ambiguous: bool
    corrected: Named | None
    """The session that the call's own id names, where a person moved it to another."""


class Move(msgspec.Struct, forbid_unknown_fields=True):
    session: str
    """Ours, or the client's."""


class Split(msgspec.Struct, forbid_unknown_fields=True):
    call: str


class Merge(msgspec.Struct, forbid_unknown_fields=True):
    sessions: list[str]
    into: str | None = None
    """The oldest where it is not given."""


class Corrected(msgspec.Struct):
    """What a correction came to. Made again, it moves nothing, and `session` is the same."""

    session: types.Session
    """Which has the calls now."""
    moved: list[str]
    """Calls that were in another session before."""
    gone: list[str]
    """Sessions that have no call any more."""


def sums(found: rollups.Sums) -> Sums:
    return Sums(
        calls=found.calls,
        errors=found.errors,
        input_tokens=found.input_tokens,
        cached_tokens=found.cached_tokens,
        output_tokens=found.output_tokens,
        reasoning_tokens=found.reasoning_tokens,
        cost=types.usd(found.cost),
        unpriced=found.unpriced,
        active_ms=found.active / 1000,
    )
