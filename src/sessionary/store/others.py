"""Gateways that share the store: for how long one waits for what another has not stored yet."""

HELD_BACK = 3.0
"""Seconds, after it has begun, for which a call is held back whose history ends with an answer that is not stored:
another gateway may have given it. What its gateway recorded after it is held back with it."""
PATIENCE = HELD_BACK + 1.0
"""Seconds after which a call, or its end, is stored, if it is at all: it may be held back, and then comes the next
round. So long it is looked for before it counts as not there."""
