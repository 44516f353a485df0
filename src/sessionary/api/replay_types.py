"""What the API asks and answers of replays. As in `types`."""

import msgspec


class LeftOut(msgspec.Struct):
    call_id: str
    why: str


class ReplayPlan(msgspec.Struct):
    """What would be asked again, and about what it would cost."""

    session: str
    model: str
    branch: str
    """A call on it, by which it is the same branch that is asked again, whatever has begun in the meantime."""
    calls: list[str]
    """Those that would be asked again, in order."""
    left_out: list[LeftOut]
    """Calls of the branch that would not."""
    input_tokens: int
    """Of these calls, as they were; as are the others."""
    output_tokens: int
    cost: float | None
    """USD that they cost; of those whose price is known."""
    estimate: float | None
    """USD that the same tokens would cost now with the model; null where its price is not known."""


class NewReplay(msgspec.Struct, forbid_unknown_fields=True):
    model: str
    branch: str = ""
    """The id of any call on it; "" is the one that people were on last."""
