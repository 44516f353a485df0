"""A YAML file read so that every complaint can name the key and the line. Pure but for the reading.

A text `os.environ/NAME` or `env:NAME` stands for that variable wherever it is read; one that is not set, or is
empty, is an error. Complaints never quote a value: it may be a secret.
"""

import difflib
import math
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from sessionary.errors import SettingsError

_NULL = "tag:yaml.org,2002:null"
_STRING = "tag:yaml.org,2002:str"
_MERGE = "tag:yaml.org,2002:merge"
_REFERENCES = ("os.environ/", "env:")


class Node:
    """A YAML node that knows where it is: the file and line, and a path as `models[0].name`."""

    def __init__(self, file: str, node: yaml.Node, path: str, environ: Mapping[str, str], line: int) -> None:
        self.file = file
        self.path = path
        self._node = node
        self._environ = environ
        self._line = line
        """Of its key; of the value where there is none."""

    @property
    def place(self) -> str:
        return f"{self.file}:{self._line}" if self._line else self.file

    @property
    def is_mapping(self) -> bool:
        return isinstance(self._node, yaml.MappingNode)

    def fail(self, what: str) -> SettingsError:
        return SettingsError(f"{self.place}: {what}")

    def using(self, environ: Mapping[str, str]) -> "Node":
        """The same node, its references looked up in `environ`."""
        return Node(self.file, self._node, self.path, environ, self._line)

    def fields(self) -> dict[str, "Node"]:
        """What the mapping holds, a plain `null` being as good as not there. Raises where a key comes twice."""
        if self._is_null():
            return {}
        if not isinstance(self._node, yaml.MappingNode):
            raise self.fail(f"'{self.path}' must be a mapping" if self.path else "the file must be a mapping of keys")
        own = [key for key, _ in self._node.value if key.tag != _MERGE]
        for n, key in enumerate(own):
            if key.value in [earlier.value for earlier in own[:n]]:
                raise self._below(str(key.value), key, key).fail(f"'{self._path_to(str(key.value))}' is given twice")
        found = {str(key.value): self._below(str(key.value), value, key) for key, value in _merged(self._node).value}
        return {name: node for name, node in found.items() if not node._is_null() or node._is_blank()}

    def known_fields(self, known: Iterable[str]) -> dict[str, "Node"]:
        """Raises SettingsError for a key that is not among `known`, with what it may have been meant to be."""
        fields = self.fields()
        names = sorted(set(known))
        for name, node in fields.items():
            if name not in names:
                raise node.unknown(names)
        return fields

    def unknown(self, names: list[str]) -> SettingsError:
        within, _, name = self.path.rpartition(".")
        near = difflib.get_close_matches(name, names, 1)
        hint = f" (did you mean '{near[0]}'?)" if near else f" (known: {', '.join(names)})" if len(names) < 30 else ""
        return self.fail(f"unknown key '{name}'" + (f" in {within}" if within else "") + hint)

    def items(self) -> list["Node"]:
        if self._is_null():
            return []
        if not isinstance(self._node, yaml.SequenceNode):
            raise self.fail(f"'{self.path}' must be a list")
        return [self._below(f"[{n}]", item, item) for n, item in enumerate(self._node.value)]

    def texts(self) -> list[str]:
        return [item.text() for item in self.items()]

    def text(self) -> str:
        """Also of a number or a truth value, as it is written."""
        if not isinstance(self._node, yaml.ScalarNode):
            raise self.fail(f"'{self.path}' must be a text")
        value = str(self._node.value).strip()
        mark = next((m for m in _REFERENCES if value.startswith(m)), None)
        if mark is not None:
            name = value.removeprefix(mark)
            value = self._environ.get(name, "").strip()
            if not value:
                raise self.fail(f"'{self.path}' needs the environment variable {name}, which is not set or empty")
        if not value:
            raise self.fail(f"'{self.path}' is empty")
        if not value.isprintable():
            raise self.fail(f"'{self.path}' must be one line of text")
        return value

    def choice(self, choices: Iterable[str]) -> str:
        if (value := self.text()) not in choices:
            raise self.fail(f"'{self.path}' must be one of {', '.join(choices)}")
        return value

    def number(self, *, least: float = 0.0) -> float:
        try:
            value = float(self.text())
        except ValueError:
            value = math.nan
        if not (math.isfinite(value) and value >= least):
            raise self.fail(f"'{self.path}' must be a number of at least {least:g}")
        return value

    def whole(self, *, least: int = 0, most: int | None = None) -> int:
        value = self.number(least=least)
        if not value.is_integer() or (most is not None and value > most):
            span = f"of at least {least}" if most is None else f"from {least} to {most}"
            raise self.fail(f"'{self.path}' must be a whole number {span}")
        return int(value)

    def _path_to(self, name: str) -> str:
        return f"{self.path}.{name}" if self.path and not name.startswith("[") else f"{self.path}{name}"

    def _below(self, name: str, node: yaml.Node, key: yaml.Node) -> "Node":
        return Node(self.file, node, self._path_to(name), self._environ, key.start_mark.line + 1)

    def _is_null(self) -> bool:
        return isinstance(self._node, yaml.ScalarNode) and self._node.tag == _NULL

    def _is_blank(self) -> bool:
        """A key with nothing behind it: an error for a text, which may be a secret that somebody forgot."""
        return isinstance(self._node, yaml.ScalarNode) and self._node.value == ""


def _merged(node: yaml.MappingNode) -> yaml.MappingNode:
    """With what `<<` brings in, which what is written in place goes before."""
    if any(key.tag == _MERGE for key, _ in node.value):
        loader = yaml.SafeLoader("")
        try:
            loader.flatten_mapping(node)
        finally:
            loader.dispose()
    return node


def variable(name: str, environ: Mapping[str, str]) -> Node:
    """The environment variable `name`, which is set, as a node."""
    return Node("environment", yaml.ScalarNode(_STRING, environ[name]), name, {}, 0)


def read(path: Path, environ: Mapping[str, str]) -> Node:
    """The file's root. Raises SettingsError where it cannot be read."""
    try:
        root = yaml.compose(path.read_text("utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        mark = getattr(error, "problem_mark", None)
        place = f"{path}:{mark.line + 1}" if mark is not None else str(path)
        raise SettingsError(f"{place}: not valid YAML: {getattr(error, 'problem', None) or error}") from error
    return Node(str(path), root or yaml.ScalarNode(_NULL, ""), "", environ, 0)
