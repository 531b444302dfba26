"""Starts the reading processes before anything else, where it is plain that they will be needed.

In a first load, or one that reads all again, they can import what reading needs while this process imports DuckDB,
opens the ledger and scans. A quick look at the sources, cut off early, tells whether they are large enough for
processes at all.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from flows.engines.readers import LocalReaders, Readers
from flows.pipeline.request import RunRequest
from flows.sources.walk import is_document
from warehouse.home import Home

if TYPE_CHECKING:
    from flows.engines.dask_readers import DaskReaders

MOST_ENTRIES = 5_000


@contextmanager
def early_readers(request: RunRequest) -> Iterator[Readers]:
    """Yield what reads a run's documents; where there will be much to read, its processes have begun to start.

    With Dask, yield readers that open the cluster when there is something to read.
    """
    if request.engine.is_dask:
        with dask_readers(request) as on_dask:
            yield on_dask
        return
    with LocalReaders(request.processes) as readers:
        if request.processes > 1 and not _is_incremental(request):
            _look(request, readers)
        yield readers


def dask_readers(request: RunRequest) -> "DaskReaders":
    """Return readers on the request's cluster, for a run without Prefect."""
    # Not at the top: Dask is an extra, and importing it takes longer than a small run.
    from flows.engines.dask_readers import DaskReaders, direct_cluster

    engine = request.engine
    return DaskReaders(partial(direct_cluster, engine, request.processes), is_own=not engine.address)


def _is_incremental(request: RunRequest) -> bool:
    return Home.of(request.warehouse).ledger.exists() and not request.full_refresh


def _look(request: RunRequest, readers: LocalReaders) -> None:
    """Look at the sources until so much is seen that the readers begin."""
    byte_count = 0
    for document_count, size in enumerate(_sizes(request), 1):
        byte_count += size
        readers.expect(document_count, byte_count)
        if readers.has_begun:
            return


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
