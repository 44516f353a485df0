"""The copy, from beginning to end."""

from collections.abc import Callable

import msgspec
import sqlalchemy as sa

from sessionary.limits import schema as limits_schema
from sessionary.migrating import Refused, check, words
from sessionary.migrating.source import File, Source
from sessionary.migrating.target import Target, tables
from sessionary.store.audit import Actor
from sessionary.store.verify.found import Difference

Told = Callable[[str, int, int, int], None]
"""What it is at, rows that are done, of how many, and bytes (nearly) that were copied."""


class Report(msgspec.Struct):
    """`sessions`, `calls`, `rows`, `texts`: how many there are now. `went_on`: an earlier run had begun."""

    sessions: int = 0
    calls: int = 0
    rows: int = 0
    texts: int = 0
    """That search finds."""
    sampled: int = 0
    """Rows whose hashes and sums were derived again."""
    changed: int = 0
    """Texts that had what no text of PostgreSQL may have, and have a mark in its place."""
    refused: dict[str, int] = {}
    """By table: rows that PostgreSQL would not have. They are kept in `set_aside`."""
    differences: list[Difference] = []
    went_on: bool = False
    done_before: bool = False
    """There was nothing to do."""


class Copying:
    def __init__(self, source: Source, target: Target, told: Told) -> None:
        self._source = source
        self._target = target
        self._told = told
        self._done = 0
        self._of = 0
        self._bytes = 0

    def run(self, by: Actor) -> Report:
        """Raises Refused, and what the databases raise: then it can be run again, and goes on."""
        mark = self._source.mark()
        if self._target.finished(mark):
            return Report(done_before=True)
        report = Report(went_on=self._target.begin(mark, self._source.store.periods()))
        files = self._files()
        counts = {table.name: file.count(table) for file, table in files}
        self._of = sum(counts.values()) + counts["search_docs"]
        for file, table in files:
            before = self._target.progress(table.name)
            self._tell(table.name, before.rows + before.refused)
            for batch in file.batches(table, before.place):
                self._target.copy(table, batch)
                self._bytes += batch.size
                self._tell(table.name, len(batch.rows))
            progress = self._target.progress(table.name)
            report.rows += progress.rows
            report.changed += progress.changed
            if progress.refused:
                report.refused[table.name] = progress.refused
        before = self._target.progress("search_text")
        self._tell("words for search", before.rows)
        for texts in words.texts(self._source.store.connection, before.place):
            self._target.index(texts)
            self._tell("words for search", len(texts))
        for _ in self._target.indexes():
            self._tell("indexes", 0)
        self._target.analyze()
        for file, table in files:
            self._tell(f"checking {table.name}", 0)
            check.table(self._target, file, table)
        check.searched(self._target, self._source.store)
        self._tell("checking hashes", 0)
        report.sampled, report.differences = check.sample(self._target, self._source.store)
        if report.differences:
            return report
        if self._source.mark() != mark:
            raise Refused("Something has written to the database while it was copied: stop it, and run this again.")
        report.sessions, report.calls, report.texts = (counts[name] for name in ("sessions", "calls", "search_docs"))
        self._target.finish(mark, by, sessions=report.sessions, calls=report.calls, rows=report.rows)
        return report

    def _files(self) -> list[tuple[File, sa.Table]]:
        limits = self._source.limits
        return [
            (file, table)
            for table in tables()
            if (file := limits if table.metadata is limits_schema.metadata else self._source.store) is not None
        ]

    def _tell(self, at: str, rows: int) -> None:
        self._done += rows
        self._told(at, self._done, self._of, self._bytes)
