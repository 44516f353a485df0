"""How a body is taken apart for storage and put together again. Pure.

A body is a JSON object. Its messages go to the tree, its large values (tool definitions, schemas) to
content-addressed bodies, and what is left is the *shell*: the same object with those values replaced by 0.
`join` puts them back where they were, so field order and every value's own bytes survive;
white space between top-level fields and between messages does not (it carries no meaning).
"""

import msgspec


class Recipe(msgspec.Struct, frozen=True, array_like=True):
    shell: bytes
    """The object with lifted values replaced by 0; or, where `whole`, the body as it is."""
    lifted: dict[str, bytes] = {}
    """Top-level key -> body hash of its value."""
    chain: str = ""
    """The top-level key whose value is the list: preamble, then the path to the call's leaf. "" = none."""
    preamble: list[bytes] = []
    """Body hashes of the leading system and developer messages, which are beside the chain."""
    whole: bool = False
    """Not a JSON object, or not one we take apart: `shell` is the body itself."""
    above: int = 0
    """The chain is the part of the path that is deeper than this: what comes before it was not sent."""
