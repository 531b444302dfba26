"""What reads a run's documents; ready before DuckDB is imported.

In a first load, or one that reads all again, reading processes import what they need while this process imports
DuckDB, opens the ledger and scans, which saves a tenth of the run (measured with 2,500 long documents). A quick look at
the sources tells whether there is enough to read for processes at all.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING

from flows.pipeline.request import RunRequest
from flows.readers.local import LocalReaders, Readers
from flows.sources.walk import is_document
from warehouse.home import Home

if TYPE_CHECKING:  # Dask is an extra, and importing it takes longer than a small run
    from flows.readers.dask_cluster import Cluster

OpenCluster = Callable[[str, int], "AbstractContextManager[Cluster]"]

MOST_FILES_LOOKED_AT = 5_000


@contextmanager
def readers_of(request: RunRequest, open_cluster: OpenCluster | None = None) -> Iterator[Readers]:
    """Yield processes of this machine, or a Dask cluster, opened when it is needed: by `open_cluster`, where given."""
    if request.dask_address is not None:
        from flows.readers.dask_cluster import direct_cluster
        from flows.readers.dask_readers import DaskReaders

        cluster = partial(open_cluster or direct_cluster, request.dask_address, request.processes)
        with DaskReaders(cluster, is_own=not request.dask_address) as on_dask:
            yield on_dask
        return
    with LocalReaders(request.processes) as readers:
        is_all_read = request.full_refresh or not Home.of(request.warehouse).ledger.exists()
        if request.processes > 1 and is_all_read:
            _start_where_it_pays(request, readers)
        yield readers


def _start_where_it_pays(request: RunRequest, readers: LocalReaders) -> None:
    folders = (folder for source in request.sources for folder in os.walk(source.root))
    files = islice(((place, name) for place, _, names in folders for name in names), MOST_FILES_LOOKED_AT)
    byte_count = 0
    for count, path in enumerate((os.path.join(place, name) for place, name in files if is_document(name)), 1):
        with suppress(OSError):
            byte_count += os.lstat(path).st_size
        readers.expect(count, byte_count)
        if readers.has_started:
            return
