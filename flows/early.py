"""Starts the reading processes before anything else, where it is plain that they will be needed.

A reading process takes a third of a second to import what it needs. In a first load, or one that reads all again, it
can do so while this process imports DuckDB, opens the ledger and scans. A quick look at the sources, cut off early,
tells whether they are large enough for processes at all.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from flows.pool import ReaderPool, Readers, pays
from flows.request import RunRequest
from flows.walk import is_document
from warehouse.home import Home

if TYPE_CHECKING:
    from flows.engines.dask_readers import DaskReaders

MOST_ENTRIES = 5_000


@contextmanager
def early_readers(request: RunRequest) -> Iterator[Readers | None]:
    """Yield reading processes that have begun to start, or None where there is no need for them.

    With Dask, yield readers that open the cluster when there is something to read.
    """
    if request.engine.is_dask:
        with dask_readers(request) as on_dask:
            yield on_dask
        return
    if request.processes < 2 or _is_incremental(request) or not _is_large(request):
        yield None
        return
    with ReaderPool(request.processes) as readers:
        yield readers


def dask_readers(request: RunRequest) -> "DaskReaders":
    """Return readers on the request's cluster, for a run without Prefect."""
    # Not at the top: Dask is an extra, and importing it takes longer than a small run.
    from flows.engines.dask_cluster import direct_cluster
    from flows.engines.dask_readers import DaskReaders

    engine = request.engine
    return DaskReaders(partial(direct_cluster, engine, request.processes), is_own=not engine.address)


def _is_incremental(request: RunRequest) -> bool:
    return Home.of(request.warehouse).ledger.exists() and not request.full_refresh


def _is_large(request: RunRequest) -> bool:
    byte_count = 0
    for document_count, size in enumerate(_sizes(request), 1):
        byte_count += size
        if pays(byte_count, document_count):
            return True
    return False


def _sizes(request: RunRequest) -> Iterator[int]:
    """Yield sizes of documents in bytes, of so many entries as a quick look allows; links are not followed."""
    folders = [source.root for source in request.sources]
    left = MOST_ENTRIES
    while folders and left > 0:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    left -= 1
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    elif is_document(entry.name):
                        yield entry.stat(follow_symlinks=False).st_size
                    if left <= 0:
                        return
        except OSError:
            continue
