"""A folder of documents and a warehouse, to run the whole way in a test as a reader would see it."""

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from flows.pipeline.direct import run_direct
from flows.pipeline.request import RunRequest, RunResult
from flows.sources.scan import Source

FIRST_AS_OF = datetime(2024, 1, 1)
A_DAY = timedelta(days=1)

Rows = list[tuple[Any, ...]]


@dataclass
class Newsroom:
    """One source folder, called `news`, and its warehouse; runs are a day apart where no as-of is given."""

    folder: Path
    warehouse: Path
    next_as_of: datetime = field(default=FIRST_AS_OF)

    @classmethod
    def below(cls, place: Path) -> "Newsroom":
        """Make the folder and name the warehouse."""
        folder = place / "news"
        folder.mkdir()
        return cls(folder, place / "out" / "news.duckdb")

    def copy(self, place: Path) -> "Newsroom":
        """Copy both to an empty folder, so that tests may share what they begin with."""
        shutil.copytree(self.folder, place / "news")
        shutil.copytree(self.warehouse.parent, place / "out", symlinks=True)
        return replace(self, folder=place / "news", warehouse=place / "out" / self.warehouse.name)

    def write(self, path: str, text: str, *, is_settled: bool = True) -> Path:
        """Write a document; settled ones have an mtime far in the past, so that a run may trust their metadata."""
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text.encode())
        if is_settled:
            os.utime(file, ns=(10**18, 10**18))
        return file

    def remove(self, path: str) -> None:
        """Remove a document."""
        (self.folder / path).unlink()

    def run(self, as_of: datetime | None = None, sources: Sequence[Source] | None = None, **options: Any) -> RunResult:
        """Run once, without Prefect."""
        given = self.next_as_of if as_of is None else as_of
        self.next_as_of = given + A_DAY
        chosen = tuple(sources) if sources is not None else (Source("news", str(self.folder)),)
        return run_direct(RunRequest(chosen, self.warehouse, as_of=given, **options))

    def query(self, sql: str) -> Rows:
        """Ask the current release."""
        with duckdb.connect(self.warehouse, read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def one(self, sql: str) -> Any:
        """Return the only value of the only row."""
        ((value,),) = self.query(sql)
        return value
