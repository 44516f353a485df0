"""What the API asks and answers of replays. As in `types`."""

import msgspec


class LeftOut(msgspec.Struct):
    call_id: str
    why: str


class ReplayPlan(msgspec.Struct):
    """What would be asked again, and about what it would cost."""

    session: str
    model: str
    until: str
    """The last call that was looked at: who names it has these calls asked, whatever has come since."""
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
    uncounted: int
    """Calls whose tokens are not known, for they failed: the estimate leaves them out."""


class NewReplay(msgspec.Struct, forbid_unknown_fields=True):
    model: str
    branch: str = ""
    """The id of any call on it; "" is the one that people were on last."""
    until: str = ""
    """Instead of the branch: the last call that is asked, as the plan has it."""
