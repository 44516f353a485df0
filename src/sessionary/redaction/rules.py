"""The configured rules, ready for use: which parts of a text each finds.

Patterns are RE2's, and known secrets are found by Kingfisher's detectors: both take time that is linear in the text,
whoever wrote it. Neither is needed, or loaded, where nothing is to be redacted.
"""

import hashlib
import importlib
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from sessionary.errors import SettingsError
from sessionary.redaction.literals import Place
from sessionary.redaction.redacting import Redacting, Spans
from sessionary.settings import Redaction, Settings

SECRET = "secret"
"""Stands for every kind, so that a history stays the same when detectors get better names."""
_GROUP = b"secret"
"""A group of this name: only what it holds is taken out."""
_NAME = re.compile(r"[\w.][\w .-]{0,63}", re.ASCII)
_SHORTEST = 16
"""Bytes; no secret that a detector knows is shorter."""
_PATIENCE = 5.0
"""Seconds for one text."""
_EXTRA = "pip install 'sessionary[redaction]'"


class Rule(msgspec.Struct, frozen=True):
    name: str
    find: Callable[[bytes], Spans] | None
    """[start, end) of what is taken out of a UTF-8 text; None: all of `field`."""
    field: str = ""
    """A path; "": every text."""
    projects: Sequence[str] = ()
    """Empty: all."""


class Redactions:
    """The rules of all projects."""

    def __init__(self, rules: Sequence[Rule] = (), secret: str = "") -> None:
        """`secret`: the gateway's own, of any length."""
        self._rules = rules
        self._key = hashlib.sha256(secret.encode()).digest()
        self._known: dict[str, Redacting | None] = {}

    def of(self, project: str) -> Redacting | None:
        """For the calls of a project; None where no rule is."""
        if project not in self._known:
            self._known[project] = self._made(project)
        return self._known[project]

    def _made(self, project: str) -> Redacting | None:
        mine = [rule for rule in self._rules if not rule.projects or project in rule.projects]
        if not mine:
            return None
        fields: Place[tuple[str, Callable[[bytes], Spans] | None]] = Place()
        for rule in mine:
            if rule.field:
                place = fields.at(rule.field)
                if rule.find is None:
                    place.whole = place.whole or (rule.name, None)
                else:
                    place.rules.append((rule.name, rule.find))
        everywhere = [(rule.name, rule.find) for rule in mine if not rule.field and rule.find is not None]
        return Redacting(everywhere, fields if fields.below else None, [rule.name for rule in mine], self._key)


def compiled(settings: Settings) -> list[Rule]:
    """Raises SettingsError, naming the place, for what cannot be used. With known secrets it may take seconds the first
    time: what the detectors are made into is kept in the data folder."""
    rules = [_rule(given) for given in settings.redact]
    if settings.redact_secrets:
        rules.append(Rule(SECRET, _detector(settings.data_dir / "detectors")))
    return rules


def _rule(given: Redaction) -> Rule:
    if not _NAME.fullmatch(given.name):
        raise SettingsError(f"{given.place}: the name of a redaction is of letters, digits, spaces and _ . -")
    if given.field:
        try:
            Place[None]().at(given.field)
        except ValueError:
            raise SettingsError(
                f"{given.place}: the field of '{given.name}' is no path such as metadata.email or messages[*].content"
            ) from None
    find = _pattern(given) if given.pattern else None
    return Rule(given.name, find, given.field, tuple(given.projects))


def _pattern(given: Redaction) -> Callable[[bytes], Spans]:
    re2 = _extra("re2", given.place, "a pattern")
    options = re2.Options()
    options.log_errors = False
    try:
        pattern = re2.compile(given.pattern.encode(), options)
    except re2.error as error:
        said = error.args[0] if error.args else b""
        why = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
        raise SettingsError(f"{given.place}: the pattern of '{given.name}' is not one of RE2's: {why}") from None
    group = pattern.groupindex.get(_GROUP, 0)

    def find(text: bytes) -> Spans:
        return [found.span(group) for found in pattern.finditer(text)]

    return find


def _detector(cache: Path) -> Callable[[bytes], Spans]:
    kingfisher = _extra("kingfisher_sdk", "redact_secrets", "'redact_secrets'")
    scanner = kingfisher.Scanner(kingfisher.Rules(cache_dir=str(cache)))

    def find(text: bytes) -> Spans:
        if len(text) < _SHORTEST:
            return []
        places = [found.location for found in scanner.scan(text, timeout=_PATIENCE)]
        return [(place["start_offset"], place["end_offset"]) for place in places]

    return find


def _extra(module: str, place: str, what: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError:
        raise SettingsError(f"{place}: {what} needs the extra 'redaction': {_EXTRA}") from None
