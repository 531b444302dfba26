"""What a process of ours does before it imports libraries, to start fast and stay small.

pyarrow imports numpy, and pandas with its first array, where they are installed: up to a second, which is longer than
all the rest of a small run. Nothing here needs either. Never call this in a process that others share (a Prefect
worker, a notebook): there they may be wanted.
"""

import ctypes
import sys
from contextlib import suppress

from flows.settings import process_environment

# For our own libraries only; programs that the user names are started without. Pydantic does not search all installed
# packages for plugins, and Arrow takes its memory from the system.
OWN_ENVIRONMENT = {"PYDANTIC_DISABLE_PLUGINS": "__all__", "ARROW_DEFAULT_MEMORY_POOL": "system"}
_M_MMAP_THRESHOLD = -3  # malloc.h
_LARGE_BYTES = 400_000


def prepare_process() -> None:
    """Make later imports fast and memory small. Only for a process that is ours alone."""
    process_environment().update(OWN_ENVIRONMENT)
    skip_numpy_and_pandas()
    # jemalloc, Arrow's own choice, runs a thread, which a process that forks must not have. glibc keeps freed blocks of
    # up to 32 MB unless this limit is set; with it, all processes together took an eighth less memory (measured).
    with suppress(OSError, AttributeError):  # another C library, with another allocator
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)


def skip_numpy_and_pandas() -> None:
    """Make later imports of numpy and pandas fail as if they were not installed. No-op once pyarrow is imported."""
    if "pyarrow" not in sys.modules:
        for name in ("numpy", "pandas"):
            sys.modules.setdefault(name, None)  # type: ignore[arg-type]
