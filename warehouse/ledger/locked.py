"""Opening the ledger under the warehouse's lock, with as much memory for DuckDB as its size needs.

DuckDB's own default is 80 % of the machine, which is not a run's alone: readers ask meanwhile, and reading processes
hold 200 MB each. The numbers were measured (README, "Growing").
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from schemas.errors import RunFailed
from warehouse.db import Limits, limit_memory
from warehouse.home import Home
from warehouse.ledger.opening import count_rows, open_ledger
from warehouse.lock import hold
from warehouse.sql_files import read_sql

LEAST_MEMORY_MB = 350
BYTES_PER_URL = 300
# Two steps at a time, each of which reads a text, passes it on, and writes it.
COPIES_OF_LONG_TEXTS, MOST_FOR_LONG_TEXTS_MB = 5, 2_000
LEAST_RECORDING_MB = 64
RECORDING_BYTES_PER_DOCUMENT = 600


def recording_memory_for(documents: int, setting: str) -> str:
    """Return how much memory DuckDB may use while recording: as set, else 64 MB, 0.6 kB a document where that is more.

    In: how many documents were scanned and are known, together: a join of both must fit (one of 400,000 with 400,000
    takes 150 MB). The reading processes are there at the same time. What one transaction adds to the ledger may go to
    disk meanwhile.
    """
    return setting or f"{max(LEAST_RECORDING_MB, documents * RECORDING_BYTES_PER_DOCUMENT // 1_000_000)}MB"


def memory_for(urls: int, setting: str, large_bytes: int = 0) -> str:
    """Return how much memory DuckDB may use: as set, else 350 MB, and 0.3 kB a known URL where that is more.

    DuckDB spills what it joins and sorts, but keeps the index of a key that it builds in memory: the largest is that
    of the URLs. And it has 2,048 values of a column in memory together, however long they are, so what large documents
    may hold (sql/ledger/large_documents.sql) is allowed for as well, up to 2 GB: without it, thirty documents with a
    text of 4.7 MB each would end every run.
    """
    for_texts = min(COPIES_OF_LONG_TEXTS * large_bytes // 1_000_000, MOST_FOR_LONG_TEXTS_MB)
    return setting or f"{max(LEAST_MEMORY_MB, urls * BYTES_PER_URL // 1_000_000) + for_texts}MB"


def give_memory(connection: duckdb.DuckDBPyConnection, setting: str, documents: int = 0) -> None:
    """Let DuckDB use as much memory as what the ledger holds needs, or as is set.

    `documents`: how many a run that is about to commit has compared; it keeps at least what that was allowed.
    """
    ((large_bytes,),) = connection.execute(read_sql("ledger", "large_documents")).fetchall()
    urls = max(count_rows(connection, "url"), documents * RECORDING_BYTES_PER_DOCUMENT // BYTES_PER_URL)
    limit_memory(connection, memory_for(urls, setting, int(large_bytes)))


@contextmanager
def open_sized(home: Home, memory: str) -> Iterator[duckdb.DuckDBPyConnection]:
    """Open the ledger with the memory that it needs, or with `memory` where that is set.

    The caller holds the lock. Raises what `open_ledger` raises.
    """
    with open_ledger(home, limits=Limits(memory=memory_for(0, memory))) as connection:
        give_memory(connection, memory)
        yield connection


@contextmanager
def locked_ledger(warehouse: Path, memory: str) -> Iterator[tuple[Home, duckdb.DuckDBPyConnection]]:
    """Take the lock of a warehouse that is there, and open its ledger. Raises RunFailed where there is none yet."""
    home = Home.of(warehouse)
    home.check()
    if not home.ledger.is_file():
        raise RunFailed("there is no warehouse yet", where=str(home.file), todo="run `newsmart run` first")
    with hold(home), open_sized(home, memory) as connection:
        yield home, connection
