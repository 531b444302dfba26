"""A copy of the ledger in memory, to try a run on: what it records there is gone at the end, and no file was written.

Copied is what recording compares with, which is a few hundred bytes a document. Kept bytes and what mentions say stay
in the file: they are looked up there where somebody asks.
"""

import tempfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import duckdb
import pyarrow as pa

from schemas.errors import RunFailed
from warehouse.db import Limits, ledger_connection, memory_connection
from warehouse.home import Home
from warehouse.ledger.locked import memory_for
from warehouse.ledger.opening import FORMAT_VERSION, prepare, read_format
from warehouse.sql_files import read_sql

COPIED = ("meta", "document", "file_state", "event", "content", "problem", "drift", "run", "release", "tombstone")


class Spoken(NamedTuple):
    """An article as a content speaks of it: the content's key, the place (0: its own), the URL and title as written."""

    content_id: int
    position: int
    url: str
    title: str | None


class Change(NamedTuple):
    """A document that a run has found new, changed or gone, and the content that it has now, or had before it went."""

    kind: str
    source: str
    path: str
    content_id: int


@dataclass(frozen=True, slots=True)
class Trial:
    """A ledger in memory (`connection`), and the file that it was copied from (`origin`), None where there is none."""

    connection: duckdb.DuckDBPyConnection
    origin: duckdb.DuckDBPyConnection | None

    def changes(self, as_of: datetime) -> list[Change]:
        """Return the documents that the run at an as-of has changed, by kind, source and path."""
        rows = self.connection.execute(read_sql("ledger", "run_changes"), {"as_of": as_of}).fetchall()
        return [Change(*row) for row in rows]

    def spoken(self, content_ids: Collection[int]) -> list[Spoken]:
        """Return the articles that these contents speak of, by content and place; from the file, too."""
        wanted = pa.table({"content_id": pa.array(sorted(set(content_ids)), pa.int64())})
        found: set[Spoken] = set()
        for connection in (self.connection, self.origin):
            if connection is not None:
                connection.register("wanted_content", wanted)
                found |= {Spoken(*row) for row in connection.execute(read_sql("ledger", "spoken")).fetchall()}
                connection.unregister("wanted_content")
        return sorted(found, key=lambda one: one[:3])


@contextmanager
def trial_ledger(home: Home, memory: str) -> Iterator[Trial]:
    """Copy the ledger for the block; the caller holds the lock. Spills go to the system's temporary folder.

    Raises LedgerDamaged, or RunFailed for a ledger of another format than today's: a run migrates an older one.
    """
    place = Path(tempfile.gettempdir()).resolve()
    limits = Limits(memory=memory_for(0, memory))
    with ExitStack() as stack:
        connection = stack.enter_context(memory_connection(place, limits=limits))
        connection.execute("attach ':memory:' as ledger")
        connection.execute("use ledger")
        prepare(connection)
        origin = None
        if home.ledger.exists():
            opened = ledger_connection(home.ledger, read_only=True, spill_parent=place, limits=limits)
            origin = stack.enter_context(opened)
            _copy(origin, connection, home)
        yield Trial(connection, origin)


def _copy(origin: duckdb.DuckDBPyConnection, connection: duckdb.DuckDBPyConnection, home: Home) -> None:
    version = read_format(origin)
    if version is None:
        return  # made and never filled
    if version != FORMAT_VERSION:
        what = f"the ledger is not of format {FORMAT_VERSION}, and a dry run reads no other"
        raise RunFailed(what, where=str(home.ledger), todo="`newsmart run` brings an older one up to date")
    for table in COPIED:
        rows = origin.sql(f"select * from ledger.{table}").to_arrow_table()
        connection.register("copied", rows)
        connection.execute(f"delete from ledger.{table}")
        connection.execute(f"insert into ledger.{table} by name select * from copied")
        connection.unregister("copied")
