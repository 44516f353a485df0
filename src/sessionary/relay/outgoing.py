"""What the upstream is sent: the client's body with as few changes as possible. Pure.

Removed: session ids that are meant for the gateway. Changed: the model's name, where the provider calls it
otherwise. Added: `stream_options.include_usage`, where the client did not ask and the provider takes it.
Where nothing changes, the very bytes go on. Of a field that is there twice the last one counts, here as in the log, and
goes on alone: a provider that takes the first would do what nobody has looked at.
"""

from collections.abc import Collection, Mapping

import msgspec

from sessionary.providers.routing import Target
from sessionary.sessions.identify import EXTRA, OWN_FIELDS, OWN_METADATA
from sessionary.wire.repeats import repeats

Fields = dict[str, msgspec.Raw]
_OWN = frozenset({*OWN_FIELDS, EXTRA})
_object = msgspec.json.Decoder(Fields)


class Outgoing(msgspec.Struct, frozen=True):
    body: bytes
    usage_added: bool
    """The upstream was asked for usage that the client must not see."""


def outgoing(body: bytes, fields: Fields, target: Target, *, stream: bool) -> Outgoing:
    """`fields` is `body` decoded one level deep."""
    new: dict[str, bytes | None] = {}
    if not _OWN.isdisjoint(fields):
        new = {name: None for name in OWN_FIELDS if name in fields}
        if EXTRA in fields and (kept := _kept_extra(fields[EXTRA])) != bytes(fields[EXTRA]):
            new[EXTRA] = kept
    if bytes(fields["model"]) != target.model_json:
        new["model"] = target.model_json
    if "metadata" in fields:
        kept = _kept_metadata(fields, target)
        if kept != bytes(fields["metadata"]):
            new["metadata"] = kept
    usage_added = False
    if stream and target.provider.stream_usage:
        options = _with_usage(fields.get("stream_options"))
        if options is not None:
            new["stream_options"] = options
            usage_added = True
    if not repeats(body, fields):
        if not new:
            return Outgoing(body, usage_added)
        if fields.keys().isdisjoint(new):
            return Outgoing(_with_more(body, new), usage_added)
    sent = dict(fields)
    for name, value in new.items():
        if value is None:
            sent.pop(name, None)
        else:
            sent[name] = msgspec.Raw(value)
    return Outgoing(msgspec.json.encode(sent), usage_added)


def _with_more(body: bytes, new: Mapping[str, bytes | None]) -> bytes:
    """What the object has not got yet goes behind the last of its fields."""
    end = body.rindex(b"}")
    more = b"".join(b",%b:%b" % (msgspec.json.encode(name), value) for name, value in new.items() if value is not None)
    return b"".join((body[:end], more, body[end:]))


def _kept_metadata(fields: Fields, target: Target) -> bytes | None:
    raw = fields["metadata"]
    rule = target.provider.metadata
    if rule == "never" or (rule == "store" and bytes(fields.get("store", msgspec.Raw(b"null"))) != b"true"):
        return None
    return _without(raw, OWN_METADATA)


def _kept_extra(raw: msgspec.Raw) -> bytes | None:
    """Of what a client means to be fields of the body: what is not for the gateway."""
    try:
        given = _object.decode(raw)
    except ValueError:
        return bytes(raw)
    kept = {name: value for name, value in given.items() if name not in OWN_FIELDS}
    if "metadata" in kept:
        metadata = _without(kept["metadata"], OWN_METADATA)
        if metadata is None:
            del kept["metadata"]
        else:
            kept["metadata"] = msgspec.Raw(metadata)
    if kept == given:
        return bytes(raw)
    return msgspec.json.encode(kept) if kept else None


def _without(raw: msgspec.Raw, names: Collection[str]) -> bytes | None:
    """An object without these; None where nothing is left. What is no object stays: the provider will say so."""
    try:
        given = _object.decode(raw)
    except ValueError:
        return bytes(raw)
    kept = {k: v for k, v in given.items() if k not in names}
    if len(kept) == len(given):
        return bytes(raw)
    return msgspec.json.encode(kept) if kept else None


def _with_usage(raw: msgspec.Raw | None) -> bytes | None:
    """The stream options that ask for usage too; None where the client asks already, or sent no object."""
    if raw is None or bytes(raw) == b"null":
        return b'{"include_usage":true}'
    try:
        options = _object.decode(raw)
    except ValueError:
        return None
    if bytes(options.get("include_usage", msgspec.Raw(b"false"))) == b"true":
        return None
    return msgspec.json.encode({**options, "include_usage": True})
