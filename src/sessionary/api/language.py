"""The filter language: text such as `model:gpt* cost>0.5 -client:curl "exact words"`, to terms and back. Pure.

    filter   = { term }                             all of them hold
    term     = [ "-" ] ( words | field operator value { "," value } )
    operator = ":" | "=" | "!=" | ">" | ">=" | "<" | "<="
    value    = text without spaces, commas and quotes | '"' any text, with \\" and \\\\ for these '"'

Words without a field are looked for in messages. What a value may be is the field's kind to say; docs/reference/
filters.md tells people. A mistake is raised with its place, and with the field that was likely meant.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from difflib import get_close_matches
from typing import NoReturn, get_args

import msgspec

from sessionary.api.fields import Field, Kind
from sessionary.store.terms import Condition, Operator, Value

MOST_CHARACTERS = 4000
MOST_TERMS = 50
MOST_VALUES = 50
_MOST_US = 1 << 58  # beyond any date, within 64 bits
_MOST_NUMBER = 10**17
_SPACE = re.compile(r"\s*")
_FIELD = re.compile(r"([A-Za-z_]+)(!=|>=|<=|[:=<>])")
_WORD = re.compile(r'[^\s"]+')
_BARE = re.compile(r'[^\s,"]+')
_QUOTED = re.compile(r'"((?:[^"\\]|\\.)*)"', re.DOTALL)
_ESCAPED = re.compile(r'\\(["\\])')
_NUMBER = re.compile(r"(\d{1,18}(?:\.\d{0,9})?|\.\d{1,9})([kKmM]?)", re.ASCII)
_DURATION = re.compile(r"(\d{1,12}(?:\.\d{0,6})?|\.\d{1,6})(ms|[smhd]?)", re.ASCII)
_AGE = re.compile(r"(\d{1,6})([smhdw])", re.ASCII)
_TIMES = {"": 1, "k": 1000, "m": 1_000_000}
_MICROSECONDS = {"ms": 1000, "": 10**6, "s": 10**6, "m": 60 * 10**6, "h": 3600 * 10**6, "d": 86400 * 10**6}
_AGES = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_FLAGS = {"yes": True, "true": True, "1": True, "no": False, "false": False, "0": False}
_EQUAL: tuple[Operator, ...] = (":", "=")
_ORDER: tuple[Operator, ...] = (">", ">=", "<", "<=")
_OPERATORS: dict[Kind, tuple[Operator, ...]] = {
    **dict.fromkeys(get_args(Kind), _EQUAL),
    **dict.fromkeys(("number", "money", "duration"), _EQUAL + _ORDER),
    "time": _ORDER,
}
_BOUNDS = ("since", "until")


class Mistake(ValueError):
    """What cannot be understood. `at` counts characters from 1; `meant` is the field that was likely meant."""

    def __init__(self, message: str, at: int, meant: str | None = None) -> None:
        super().__init__(f"{message} (at character {at})")
        self.at = at
        self.meant = meant


class Said(msgspec.Struct, frozen=True):
    """A value as it was written, without its quotes."""

    text: str
    quoted: bool


class Term(msgspec.Struct, frozen=True):
    condition: Condition
    said: tuple[Said, ...]
    bare: bool = False
    """Whether it was written without a field."""


def parse(text: str, fields: Mapping[str, Field], now: int) -> tuple[Term, ...]:
    """`now`, in microseconds, is what ages such as `since:24h` count from. Raises Mistake."""
    if len(text) > MOST_CHARACTERS:
        raise Mistake(f"a filter has at most {MOST_CHARACTERS} characters", MOST_CHARACTERS + 1)
    reader = _Reader(text, fields, now)
    terms: list[Term] = []
    while reader.more():
        terms.append(reader.term())
        if len(terms) > MOST_TERMS:
            reader.fail(f"a filter has at most {MOST_TERMS} terms")
    return tuple(terms)


def write(terms: Sequence[Term]) -> str:
    """A text that is parsed to the same terms."""
    return " ".join(map(_written, terms))


def moment(text: str, now: int) -> int:
    """ISO 8601, seconds since 1970, or an age such as `24h`; microseconds. Raises ValueError."""
    if found := _AGE.fullmatch(text):
        at = now - int(found[1]) * _AGES[found[2]] * 10**6
    elif text.replace(".", "", 1).isdecimal() and len(text) > 8:  # shorter is a date: 20261124
        at = int(float(text) * 1e6)
    else:
        date = datetime.fromisoformat(text.replace(" ", "+") if "T" in text else text)  # a + that was not encoded
        at = int((date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() * 1e6)
    return max(-_MOST_US, min(_MOST_US, at))


class _Reader:
    """Goes through the text once."""

    def __init__(self, text: str, fields: Mapping[str, Field], now: int) -> None:
        self._text, self._fields, self._now = text, fields, now
        self._at = 0

    def fail(self, message: str, at: int | None = None, meant: str | None = None) -> NoReturn:
        raise Mistake(message, (self._at if at is None else at) + 1, meant)

    def more(self) -> bool:
        self._take(_SPACE)
        return self._at < len(self._text)

    def term(self) -> Term:
        negated = self._text[self._at] == "-" and self._text[self._at + 1 : self._at + 2].strip() != ""
        self._at += negated
        start = self._at
        named = self._take(_FIELD)
        if named is None:
            return self._words(negated)
        field = self._fields.get(named[1].lower())
        if field is None:
            meant = next(iter(get_close_matches(named[1].lower(), self._fields, 1, 0.6)), None)
            hint = f"did you mean '{meant}'? " if meant else ""
            self.fail(f"there is no field '{named[1]}': {hint}to search for it as text, put it in quotes", start, meant)
        operator, negated = self._operator(field, named[2], negated, start)
        return self._compared(field, operator, negated)

    def _take(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        found = pattern.match(self._text, self._at)
        if found is not None:
            self._at = found.end()
        return found

    def _operator(self, field: Field, written: str, negated: bool, start: int) -> tuple[Operator, bool]:
        """`!=` is `=`, the other way round; only texts tell `:` from `=`."""
        if written == "!=":
            written, negated = "=", not negated
        if written == ":" and field.kind != "text":
            written = "="
        allowed = _EQUAL if field.name in _BOUNDS else _OPERATORS[field.kind]
        found = next((o for o in allowed if o == written), None)
        if found is None:
            known = "it is compared with > or <" if allowed is _ORDER else "it takes : and ="
            self.fail(f"'{field.name}' is a {field.kind}: {known}", start + len(field.name))
        if negated and field.name in _BOUNDS:
            self.fail(f"'{field.name}' cannot be negated", start)
        return found, negated

    def _words(self, negated: bool) -> Term:
        said = self._quoted()
        if said is None:
            word = self._take(_WORD)
            said = Said(word[0] if word else "", False)
        self._end()
        condition = Condition("text", ":", (_query(said),), negated)
        return Term(condition, (said,), bare=True)

    def _compared(self, field: Field, operator: Operator, negated: bool) -> Term:
        said: list[Said] = []
        values: list[Value] = []
        while not said or self._comma():
            start = self._at
            said.append(self._value(field))
            values.append(self._meaning(field, said[-1], start))
        if len(values) > MOST_VALUES:
            self.fail(f"'{field.name}' has at most {MOST_VALUES} values")
        if len(values) > 1 and (operator in _ORDER or field.name in _BOUNDS):
            self.fail(f"'{field.name}' has one value here: numbers are written without commas")
        self._end()
        return Term(Condition(field.name, operator, tuple(values), negated), tuple(said))

    def _comma(self) -> bool:
        found = self._text[self._at : self._at + 1] == ","
        self._at += found
        return found

    def _value(self, field: Field) -> Said:
        if (said := self._quoted()) is not None:
            return said
        bare = self._take(_BARE)
        if bare is None:
            self.fail(f"a value for '{field.name}' is missing")
        return Said(bare[0], False)

    def _quoted(self) -> Said | None:
        if self._text[self._at : self._at + 1] != '"':
            return None
        found = self._take(_QUOTED)
        if found is None:
            self.fail("this quote is not closed")
        return Said(_ESCAPED.sub(r"\1", found[1]), True)

    def _end(self) -> None:
        if self._at < len(self._text) and not self._text[self._at].isspace():
            self.fail("a space is missing here")

    def _meaning(self, field: Field, said: Said, start: int) -> Value:
        if field.name == "text":
            return _query(said)
        if field.kind == "text":
            return said.text
        try:
            return _READ[field.kind](said.text, field, self._now)
        except (ValueError, OverflowError, ArithmeticError):
            wanted = ", ".join(field.choices) if field.choices else _WANTED[field.kind]
            self.fail(f"'{field.name}' takes {wanted}, not '{said.text[:40]}'", start)


def _query(said: Said) -> str:
    """As full-text search takes it: what was quoted is a phrase."""
    return '"' + said.text.replace('"', " ") + '"' if said.quoted else said.text


def _number(text: str, field: Field, now: int) -> int | float:
    found = _NUMBER.fullmatch(text)
    if found is None:
        raise ValueError
    number = Decimal(found[1]) * _TIMES[found[2].lower()]
    if number > _MOST_NUMBER:
        raise OverflowError
    return int(number) if number == int(number) else float(number)


def _money(text: str, field: Field, now: int) -> Value:
    dollars = _number(text.removeprefix("$"), field, now)
    if dollars > 10**9:
        raise OverflowError
    return round(Decimal(str(dollars)) * 10**9)


def _duration(text: str, field: Field, now: int) -> Value:
    found = _DURATION.fullmatch(text)
    if found is None:
        raise ValueError
    return min(_MOST_US, int(Decimal(found[1]) * _MICROSECONDS[found[2]]))


def _choice(text: str, field: Field, now: int) -> Value:
    if text.lower() not in field.choices:
        raise ValueError
    return text.lower()


_READ: dict[Kind, Callable[[str, Field, int], Value]] = {
    "number": _number,
    "money": _money,
    "duration": _duration,
    "time": lambda text, field, now: moment(text, now),
    "choice": _choice,
    "flag": lambda text, field, now: _flag(text),
}
_WANTED: dict[Kind, str] = {
    "number": "a number such as 3, 1.5k or 2M",
    "money": "an amount such as 0.5 or $2",
    "duration": "a duration such as 500ms, 30s, 2m or 1h",
    "time": "a time such as 2026-11-01 or 2026-11-01T12:00Z, or an age such as 24h",
    "flag": "yes or no",
}


def _flag(text: str) -> bool:
    if text.lower() not in _FLAGS:
        raise ValueError
    return _FLAGS[text.lower()]


def _written(term: Term) -> str:
    condition = term.condition
    field = "" if term.bare else condition.field + condition.operator
    return "-" * condition.negated + field + ",".join(map(_said, term.said))


def _said(said: Said) -> str:
    if not said.quoted:
        return said.text
    return '"' + said.text.replace("\\", "\\\\").replace('"', '\\"') + '"'
