"""What of a system prompt stays from call to call: programs write the date into it, and harnesses a count. Pure."""

import re
from collections.abc import Mapping, Sequence
from itertools import islice

from sessionary.ids import digest
from sessionary.wire.bare import BILLING

_BILLING = BILLING.encode()
_COUNT = re.compile(_BILLING + rb'[^"\\\n]*')
_YEAR = re.compile(rb"20\d\d")
_BEFORE, _BEHIND = 36, 48
"""Bytes around a year in which its date is looked for: to look everywhere takes longer than all else about a call."""
_MOST = 64
"""Years that are looked at."""
_DATE = re.compile(
    rb"(?:\b|(?<=\\[nrt]))"  # in JSON a line begins behind a letter
    rb"(?:(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)[a-z]{0,6},? )?"
    rb"(?:"
    rb"%(year)b[-/.][01]?\d[-/.][0-3]?\d"
    rb"|[0-3]?\d[-/.][0-3]?\d[-/.]%(year)b"
    rb"|%(month)b +%(day)b(?:,? %(time)b)?,? %(year)b"
    rb"|%(day)b (?:of )?%(month)b,? %(year)b"
    rb"|%(year)b\xe5\xb9\xb4[01]?\d\xe6\x9c\x88[0-3]?\d\xe6\x97\xa5"
    rb")"
    rb"(?:(?:T|,? (?:at )?)%(time)b)?(?: ?Z\b| ?(?:UTC|GMT)?[+-][01]\d:?[0-5]\d)?"
    % {
        b"year": rb"20\d\d",
        b"month": rb"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)[a-z]{0,6}\.?",
        b"day": rb"[0-3]?\d(?:st|nd|rd|th)?\.?",
        b"time": rb"[0-2]?\d:[0-5]\d(?::[0-6]\d(?:\.\d{1,9})?)?(?: ?[AaPp]\.?[Mm]\b)?",
    }
)
"""A date with its year, as programs write it, with the day of the week before it and the time behind it."""


def key(hashes: Sequence[bytes], parts: Mapping[bytes, bytes]) -> bytes | None:
    """The same for prompts that differ in dates and counts alone; None where there is none. `hashes`: of its parts;
    `parts` has them, by hash: JSON, as sent."""
    return digest(*(_of(hashed, parts[hashed]) for hashed in hashes)) if hashes else None


def _of(hashed: bytes, part: bytes) -> bytes:
    stays = _undated(_uncounted(part))
    return hashed if stays is part else digest(stays)


def _uncounted(part: bytes) -> bytes:
    return _COUNT.sub(b"", part) if _BILLING in part else part


def _undated(part: bytes) -> bytes:
    kept: list[bytes] = []
    at = 0
    for year in islice(_YEAR.finditer(part), _MOST):
        start, end = year.span()
        date = _DATE.search(part, max(at, start - _BEFORE), end + _BEHIND)
        if date is not None and date.start() <= start:
            kept.append(part[at : date.start()])
            at = date.end()
    return b"".join((*kept, part[at:])) if kept else part
