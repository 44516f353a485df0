"""The legacy completions format: a prompt is one message, `choices[0].text` the answer. Pure."""

from sessionary.wire import loose, meaning


def read(raw: bytes) -> meaning.Read:
    """A prompt's JSON string. Any bytes are read."""
    return meaning.opaque("user", _text(raw))


def read_output(raw: bytes) -> meaning.Read:
    return meaning.opaque("assistant", _text(raw))


def _text(raw: bytes) -> str:
    try:
        text = loose.decode(raw)
    except loose.FAILURES:
        text = None
    return text if isinstance(text, str) else raw.decode("utf-8", "replace")
