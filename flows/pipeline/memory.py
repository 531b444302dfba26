"""How much memory DuckDB may use, by how many documents there are.

DuckDB's own default is 80 % of the machine, which is not a run's alone: readers ask meanwhile, and reading processes
hold 200 MB each. The numbers were measured (README, "Growing").
"""

LEAST_MEMORY_MB = 350
BYTES_PER_DOCUMENT = 3_500
LEAST_RECORDING_MB = 96
RECORDING_BYTES_PER_DOCUMENT = 1_000


def recording_memory_for(documents: int, setting: str) -> str:
    """Return how much memory DuckDB may use while recording: as set, else 96 MB, 1 kB a document where that is more.

    In: how many documents were scanned and are known, together: a join of both must fit (with 96 MB, one of 100,000
    with 200,000 failed). The reading processes are there at the same time. What one transaction adds to the ledger may
    go to disk meanwhile.
    """
    return setting or f"{max(LEAST_RECORDING_MB, documents * RECORDING_BYTES_PER_DOCUMENT // 1_000_000)}MB"


def memory_for(documents: int, setting: str) -> str:
    """Return how much memory DuckDB may use: as set, else 350 MB, and 3.5 kB a document where that is more.

    DuckDB spills what it joins and sorts, but keeps the index of a key that it builds in memory.
    """
    return setting or f"{max(LEAST_MEMORY_MB, documents * BYTES_PER_DOCUMENT // 1_000_000)}MB"
