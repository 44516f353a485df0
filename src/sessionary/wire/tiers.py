"""Names of service tiers in answers: those that the published schemas know, since clients may refuse others. Pure.

The canonical names are OpenAI's, and whatever else a provider calls its own.
"""

_OPENAI = frozenset({"auto", "default", "flex", "scale", "priority"})
_FROM_ANTHROPIC = {"standard": "default"}
_TO_ANTHROPIC = {"default": "standard", "auto": "standard", "priority": "priority", "batch": "batch"}


def openai(tier: str) -> str:
    """Empty where OpenAI has no such tier."""
    return tier if tier in _OPENAI else ""


def from_anthropic(tier: str) -> str:
    return _FROM_ANTHROPIC.get(tier, tier)


def anthropic(tier: str) -> str:
    """Empty where Anthropic has no such tier."""
    return _TO_ANTHROPIC.get(tier, "")
