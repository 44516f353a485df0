"""Where it is written what was read: on a terminal for people, folded and in colours, or into a pipe, plain and whole.

Every text passes `harmless` here and nowhere else, and none is ever markup.
"""

import contextlib
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

import msgspec
import typer
from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

from sessionary.cli.common import Printer, fail, nobody_reads, tell
from sessionary.cli.shell import harmless
from sessionary.errors import SessionaryError

Json = dict[str, Any]
Part = tuple[str, str]
"""A text and its style."""
_LINE = 160
"""Characters that a line is taken to have where long ones are folded."""
_INDENT = 2
TAB = 4
_NARROWEST, _USUAL = 20, 80
"""Columns of a terminal."""


class Block(NamedTuple):
    """Some lines that belong together."""

    parts: tuple[Part, ...]
    depth: int = 0
    fold: int = 0
    """How many lines of it are shown where the rest is folded; 0: all."""


Shown = tuple[Callable[[int], list[Block]], Callable[[Json, int], list[Block]], Callable[[Json], list[str]]]
"""Of a list: its head and a row, for a terminal of so many columns, and the row's cells for a pipe."""


def block(*parts: Part | str, depth: int = 0, fold: int = 0) -> Block:
    return Block(tuple((part, "") if isinstance(part, str) else part for part in parts), depth, fold)


class Paper:
    def __init__(self, full: bool | None = None, console: Console | None = None) -> None:
        """`full`: whether nothing is folded; None: where it is no terminal."""
        self._console = console or Printer(highlight=False, width=_width())
        self.terminal = self._console.is_terminal
        self.width = self._console.width
        self._full = not self.terminal if full is None else full
        self.room = None if self._full else self.width
        """Columns for what is shortened; None: nothing is."""

    def put(self, *blocks: Block) -> None:
        for one in blocks:
            parts, hidden = _folded(one.parts, 0 if self._full else one.fold)
            text = Text.assemble(*((harmless.clean(said), style) for said, style in parts))
            self._put(text, one.depth * _INDENT)
            if hidden:
                self._put(Text(f"… {hidden} (--full shows all)", style="dim"), one.depth * _INDENT)

    def rows(self, found: Iterable[Json], shown: Shown, *, as_json: bool, first: bool) -> None:
        """Rows of a list, the `first` of all with its head above it."""
        head, row, cells = shown
        for one in found:
            if as_json:
                self.json(one)
            elif self.terminal:
                self.put(*(head(self.width) if first else []), *row(one, self.width))
            else:
                self.row(cells(one))
            first = False
        self.flush()

    def row(self, cells: Iterable[str]) -> None:
        """For a pipe: cells with tabs between them."""
        self._console.file.write("\t".join(harmless.line(cell) for cell in cells) + "\n")

    def json(self, value: object) -> None:
        self._console.file.write(harmless.json(msgspec.json.encode(value).decode()) + "\n")

    def said(self, text: str, style: str = "") -> None:
        """A piece of a line that goes on, at once."""
        if self.terminal:
            self._console.print(Text(harmless.clean(text), style=style), end="", soft_wrap=True)
        else:
            self._console.file.write(harmless.clean(text))
        self._console.file.flush()

    def flush(self) -> None:
        self._console.file.flush()

    def _put(self, text: Text, indent: int) -> None:
        space = " " * indent
        if self.terminal:
            text.expand_tabs(TAB)
            wrapped = text.wrap(self._console, max(self.width - indent, _NARROWEST))
            for line in wrapped:
                line.rstrip()
            told = Text("\n").join(Text(space).append_text(line) if line.plain else line for line in wrapped)
            self._console.print(told, soft_wrap=True)
            return
        lines = text.plain.split("\n")
        self._console.file.write("".join(f"{space}{line}".rstrip(" ") + "\n" for line in lines))


def note(message: str) -> None:
    """Beside what was asked for: it is no part of what a pipe gets."""
    console = Console(stderr=True, highlight=False, width=_width(sys.stderr.fileno()))
    console.print(Text(harmless.clean(message), style="dim"), soft_wrap=not console.is_terminal)


class Passing:
    """A line beside what was asked for, that the next one takes the place of: only where somebody sees it."""

    def __init__(self) -> None:
        self._seen = sys.stderr.isatty()
        self._width = _width(sys.stderr.fileno()) - 1 if self._seen else 0

    def tell(self, message: str) -> None:
        if self._seen:
            sys.stderr.write(f"\r{fit(message, self._width)}")
            sys.stderr.flush()

    def leave(self) -> None:
        """Nothing is left of it."""
        if self._seen:
            sys.stderr.write(f"\r{' ' * self._width}\r")
            sys.stderr.flush()


def fit(text: str, width: int) -> str:
    """In one line of exactly so many cells."""
    shown = Text(harmless.line(text))
    shown.truncate(width, overflow="ellipsis", pad=True)
    return shown.plain


def right(text: str, width: int) -> str:
    return " " * (width - cell_len(text)) + text


@contextlib.contextmanager
def ending() -> Iterator[None]:
    """What a command does comes to an end that a person understands: one line, or none where they ended it."""
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a narrow encoding is no reason to fail
    try:
        try:
            yield
        finally:
            sys.stdout.flush()
    except BrokenPipeError:  # whoever read has had enough
        nobody_reads(sys.stdout)
        raise typer.Exit(0) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except SessionaryError as error:
        fail(error.message)
    except OSError as error:  # of what is written: the gateway's are told as what they mean
        tell(f"it cannot be written ({error.strerror or error.__class__.__name__})")
        nobody_reads(sys.stdout)
        raise typer.Exit(2) from None
    except (KeyError, TypeError):
        fail("what the gateway answers is not understood: is it of another version?")


def _width(fd: int = 1) -> int:
    told = os.environ.get("COLUMNS", "")
    if told.isdecimal() and int(told):
        return max(_NARROWEST, int(told))
    try:
        return max(_NARROWEST, os.get_terminal_size(fd).columns or _USUAL)
    except OSError:
        return _USUAL


def _folded(parts: tuple[Part, ...], lines: int) -> tuple[list[Part], str]:
    """So many lines of them, and what is not among these, in words."""
    if not lines:
        return list(parts), ""
    left, letters = lines, lines * _LINE
    kept: list[Part] = []
    rest = ""
    for said, style in parts:
        if rest:
            rest += said
            continue
        head, cut = _head(said, left, letters)
        kept.append((head, style))
        left, letters, rest = left - head.count("\n"), letters - len(head), cut
    if not rest.strip():
        return list(parts), ""
    kept[-1] = (kept[-1][0].rstrip("\n"), kept[-1][1])
    more = rest.strip("\n").count("\n") + 1
    return kept, f"{more:,} more lines" if more > 1 else f"{len(rest):,} more characters"


def _head(text: str, lines: int, letters: int) -> tuple[str, str]:
    at = -1
    for _ in range(lines):
        at = text.find("\n", at + 1)
        if at < 0:
            break
    end = min(at if at >= 0 else len(text), max(letters, 0))
    return text[:end], text[end:]
