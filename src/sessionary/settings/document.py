"""A YAML file read so that every complaint can name the key and the line. Pure but for the reading."""

import difflib
from collections.abc import Iterable, Mapping
from pathlib import Path

import yaml

from sessionary.errors import SettingsError


class Node:
    """A YAML node that knows where it is: `config.yaml:12` and `models[0].name`."""

    def __init__(self, file: str, node: yaml.Node, path: str) -> None:
        self._file = file
        self._node = node
        self.path = path

    @property
    def value(self) -> object:
        """As plain Python."""
        loader = yaml.SafeLoader("")
        try:
            return loader.construct_document(self._node)
        except yaml.YAMLError as error:
            raise SettingsError(f"{self.place}: {self.path}: {error}") from error
        finally:
            loader.dispose()

    @property
    def place(self) -> str:
        return f"{self._file}:{self._node.start_mark.line + 1}"

    def fail(self, what: str) -> SettingsError:
        return SettingsError(f"{self.place}: {what}")

    def fields(self) -> dict[str, "Node"]:
        """Raises SettingsError where this is no mapping or repeats a key."""
        if self._is_null():
            return {}
        if not isinstance(self._node, yaml.MappingNode):
            raise self.fail(f"'{self.path}' must be a mapping")
        found: dict[str, Node] = {}
        for key, value in self._node.value:
            name = str(key.value)
            node = Node(self._file, value, f"{self.path}.{name}" if self.path else name)
            if name in found:
                raise Node(self._file, key, node.path).fail(f"'{node.path}' is given twice")
            found[name] = node
            node._key = key  # type: ignore[attr-defined]
        return found

    def known_fields(self, known: Iterable[str]) -> dict[str, "Node"]:
        """Raises SettingsError for a key that is not among `known`, with what it may have been meant to be."""
        fields = self.fields()
        names = list(known)
        for name, node in fields.items():
            if name not in names:
                near = difflib.get_close_matches(name, names, 1)
                hint = f" (did you mean '{near[0]}'?)" if near else f" (known: {', '.join(sorted(names))})"
                within = f" in '{self.path}'" if self.path else ""
                line = node._key.start_mark.line + 1  # type: ignore[attr-defined]
                raise SettingsError(f"{self._file}:{line}: unknown key '{name}'{within}{hint}")
        return fields

    def items(self) -> list["Node"]:
        if self._is_null():
            return []
        if not isinstance(self._node, yaml.SequenceNode):
            raise self.fail(f"'{self.path}' must be a list")
        return [Node(self._file, item, f"{self.path}[{n}]") for n, item in enumerate(self._node.value)]

    def text(self) -> str:
        value = self.value
        if not isinstance(value, str) or not value.strip():
            raise self.fail(f"'{self.path}' must be a text that is not empty")
        return value.strip()

    def number(self, *, least: float = 0.0) -> float:
        value = self.value
        if isinstance(value, str):
            try:
                value = float(value)
            except ValueError:
                value = None
        if isinstance(value, bool) or not isinstance(value, int | float) or value < least:
            raise self.fail(f"'{self.path}' must be a number of at least {least:g}")
        return float(value)

    def whole(self, *, least: int = 0) -> int:
        value = self.number(least=least)
        if not value.is_integer():
            raise self.fail(f"'{self.path}' must be a whole number")
        return int(value)

    def secret(self, environ: Mapping[str, str]) -> str:
        """A text, or the variable that `os.environ/NAME` or `env:NAME` names; must not be empty."""
        value = self.text()
        for mark in ("os.environ/", "env:"):
            if value.startswith(mark):
                name = value[len(mark) :]
                if not environ.get(name):
                    raise self.fail(f"'{self.path}' needs the environment variable {name}, which is not set")
                return environ[name]
        return value

    def _is_null(self) -> bool:
        return isinstance(self._node, yaml.ScalarNode) and self._node.tag == "tag:yaml.org,2002:null"


def read(path: Path) -> Node:
    """The file's root. Raises SettingsError where it cannot be read."""
    try:
        root = yaml.compose(path.read_text("utf-8"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise SettingsError(f"{path}: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        line = getattr(getattr(error, "problem_mark", None), "line", None)
        place = f"{path}:{line + 1}" if line is not None else str(path)
        raise SettingsError(f"{place}: not valid YAML: {getattr(error, 'problem', error)}") from error
    return Node(str(path), root or yaml.ScalarNode("tag:yaml.org,2002:null", ""), "")
